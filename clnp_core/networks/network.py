"""The full-width network between two tasks: its weights, and the owner of each neuron."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.lazy import torch
from clnp_core.networks import partition
from clnp_core.networks.architectures import Architecture, architecture_data, as_architecture
from clnp_core.networks.layers import Layer, Norm, forward_pass, fresh_norm, linear, passed_on

if TYPE_CHECKING:
    from torch import Tensor


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
    layers : tuple of Layer, of N_l neurons that read N_{l-1}
        The hidden ones, full width.
    head_weights : tuple of tensors [outputs, N_L, ...]
        One for a single head, of which a task reads its first outputs; one per learned task for multi-head, with the
        outputs of that task (`Architecture.outputs_of`).
    head_biases : tuple of tensors [outputs]
        One per learned task for multi-head; none for a single head, whose shared bias could not be trained by a
        second task without changing the first.
    memory : mapping of str to tensor
        What a method carries from task to task besides; none for CLNP.
    """

    architecture: Architecture
    head: str
    tasks: int
    owners: tuple[np.ndarray, ...]
    layers: tuple[Layer, ...]
    head_weights: tuple[Tensor, ...]
    head_biases: tuple[Tensor, ...]
    memory: Mapping[str, Tensor] = field(default_factory=dict)

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Activations of every hidden layer at full width, before pooling: x [batch, inputs] → [batch, N_l, ...]."""
        return [activation for activation, _ in forward_pass(self.architecture, self.layers, x)]

    def read_out(self, task: int, last: Tensor) -> Tensor:
        """Logits of `task` from the last hidden layer's activations: [batch, N_L, ...] → [batch, outputs]."""
        x = passed_on(self.architecture, len(self.layers) - 1, last)
        if self.head == "multi":
            return linear(x, self.head_weights[task - 1], self.head_biases[task - 1])
        mask = torch.from_numpy(partition.single_head_mask(self.owners[-1], task))
        weight = self.head_weights[0][: self.architecture.outputs_of(task)]
        # Masked in the weights: an activation times a masked weight is +0 whatever others train, while a masked
        # activation times their weights is +0 or -0, which would show in the logits of a task that claims nothing.
        return linear(x, torch.where(mask.view(1, -1, *[1] * (weight.ndim - 2)), weight, 0.0), None)

    def logits(self, task: int, x: Tensor) -> Tensor:
        """Logits of `task`, computed at full width: x [batch, inputs] → [batch, outputs]."""
        return self.read_out(task, self.hidden(x)[-1])


def initial(architecture: Architecture, head: str, tasks: int = 0) -> Network:
    """A network that has learned nothing: every neuron inactive, every weight 0 until a task initialises it.

    `tasks` is how many came before the one that it is for, which decides how many outputs that one gets.
    """
    *shapes, head_shape = architecture.weight_shapes
    return Network(
        architecture=architecture,
        head=head,
        tasks=tasks,
        owners=tuple(partition.unclaimed(width) for width in architecture.widths),
        layers=tuple(
            Layer(torch.zeros(shape), torch.zeros(form.width), fresh_norm(form.width) if form.batch_norm else None)
            for form, shape in zip(architecture.hidden, shapes, strict=True)
        ),
        head_weights=(torch.zeros(head_shape),) if head == "single" else (),
        head_biases=(),
    )


def reinitialise_free(network: Network, seed: int) -> Network:
    """The network with fresh free weights, everything else as it was (Algorithm 1, 'Re-initialize W_free').

    Draws whole layers and keeps the rows of inactive neurons, with torch's initialiser for `nn.Linear` and `nn.Conv2d`:
    uniform in ±1/√fan_in, of the full width. Where a layer is normalised its inactive neurons start from scale 1, shift
    0 and no statistics. A multi-head network gains the next task's head.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(shape: tuple[int, ...], fan_in: int) -> Tensor:
        bound = 1 / math.sqrt(fan_in)
        return torch.empty(shape).uniform_(-bound, bound, generator=generator)

    def redrawn(layer: Layer, owner: np.ndarray, fan_in: int) -> Layer:
        weight, bias, norm = draw(layer.weight.shape, fan_in), draw(layer.bias.shape, fan_in), None
        if layer.norm:
            bias, norm = torch.zeros_like(bias), fresh_norm(layer.width)
        is_free = torch.from_numpy(owner == partition.FREE_OWNER)

        def chosen(new: Tensor, old: Tensor) -> Tensor:
            return torch.where(is_free.view(-1, *[1] * (new.ndim - 1)), new, old)

        return Layer(weight, bias, norm).each(chosen, layer)

    *_, (outputs, *read) = network.architecture.weight_shapes
    *fan_in, head_fan_in = network.architecture.fan_in
    layers = tuple(map(redrawn, network.layers, network.owners, fan_in))
    if network.head == "multi":
        outputs = network.architecture.outputs_of(network.tasks + 1)
    head_weight = draw((outputs, *read), head_fan_in)
    if network.head == "multi":
        head_weights = (*network.head_weights, head_weight)
        head_biases = (*network.head_biases, draw((outputs,), head_fan_in))
    else:
        is_free = torch.from_numpy(network.owners[-1] == partition.FREE_OWNER)
        columns = is_free.view(1, -1, *[1] * (head_weight.ndim - 2))
        head_weights = (torch.where(columns, head_weight, network.head_weights[0]),)
        head_biases = ()
    return replace(network, layers=layers, head_weights=head_weights, head_biases=head_biases)


def with_fresh_head(network: Network, seed: int) -> Network:
    """The network with a head for the next task, everything else as it was; a single head is there already.

    It is the head that `reinitialise_free` draws from that seed for a network that has learned nothing.
    """
    if network.head == "single":
        return network
    fresh = reinitialise_free(initial(network.architecture, network.head, network.tasks), seed)
    return replace(
        network,
        head_weights=(*network.head_weights, *fresh.head_weights),
        head_biases=(*network.head_biases, *fresh.head_biases),
    )


def grow(network: Network, neurons: tuple[int, ...]) -> Network:
    """Widen hidden layers between two tasks: free neurons are added at the end of each (section 4).

    The weights from them into those that are there are 0, so that every learned task computes the same; but a wider
    product is summed in another order, so that at full width its logits are the same only up to rounding.

    Parameters
    ----------
    network : Network
    neurons : tuple of int
        How many to add to each hidden layer, 0 or more.
    """
    wider = initial(network.architecture.widened(neurons), network.head)

    def filled(tensor: Tensor, new: Tensor) -> Tensor:
        new = new.clone()
        new[tuple(slice(size) for size in tensor.shape)] = tensor
        return new

    *_, (_, *read) = wider.architecture.weight_shapes
    return replace(
        network,
        architecture=wider.architecture,
        owners=tuple(np.pad(owner, (0, added)) for owner, added in zip(network.owners, neurons, strict=True)),
        layers=tuple(layer.each(filled, new) for layer, new in zip(network.layers, wider.layers, strict=True)),
        head_weights=tuple(filled(weight, torch.zeros(len(weight), *read)) for weight in network.head_weights),
    )


def to_tensors(network: Network) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The network as named tensors, owners as int16, and what else there is to say of it as plain data."""
    groups = {
        "weights": [layer.weight for layer in network.layers],
        "biases": [layer.bias for layer in network.layers],
        "head_weights": network.head_weights,
        "head_biases": network.head_biases,
    }
    tensors = {f"{kind}.{place}": tensor for kind, group in groups.items() for place, tensor in enumerate(group)}
    tensors |= {f"memory.{name}": tensor for name, tensor in network.memory.items()}
    tensors |= {f"owners.{place}": torch.from_numpy(owner) for place, owner in enumerate(network.owners)}
    for place, layer in enumerate(network.layers):
        if layer.norm:
            tensors |= {f"norms.{place}.{name}": tensor for name, tensor in vars(layer.norm).items()}
    architecture = architecture_data(network.architecture)
    return tensors, {"architecture": architecture, "head": network.head, "tasks": network.tasks}


def from_tensors(tensors: dict[str, Tensor], described: dict[str, Any]) -> Network:
    """The network that `to_tensors` took apart."""
    architecture = as_architecture(described["architecture"])

    def group(kind: str) -> tuple[Tensor, ...]:
        count = sum(name.startswith(f"{kind}.") for name in tensors)
        return tuple(tensors[f"{kind}.{place}"] for place in range(count))

    norms = [
        Norm(*(tensors[f"norms.{place}.{name}"] for name in ("scale", "mean", "variance"))) if form.batch_norm else None
        for place, form in enumerate(architecture.hidden)
    ]
    return Network(
        architecture=architecture,
        head=described["head"],
        tasks=described["tasks"],
        owners=tuple(owner.numpy() for owner in group("owners")),
        layers=tuple(map(Layer, group("weights"), group("biases"), norms)),
        head_weights=group("head_weights"),
        head_biases=group("head_biases"),
        memory={name.removeprefix("memory."): tensors[name] for name in tensors if name.startswith("memory.")},
    )


def kept_bytes(network: Network, owners: bool) -> int:
    """Count the bytes of a network that is kept: each tensor at its type, masks of bools at one bit for each entry.

    `owners` tells whether the owners of its neurons have to be kept.
    """
    tensors, _ = to_tensors(network)
    kept = [tensor for name, tensor in tensors.items() if owners or not name.startswith("owners.")]
    return sum(
        math.ceil(each.numel() / 8) if each.dtype == torch.bool else each.numel() * each.element_size() for each in kept
    )


def digest(network: Network) -> str:
    """SHA-256 of all that the network is, hexadecimal."""
    tensors, described = to_tensors(network)
    return content_digest(
        described, ((name, tensors[name].shape, tensors[name].contiguous().numpy().data) for name in sorted(tensors))
    )


def content_digest(described: dict[str, Any], tensors: Iterable[tuple[str, Sequence[int], bytes | memoryview]]) -> str:
    """`digest` of what `to_tensors` gives: the plain data; and each tensor's name, shape and bytes, sorted by name."""
    hashed = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name, shape, content in tensors:
        hashed.update(f"{name} {list(shape)}".encode())
        hashed.update(content)
    return hashed.hexdigest()
