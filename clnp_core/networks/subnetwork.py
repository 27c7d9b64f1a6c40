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
from clnp_core.networks.layers import Layer, Norm, as_input, dropped_out, forward_pass, joined, linear, passed_on
from clnp_core.networks.network import Network

if TYPE_CHECKING:
    from torch import Tensor


def _cut(layer: Layer, rows: np.ndarray, columns: np.ndarray | None) -> Layer:
    """Copy of some neurons, reading only some of those below; all of them where `columns` is None."""
    cut = layer.rows(torch.from_numpy(rows))
    return cut if columns is None else cut.columns(torch.from_numpy(columns)).each(torch.Tensor.contiguous)


@dataclass(frozen=True)
class TaskNetwork:
    """The network of one task, as narrow as its neurons are few (section 2.2: 'a sub-network of smaller width').

    Attributes
    ----------
    architecture : Architecture
        Of the full-width network it is cut out of.
    layers : tuple of Layer, of n_l neurons that read n_{l-1}
        The hidden ones; n_l neurons with 0 < owner <= task.
    head_weight : tensor [outputs, n_L, ...]
    head_bias : tensor [outputs] or None
    """

    architecture: Architecture
    layers: tuple[Layer, ...]
    head_weight: Tensor
    head_bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Logits: x [batch, inputs] → [batch, outputs]."""
        for _, passed in forward_pass(self.architecture, self.layers, x):
            x = passed
        return linear(x, self.head_weight, self.head_bias)


def neurons_of(network: Network, task: int) -> list[np.ndarray]:
    """List the neurons of a learned task's network, per hidden layer an int array.

    With a single head only the last layer's neurons that `task` itself claimed are read, so only they are in it.
    """
    neurons = [partition.of_task(owner, task) for owner in network.owners]
    if network.head == "single":
        neurons[-1] = np.flatnonzero(partition.single_head_mask(network.owners[-1], task))
    return neurons


def task_network(network: Network, task: int) -> TaskNetwork:
    """Cut the network of a learned task out of the full-width network.

    Nothing that later tasks train is in it, so it stays the same to the bit.
    """
    kept = neurons_of(network, task)
    head = 0 if network.head == "single" else task - 1
    return TaskNetwork(
        architecture=network.architecture,
        layers=tuple(map(_cut, network.layers, kept, [None, *kept])),
        head_weight=_columns(network, head, task, kept[-1]),
        head_bias=network.head_biases[head] if network.head == "multi" else None,
    )


def _columns(network: Network, head: int, task: int, columns: np.ndarray) -> Tensor:
    """What a head reads of some neurons, for the outputs of a task: all of its own head, the first of a shared one."""
    weight = network.head_weights[head][: network.architecture.outputs_of(task)]
    return weight[:, torch.from_numpy(columns)].contiguous()


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
    frozen_layers : tuple of Layer, of A_l neurons that read A_{l-1}
        Of those hidden layers whose active neurons are read.
    layers : tuple of Layer, of F_l neurons that read A_{l-1} + F_{l-1}
    head_weight : tensor [outputs, A_L + F_L, ...], for a single head [outputs, F_L, ...]
    head_bias : tensor [outputs] or None
    """

    architecture: Architecture
    free: tuple[np.ndarray, ...]
    frozen_layers: tuple[Layer, ...]
    layers: tuple[Layer, ...]
    head_weight: Tensor
    head_bias: Tensor | None

    def parameters(self) -> list[Tensor]:
        """Every tensor that training changes by its gradient: matrices, hidden layers then head; biases; scales."""
        head_bias = [] if self.head_bias is None else [self.head_bias]
        matrices = [*(layer.weight for layer in self.layers), self.head_weight]
        biases = [*(layer.bias for layer in self.layers), *head_bias]
        return [*matrices, *biases, *(layer.norm.scale for layer in self.layers if layer.norm)]

    def with_parameters(self, tensors: Sequence[Tensor]) -> Trainable:
        """The same network with other tensors in the places of `parameters`."""
        left = iter(tensors)
        weights = [next(left) for _ in self.layers]
        head_weight = next(left)
        biases = [next(left) for _ in self.layers]
        head_bias = None if self.head_bias is None else next(left)
        norms = [layer.norm and Norm(next(left), layer.norm.mean, layer.norm.variance) for layer in self.layers]
        return replace(
            self, layers=tuple(map(Layer, weights, biases, norms)), head_weight=head_weight, head_bias=head_bias
        )

    def statistics(self) -> list[Tensor]:
        """The running statistics of the layers that are normalised, mean and variance of each."""
        norms = [layer.norm for layer in self.layers if layer.norm]
        return [tensor for norm in norms for tensor in (norm.mean, norm.variance)]

    def with_statistics(self, tensors: Sequence[Tensor]) -> Trainable:
        """The same network with other tensors in the places of `statistics`."""
        left = iter(tensors)
        norms = [layer.norm and Norm(layer.norm.scale, next(left), next(left)) for layer in self.layers]
        layers = (replace(layer, norm=norm) for layer, norm in zip(self.layers, norms, strict=True))
        return replace(self, layers=tuple(layers))

    def each(self, change: Callable[[Tensor], Tensor]) -> Trainable:
        """With every tensor that training changes changed in the same way."""
        return replace(
            self,
            layers=tuple(layer.each(change) for layer in self.layers),
            head_weight=change(self.head_weight),
            head_bias=None if self.head_bias is None else change(self.head_bias),
        )

    def to(self, device: torch.device) -> Trainable:
        """The same network on another device."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device)

        return replace(self.each(moved), frozen_layers=tuple(layer.each(moved) for layer in self.frozen_layers))

    def frozen(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Activations of the active neurons, layer by layer: before pooling, and as they are passed on.

        x [batch, inputs] → [batch, A_l, ...] of each layer that is read.
        """
        return forward_pass(self.architecture, self.frozen_layers, x)

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
        for place, layer in enumerate(self.layers):
            x = reads(place, x) if reads else x
            trained.append(layer.activations(self.architecture, place, x, training))
            x = joined(frozen, place, passed_on(self.architecture, place, trained[-1]))  # [batch, A_l + F_l, ...]
            if training and (rate := self.architecture.hidden[place].dropout):
                assert drops is not None  # a training has them
                x = dropped_out(x, rate, drops)
        x = reads(len(trained), x) if reads else x
        return linear(x, self.head_weight, self.head_bias), trained

    def __call__(self, x: Tensor) -> Tensor:
        """Logits: x [batch, inputs] → [batch, outputs]."""
        return self.forward(self.sources(x))[0]

    @property
    def read(self) -> list[int]:
        """A_l of each hidden layer: how many active neurons the layer above reads; 0 where a single head masks them."""
        counts = [layer.width for layer in self.frozen_layers]
        return counts + [0] * (len(self.layers) - len(counts))

    def keep(self, kept: list[np.ndarray]) -> Trainable:
        """The same network without the free neurons that are not kept.

        Parameters
        ----------
        kept : per hidden layer a bool array [F_l]
        """
        columns = [
            np.concatenate((np.arange(active), active + np.flatnonzero(keep)))
            for active, keep in zip(self.read, kept, strict=True)
        ]
        return replace(
            self,
            free=tuple(free[keep] for free, keep in zip(self.free, kept, strict=True)),
            layers=tuple(map(_cut, self.layers, map(np.flatnonzero, kept), [None, *columns])),
            head_weight=self.head_weight[:, torch.from_numpy(columns[-1])].contiguous(),
        )


def trainable(network: Network) -> Trainable:
    """Cut out what the next task trains, with copies of the free weights.

    Below a layer that is full nothing is trained: what is free there leads to no output (it may one day, if that layer
    grows).

    Parameters
    ----------
    network : Network
        From `reinitialise_free`; a multi-head network's last head is the one to train. Of a single head, the outputs
        of classes that the next task does not have are left out.
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
        frozen_layers=tuple(map(_cut, network.layers[:read], claimed, [None, *claimed])),
        layers=tuple(map(_cut, network.layers, free, [None, *both])),
        head_weight=_columns(network, -1, network.tasks + 1, head_columns),
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

    layers = []
    for place, (layer, new) in enumerate(zip(network.layers, learned.layers, strict=True)):
        rows = torch.from_numpy(learned.free[place])
        if place:
            weight = layer.weight[rows]  # [F_l, N_{l-1}, ...]
            read = np.concatenate((claimed_before[place - 1], learned.free[place - 1]))
            weight[:, torch.from_numpy(read)] = new.weight
            claimed = torch.from_numpy(np.flatnonzero(kept[place]))
            weight[claimed[:, None], torch.from_numpy(partition.inactive(owners[place - 1]))] = 0.0
            new = replace(new, weight=weight)
        layers.append(_written(layer, new, rows))

    free_last = torch.from_numpy(learned.free[-1])
    if network.head == "multi":
        *_, (_, *read_by_head) = network.architecture.weight_shapes
        head_weight = torch.zeros(len(learned.head_weight), *read_by_head)
        head_weight[:, torch.cat((torch.from_numpy(claimed_before[-1]), free_last))] = learned.head_weight
        head_weight[:, torch.from_numpy(partition.inactive(owners[-1]))] = 0.0
        head_weights = (*network.head_weights, head_weight)
        assert learned.head_bias is not None  # every head of several has one
        head_biases = (*network.head_biases, learned.head_bias)
    else:
        head_weight = network.head_weights[0].clone()
        head_weight[: len(learned.head_weight), free_last] = learned.head_weight
        head_weights, head_biases = (head_weight,), ()
    return replace(
        network,
        tasks=task,
        owners=tuple(owners),
        layers=tuple(layers),
        head_weights=head_weights,
        head_biases=head_biases,
    )


def _written(layer: Layer, new: Layer, rows: Tensor) -> Layer:
    """The layer with those of its neurons replaced."""
    return layer.each(lambda tensor, learned: tensor.index_copy(0, rows, learned), new)
