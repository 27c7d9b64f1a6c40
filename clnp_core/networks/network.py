"""The full-width network between two tasks: its weights, and the owner of each neuron."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from clnp_core.networks import partition
from clnp_core.networks.architectures import ARCHITECTURES, Architecture


@dataclass(frozen=True)
class Network:
    """A continual learner's whole state. Never changed in place: what learns returns a new one.

    Attributes
    ----------
    architecture : Architecture
    head : {"single", "multi"}
        One output layer that all tasks share through masks, or one per task (section 2.1, Fig. 2).
    tasks : int
        Tasks learned so far.
    owners : tuple of int16 arrays [N_l]
        Per hidden layer, see `clnp_core.networks.partition`.
    weights, biases : tuples of tensors [N_l, N_{l-1}], [N_l]
        Per hidden layer, full width.
    head_weights : tuple of tensors [outputs, N_L]
        One for a single head, one per learned task for multi-head.
    head_biases : tuple of tensors [outputs]
        One per learned task for multi-head; none for a single head, whose shared bias could not be trained by a
        second task without changing the first.
    """

    architecture: Architecture
    head: str
    tasks: int
    owners: tuple[np.ndarray, ...]
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    head_weights: tuple[Tensor, ...]
    head_biases: tuple[Tensor, ...]

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Activations of every hidden layer at full width: x [batch, inputs] → one [batch, N_l] per layer."""
        activations = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = F.relu(F.linear(x, weight, bias))
            activations.append(x)
        return activations

    def read_out(self, task: int, last: Tensor) -> Tensor:
        """Logits of `task` from the last hidden layer's activations: [batch, N_L] → [batch, outputs]."""
        if self.head == "multi":
            return F.linear(last, self.head_weights[task - 1], self.head_biases[task - 1])
        mask = torch.from_numpy(partition.single_head_mask(self.owners[-1], task))
        # Masked in the weights: an activation times a masked weight is +0 whatever others train, while a masked
        # activation times their weights is +0 or -0, which would show in the logits of a task that claims nothing.
        return F.linear(last, torch.where(mask, self.head_weights[0], 0.0))

    def logits(self, task: int, x: Tensor) -> Tensor:
        """Logits of `task`, computed at full width: x [batch, inputs] → [batch, outputs]."""
        return self.read_out(task, self.hidden(x)[-1])


def initial(architecture: Architecture, head: str) -> Network:
    """A network that has learned nothing: every neuron inactive, every weight 0 until a task initialises it."""
    shapes = list(zip(architecture.widths, architecture.fan_in, strict=False))
    return Network(
        architecture=architecture,
        head=head,
        tasks=0,
        owners=tuple(partition.unclaimed(width) for width in architecture.widths),
        weights=tuple(torch.zeros(shape) for shape in shapes),
        biases=tuple(torch.zeros(width) for width in architecture.widths),
        head_weights=(torch.zeros(architecture.outputs, architecture.widths[-1]),) if head == "single" else (),
        head_biases=(),
    )


def reinitialise_free(network: Network, seed: int) -> Network:
    """The network with fresh free weights, everything else as it was (Algorithm 1, 'Re-initialize W_free').

    Draws whole layers and keeps the rows of inactive neurons, with torch's initialiser for `nn.Linear`: uniform in
    ±1/√fan_in, of the full width. A multi-head network gains the next task's head.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(shape: tuple[int, ...], fan_in: int) -> Tensor:
        bound = 1 / math.sqrt(fan_in)
        return torch.empty(shape).uniform_(-bound, bound, generator=generator)

    fan_in = network.architecture.fan_in
    weights, biases = [], []
    for weight, bias, owner, inputs in zip(
        network.weights, network.biases, network.owners, fan_in, strict=False
    ):
        is_free = torch.from_numpy(owner == partition.FREE_OWNER)
        weights.append(torch.where(is_free[:, None], draw(weight.shape, inputs), weight))
        biases.append(torch.where(is_free, draw(bias.shape, inputs), bias))
    head_shape = (network.architecture.outputs, fan_in[-1])
    head_weight = draw(head_shape, fan_in[-1])
    if network.head == "multi":
        head_weights = (*network.head_weights, head_weight)
        head_biases = (*network.head_biases, draw(head_shape[:1], fan_in[-1]))
    else:
        is_free = torch.from_numpy(network.owners[-1] == partition.FREE_OWNER)
        head_weights = (torch.where(is_free, head_weight, network.head_weights[0]),)
        head_biases = ()
    return replace(
        network,
        weights=tuple(weights),
        biases=tuple(biases),
        head_weights=head_weights,
        head_biases=head_biases,
    )


def to_tensors(network: Network) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The network as named tensors, owners as int16, and what else there is to say of it as plain data."""
    tensors = {
        f"{kind}.{place}": tensor
        for kind in ("weights", "biases", "head_weights", "head_biases")
        for place, tensor in enumerate(getattr(network, kind))
    }
    tensors |= {f"owners.{place}": torch.from_numpy(owner) for place, owner in enumerate(network.owners)}
    return tensors, {"architecture": network.architecture.name, "head": network.head, "tasks": network.tasks}


def from_tensors(tensors: dict[str, Tensor], described: dict[str, Any]) -> Network:
    """The network that `to_tensors` took apart."""

    def group(kind: str) -> tuple[Tensor, ...]:
        count = sum(name.startswith(f"{kind}.") for name in tensors)
        return tuple(tensors[f"{kind}.{place}"] for place in range(count))

    return Network(
        architecture=ARCHITECTURES[described["architecture"]],
        head=described["head"],
        tasks=described["tasks"],
        owners=tuple(owner.numpy() for owner in group("owners")),
        weights=group("weights"),
        biases=group("biases"),
        head_weights=group("head_weights"),
        head_biases=group("head_biases"),
    )


def digest(network: Network) -> str:
    """SHA-256 of all that the network is, hexadecimal."""
    tensors, described = to_tensors(network)
    hashed = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        hashed.update(f"{name} {list(tensors[name].shape)}".encode())
        hashed.update(tensors[name].contiguous().numpy())
    return hashed.hexdigest()
