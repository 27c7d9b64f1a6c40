"""Narrow networks cut out of the full-width one: `TaskNetwork` to use, `Trainable` to train.

Free weights are whole rows, so training needs no masks: a `Trainable` is a small dense block of the rows of
inactive neurons beside the frozen narrow network of the active ones (DESIGN: 'One idea carries everything').
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clnp_core.lazy import torch
from clnp_core.networks import partition
from clnp_core.networks.architectures import Architecture
from clnp_core.networks.layers import Norm, activate, as_input, dropped_out, joined, linear, passed_on
from clnp_core.networks.network import Network

if TYPE_CHECKING:
    from torch import Tensor


def _rows_and_columns(weight: Tensor, rows: np.ndarray, columns: np.ndarray | None) -> Tensor:
    """Copy of weight[rows][:, columns]; all columns where `columns` is None."""
    picked = weight[torch.from_numpy(rows)]
    return picked if columns is None else picked[:, torch.from_numpy(columns)].contiguous()


def _norm_rows(norm: Norm | None, rows: np.ndarray) -> Norm | None:
    """Copy of the normalisation of those neurons."""
    return norm and norm.each(lambda tensor: tensor[torch.from_numpy(rows)])


@dataclass(frozen=True)
class TaskNetwork:
    """The network of one task, as narrow as its neurons are few (section 2.2: 'a sub-network of smaller width').

    Attributes
    ----------
    architecture : Architecture
        Of the full-width network it is cut out of.
    weights, biases : tuples of tensors [n_l, n_{l-1}, ...], [n_l]
        Hidden layers; n_l neurons with 0 < owner <= task.
    norms : tuple of Norm [n_l] or None
    head_weight : tensor [outputs, n_L, ...]
    head_bias : tensor [outputs] or None
    """

    architecture: Architecture
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    norms: tuple[Norm | None, ...]
    head_weight: Tensor
    head_bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Logits: x [batch, inputs] → [batch, outputs]."""
        x = as_input(self.architecture, x)
        for layer, parameters in enumerate(zip(self.weights, self.biases, self.norms, strict=True)):
            x = passed_on(self.architecture, layer, activate(self.architecture, layer, x, *parameters))
        return linear(x, self.head_weight, self.head_bias)


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
        architecture=network.architecture,
        weights=tuple(map(_rows_and_columns, network.weights, kept, sources)),
        biases=tuple(bias[torch.from_numpy(rows)] for bias, rows in zip(network.biases, kept, strict=True)),
        norms=tuple(map(_norm_rows, network.norms, kept)),
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
    architecture : Architecture
        Of the full-width network.
    free : tuple of int arrays [F_l]
        Which full-width neurons the free rows are.
    frozen_weights, frozen_biases : tuples of tensors [A_l, A_{l-1}, ...], [A_l]
        Of the layers whose active neurons are read.
    frozen_norms : tuple of Norm [A_l] or None
    weights, biases : tuples of tensors [F_l, A_{l-1} + F_{l-1}, ...], [F_l]
    norms : tuple of Norm [F_l] or None
    head_weight : tensor [outputs, A_L + F_L, ...], for a single head [outputs, F_L, ...]
    head_bias : tensor [outputs] or None
    """

    architecture: Architecture
    free: tuple[np.ndarray, ...]
    frozen_weights: tuple[Tensor, ...]
    frozen_biases: tuple[Tensor, ...]
    frozen_norms: tuple[Norm | None, ...]
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    norms: tuple[Norm | None, ...]
    head_weight: Tensor
    head_bias: Tensor | None

    def parameters(self) -> list[Tensor]:
        """Every tensor that training changes by its gradient: matrices, hidden layers then head; biases; scales."""
        biases = self.biases if self.head_bias is None else (*self.biases, self.head_bias)
        return [*self.weights, self.head_weight, *biases, *(norm.scale for norm in self.norms if norm)]

    def with_parameters(self, tensors: Sequence[Tensor]) -> Trainable:
        """The same network with other tensors in the places of `parameters`."""
        left = iter(tensors)
        layers = range(len(self.weights))
        return replace(
            self,
            weights=tuple(next(left) for _ in layers),
            head_weight=next(left),
            biases=tuple(next(left) for _ in layers),
            head_bias=None if self.head_bias is None else next(left),
            norms=tuple(norm and replace(norm, scale=next(left)) for norm in self.norms),
        )

    def statistics(self) -> list[Tensor]:
        """The running statistics of the layers that are normalised, mean and variance of each."""
        return [tensor for norm in self.norms if norm for tensor in (norm.mean, norm.variance)]

    def with_statistics(self, tensors: Sequence[Tensor]) -> Trainable:
        """The same network with other tensors in the places of `statistics`."""
        left = iter(tensors)
        norms = (norm and replace(norm, mean=next(left), variance=next(left)) for norm in self.norms)
        return replace(self, norms=tuple(norms))

    def each(self, change: Callable[[Tensor], Tensor]) -> Trainable:
        """With every tensor that training changes changed in the same way."""
        changed = self.with_parameters([change(tensor) for tensor in self.parameters()])
        return changed.with_statistics([change(tensor) for tensor in self.statistics()])

    def to(self, device: torch.device) -> Trainable:
        """The same network on another device."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device)

        return replace(
            self.each(moved),
            frozen_weights=tuple(map(moved, self.frozen_weights)),
            frozen_biases=tuple(map(moved, self.frozen_biases)),
            frozen_norms=tuple(norm and norm.each(moved) for norm in self.frozen_norms),
        )

    def frozen(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Activations of the active neurons, layer by layer: before pooling, and as they are passed on.

        x [batch, inputs] → [batch, A_l, ...] of each layer that is read.
        """
        x = as_input(self.architecture, x)
        layers = zip(self.frozen_weights, self.frozen_biases, self.frozen_norms, strict=True)
        for layer, parameters in enumerate(layers):
            activation = activate(self.architecture, layer, x, *parameters)
            x = passed_on(self.architecture, layer, activation)
            yield activation, x

    def sources(self, x: Tensor) -> list[Tensor]:
        """What the free rows read and cannot change: the images, and what the active neurons pass on.

        x [batch, inputs] → x itself, then [batch, A_l, ...] of each layer that is read.
        """
        return [x, *(passed for _, passed in self.frozen(x))]

    def forward(
        self,
        sources: list[Tensor],
        training: bool = False,
        drops: torch.Generator | None = None,
        reads: Callable[[int, Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits, and the activations of the free neurons before pooling.

        Parameters
        ----------
        sources : list of tensors
            Of a batch, as `sources` gives them.
        training : bool
            Whether free neurons are normalised by the batch's own statistics, which go into the running ones in place,
            and what is read of a layer is dropped out. Active neurons compute what they will always compute.
        drops : torch.Generator, optional
            Draws what is dropped out while training.
        reads : callable, optional
            Changes what a layer reads, given its place, the output layer's being the last.

        Returns
        -------
        tensor [batch, outputs], and per hidden layer a tensor [batch, F_l, ...]
        """
        x, *frozen = sources
        x = as_input(self.architecture, x)
        trained = []
        for layer, parameters in enumerate(zip(self.weights, self.biases, self.norms, strict=True)):
            x = reads(layer, x) if reads else x
            trained.append(activate(self.architecture, layer, x, *parameters, training))
            x = joined(frozen, layer, passed_on(self.architecture, layer, trained[-1]))  # [batch, A_l + F_l, ...]
            if training and (rate := self.architecture.hidden[layer].dropout):
                x = dropped_out(x, rate, drops)
        x = reads(len(trained), x) if reads else x
        return linear(x, self.head_weight, self.head_bias), trained

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
        rows = [np.flatnonzero(keep) for keep in kept]
        weights = [weight[torch.from_numpy(row)] for weight, row in zip(self.weights, rows, strict=True)]
        return replace(
            self,
            free=tuple(free[keep] for free, keep in zip(self.free, kept, strict=True)),
            weights=(
                weights[0],
                *(weight[:, column].contiguous() for weight, column in zip(weights[1:], columns, strict=False)),
            ),
            biases=tuple(bias[torch.from_numpy(row)] for bias, row in zip(self.biases, rows, strict=True)),
            norms=tuple(map(_norm_rows, self.norms, rows)),
            head_weight=self.head_weight[:, columns[-1]].contiguous(),
        )


def trainable(network: Network) -> Trainable:
    """Cut out what the next task trains, with copies of the free weights.

    Below a layer that is full nothing is trained: what is free there leads to no output (it may one day, if that layer
    grows).

    Parameters
    ----------
    network : Network
        From `reinitialise_free`; a multi-head network's last head is the one to train.
    """
    free = [partition.inactive(owner) for owner in network.owners]
    full = max((layer for layer, inactive in enumerate(free) if not len(inactive)), default=0)
    free[:full] = [inactive[:0] for inactive in free[:full]]
    claimed = [partition.active(owner) for owner in network.owners]
    both = [np.concatenate(pair) for pair in zip(claimed, free, strict=True)]
    read = len(claimed) if network.head == "multi" else len(claimed) - 1
    head_columns = both[-1] if network.head == "multi" else free[-1]
    return Trainable(
        architecture=network.architecture,
        free=tuple(free),
        frozen_weights=tuple(map(_rows_and_columns, network.weights[:read], claimed, [None, *claimed])),
        frozen_biases=tuple(
            bias[torch.from_numpy(rows)] for bias, rows in zip(network.biases[:read], claimed, strict=False)
        ),
        frozen_norms=tuple(map(_norm_rows, network.norms[:read], claimed)),
        weights=tuple(map(_rows_and_columns, network.weights, free, [None, *both])),
        biases=tuple(bias[torch.from_numpy(rows)] for bias, rows in zip(network.biases, free, strict=True)),
        norms=tuple(map(_norm_rows, network.norms, free)),
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

    weights, biases, norms = [], [], []
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
        norms.append(_written(network.norms[layer], learned.norms[layer], rows))

    free_last = torch.from_numpy(learned.free[-1])
    if network.head == "multi":
        *_, head_shape = network.architecture.weight_shapes
        head_weight = torch.zeros(head_shape)
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
        norms=tuple(norms),
        head_weights=head_weights,
        head_biases=head_biases,
    )


def _written(norm: Norm | None, learned: Norm | None, rows: Tensor) -> Norm | None:
    """The normalisation of a layer, with what some of its neurons learned."""
    return norm and norm.each(lambda tensor, new: tensor.index_copy(0, rows, new), learned)
