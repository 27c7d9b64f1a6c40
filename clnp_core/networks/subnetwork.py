"""Narrow networks cut out of the full-width one: `TaskNetwork` to use, `Trainable` to train.

Free weights are whole rows, so training needs no masks: a `Trainable` is a small dense block of the rows of
inactive neurons beside the frozen narrow network of the active ones (DESIGN: 'One idea carries everything').
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from clnp_core.networks import partition
from clnp_core.networks.network import Network


def _rows_and_columns(weight: Tensor, rows: np.ndarray, columns: np.ndarray | None) -> Tensor:
    """Copy of weight[rows][:, columns]; all columns where `columns` is None."""
    picked = weight[torch.from_numpy(rows)]
    return picked if columns is None else picked[:, torch.from_numpy(columns)].contiguous()


def joined(frozen: list[Tensor], layer: int, trained: Tensor) -> Tensor:
    """What the layer above reads: activations of the active neurons, if it reads any, then of the free ones.

    frozen[layer] [..., A_l] and trained [..., F_l] → [..., A_l + F_l].
    """
    read = layer < len(frozen) and frozen[layer].shape[-1]
    return torch.cat((frozen[layer], trained), dim=-1) if read else trained


@dataclass(frozen=True)
class TaskNetwork:
    """The network of one task, as narrow as its neurons are few (section 2.2: 'a sub-network of smaller width').

    Attributes
    ----------
    weights, biases : tuples of tensors [n_l, n_{l-1}], [n_l]
        Hidden layers; n_l neurons with 0 < owner <= task.
    head_weight : tensor [outputs, n_L]
    head_bias : tensor [outputs] or None
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    head_weight: Tensor
    head_bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Logits: x [batch, inputs] → [batch, outputs]."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = F.linear(x, weight, bias).relu_()
        return F.linear(x, self.head_weight, self.head_bias)


def task_network(network: Network, task: int) -> TaskNetwork:
    """Cut the network of a learned task out of the full-width network.

    Nothing that later tasks train is in it, so it stays the same to the bit. With a single head only the last
    layer's neurons that `task` itself claimed are read, so only they are kept there.
    """
    kept = [partition.of_task(owner, task) for owner in network.owners]
    if network.head == "single":
        kept[-1] = np.flatnonzero(partition.single_head_mask(network.owners[-1], task))
    head = 0 if network.head == "single" else task - 1
    sources = [None, *kept[:-1]]
    return TaskNetwork(
        weights=tuple(map(_rows_and_columns, network.weights, kept, sources)),
        biases=tuple(bias[torch.from_numpy(rows)] for bias, rows in zip(network.biases, kept, strict=True)),
        head_weight=network.head_weights[head][:, torch.from_numpy(kept[-1])].contiguous(),
        head_bias=network.head_biases[head] if network.head == "multi" else None,
    )


@dataclass(frozen=True)
class Trainable:
    """What one task trains: the free rows, beside the frozen narrow network they may read from.

    Per hidden layer l there are A_l active neurons, which stay as they are, and F_l free ones. A free neuron reads
    [active, free] of the layer below, in this order. The head reads [active, free] of the last layer; a single
    head reads only its free neurons, because the mask hides those of other tasks.

    Attributes
    ----------
    free : tuple of int arrays [F_l]
        Which full-width neurons the free rows are.
    frozen_weights, frozen_biases : tuples of tensors [A_l, A_{l-1}], [A_l]
        Of the layers whose active neurons are read.
    weights, biases : tuples of tensors [F_l, A_{l-1} + F_{l-1}], [F_l]
    head_weight : tensor [outputs, A_L + F_L], for a single head [outputs, F_L]
    head_bias : tensor [outputs] or None
    """

    free: tuple[np.ndarray, ...]
    frozen_weights: tuple[Tensor, ...]
    frozen_biases: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    head_weight: Tensor
    head_bias: Tensor | None

    def parameters(self) -> list[Tensor]:
        """Every tensor that training changes: the matrices, hidden layers then head, then the biases."""
        biases = self.biases if self.head_bias is None else (*self.biases, self.head_bias)
        return [*self.weights, self.head_weight, *biases]

    def with_parameters(self, tensors: Sequence[Tensor]) -> Trainable:
        """The same network with other tensors in the places of `parameters`."""
        layers = len(self.weights)
        return replace(
            self,
            weights=tuple(tensors[:layers]),
            head_weight=tensors[layers],
            biases=tuple(tensors[layers + 1 : 2 * layers + 1]),
            head_bias=None if self.head_bias is None else tensors[-1],
        )

    def to(self, device: torch.device) -> Trainable:
        """The same network on another device."""
        return replace(
            self.with_parameters([tensor.to(device) for tensor in self.parameters()]),
            frozen_weights=tuple(weight.to(device) for weight in self.frozen_weights),
            frozen_biases=tuple(bias.to(device) for bias in self.frozen_biases),
        )

    def sources(self, x: Tensor) -> list[Tensor]:
        """What the free rows read and cannot change: the images, and the activations of the active neurons.

        x [..., inputs] → x itself, then [..., A_l] of each layer that is read.
        """
        read = [x]
        with torch.no_grad():
            for weight, bias in zip(self.frozen_weights, self.frozen_biases, strict=True):
                read.append(F.linear(read[-1], weight, bias).relu_())
        return read

    def forward(self, sources: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """From `sources` of a batch: logits [batch, outputs], and the free neurons' activations [batch, F_l]."""
        x, *frozen = sources
        trained = []
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = F.linear(x, weight, bias).relu_()  # [batch, F_l]
            trained.append(x)
            x = joined(frozen, layer, x)  # [batch, A_l + F_l]
        return F.linear(x, self.head_weight, self.head_bias), trained

    def __call__(self, x: Tensor) -> Tensor:
        """Logits: x [batch, inputs] → [batch, outputs]."""
        return self.forward(self.sources(x))[0]

    @property
    def read(self) -> list[int]:
        """A_l of each hidden layer: how many active neurons the layer above reads; 0 where a single head masks them."""
        counts = [len(bias) for bias in self.frozen_biases]
        return counts + [0] * (len(self.weights) - len(counts))

    def keep(self, kept: list[np.ndarray]) -> Trainable:
        """The same network without the free neurons that are not kept.

        Parameters
        ----------
        kept : per hidden layer a bool array [F_l]
        """
        columns = [
            torch.from_numpy(np.concatenate((np.arange(active), active + np.flatnonzero(keep))))
            for active, keep in zip(self.read, kept, strict=True)
        ]
        rows = [torch.from_numpy(np.flatnonzero(keep)) for keep in kept]
        weights = [weight[row] for weight, row in zip(self.weights, rows, strict=True)]
        return replace(
            self,
            free=tuple(free[keep] for free, keep in zip(self.free, kept, strict=True)),
            weights=(
                weights[0],
                *(weight[:, column].contiguous() for weight, column in zip(weights[1:], columns, strict=False)),
            ),
            biases=tuple(bias[row] for bias, row in zip(self.biases, rows, strict=True)),
            head_weight=self.head_weight[:, columns[-1]].contiguous(),
        )


def trainable(network: Network) -> Trainable:
    """Cut out what the next task trains, with copies of the free weights.

    `network` comes from `reinitialise_free`; a multi-head network's last head is the one to train.
    """
    free = [partition.inactive(owner) for owner in network.owners]
    claimed = [partition.active(owner) for owner in network.owners]
    both = [np.concatenate(pair) for pair in zip(claimed, free, strict=True)]
    read = len(claimed) if network.head == "multi" else len(claimed) - 1
    head_columns = both[-1] if network.head == "multi" else free[-1]
    return Trainable(
        free=tuple(free),
        frozen_weights=tuple(map(_rows_and_columns, network.weights[:read], claimed, [None, *claimed])),
        frozen_biases=tuple(
            bias[torch.from_numpy(rows)] for bias, rows in zip(network.biases[:read], claimed, strict=False)
        ),
        weights=tuple(map(_rows_and_columns, network.weights, free, [None, *both])),
        biases=tuple(
            bias[torch.from_numpy(rows)] for bias, rows in zip(network.biases, free, strict=True)
        ),
        head_weight=network.head_weights[-1][:, torch.from_numpy(head_columns)].contiguous(),
        head_bias=network.head_biases[-1].clone() if network.head == "multi" else None,
    )


def commit(network: Network, learned: Trainable, kept: list[np.ndarray]) -> Network:
    """Write a trained task back and claim its neurons.

    The weights from neurons left inactive into the newly claimed ones, interference from now on, become exactly 0.
    Those from inactive neurons into the new head too. Rows of neurons that are given back keep what training left
    in them until the next task re-initialises them: nothing active reads them.

    Parameters
    ----------
    network : Network
        The one the task began with.
    learned : Trainable
    kept : per hidden layer a bool array [F_l]
        The free neurons that the task claims.
    """
    task = network.tasks + 1
    claimed_before = [partition.active(owner) for owner in network.owners]
    owners = []
    for owner, free, keep in zip(network.owners, learned.free, kept, strict=True):
        owner = owner.copy()
        owner[free[keep]] = task
        owners.append(owner)

    weights, biases = [], []
    sources = [None, *zip(claimed_before, learned.free, owners, strict=True)]
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        rows = torch.from_numpy(learned.free[layer])
        weight, bias = weight.clone(), bias.clone()
        bias[rows] = learned.biases[layer]
        if sources[layer] is None:
            weight[rows] = learned.weights[layer]
        else:
            active_below, free_below, owner_below = sources[layer]
            columns = torch.from_numpy(np.concatenate((active_below, free_below)))
            weight[rows[:, None], columns] = learned.weights[layer]
            new_rows = torch.from_numpy(learned.free[layer][kept[layer]])
            weight[new_rows[:, None], torch.from_numpy(partition.inactive(owner_below))] = 0.0
        weights.append(weight)
        biases.append(bias)

    free_last = torch.from_numpy(learned.free[-1])
    if network.head == "multi":
        head_weight = torch.zeros(len(learned.head_weight), len(owners[-1]))
        head_weight[:, torch.cat((torch.from_numpy(claimed_before[-1]), free_last))] = learned.head_weight
        head_weight[:, torch.from_numpy(partition.inactive(owners[-1]))] = 0.0
        head_weights = (*network.head_weights, head_weight)
        head_biases = (*network.head_biases, learned.head_bias)
    else:
        head_weight = network.head_weights[0].clone()
        head_weight[:, free_last] = learned.head_weight
        head_weights, head_biases = (head_weight,), ()
    return replace(
        network,
        tasks=task,
        owners=tuple(owners),
        weights=tuple(weights),
        biases=tuple(biases),
        head_weights=head_weights,
        head_biases=head_biases,
    )
