"""Computes the frozen activations that a task's free neurons read, sample by sample."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

from clnp_core.arithmetic import owned
from clnp_core.lazy import torch
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 1024
_CONVOLUTION_BATCH = 256


class Sources:
    """The images of a split, and what the active neurons pass on of them.

    That does not change while a task is trained, so it is computed once, from the last layer down as far as there is
    room. Below, it is computed anew for each batch, if free neurons read it.

    Parameters
    ----------
    network : Trainable
    x : tensor [N, inputs]
    limit : int
        Bytes that what is kept may take.

    Attributes
    ----------
    numbers : int
        What `at` gives for one sample.
    """

    def __init__(self, network: Trainable, x: Tensor, limit: int) -> None:
        self._network = network
        self._x = x
        architecture = network.architecture
        shapes = [
            (layer.width, *maps) for layer, maps in zip(network.frozen_layers, architecture.passed_maps, strict=False)
        ]
        first = len(shapes)
        while first and (limit := limit - len(x) * math.prod(shapes[first - 1]) * x.element_size()) >= 0:
            first -= 1
        # A layer that no free neuron reads is not needed once what is above it is kept.
        readers = [layer.width for layer in network.layers[1:]] + [1]
        read = [layer for layer in range(first) if readers[layer]]
        self._computed = max(read) + 1 if read else 0
        self._unread = shapes[self._computed : first]
        self.numbers = x.shape[-1] + sum(map(math.prod, shapes))
        # Of maps, a pixel's channels lie side by side: as convolutions read them.
        self._kept = [x.new_empty(len(x), *shape[1:], shape[0]) for shape in shapes[first:]]
        step = _BATCH if architecture.is_plain else _CONVOLUTION_BATCH
        for start in range(0, len(x) if self._kept else 0, step):
            rows = slice(start, start + step)
            for kept, passed in zip(self._kept, network.sources(x[rows])[1 + first :], strict=True):
                kept[rows] = passed.movedim(1, -1)

    def __len__(self) -> int:
        return len(self._x)

    def at(self, rows: Tensor | slice) -> list[Tensor]:
        """As `Trainable.sources` gives them: rows [..., batch] → [..., batch, inputs] and [..., batch, A_l, ...].

        Of a layer that no free neuron reads there may be zeros.
        """
        x = _rows(self._x, rows)
        lead = x.shape[:-1]
        computed = self._passed(x) if self._computed else []
        unread = [x.new_zeros(()).expand(*lead, *shape) for shape in self._unread]
        return [x, *computed, *unread, *(_rows(kept, rows).movedim(-1, len(lead)) for kept in self._kept)]

    def _passed(self, x: Tensor) -> list[Tensor]:
        """What the layers that are not kept pass on: x [..., batch, inputs] → [..., batch, A_l, ...] of each.

        Batch by batch, each in memory of its own as it would be alone: how many are asked for together, and by how many
        replicas, must not show in a bit.
        """
        if x.ndim == 2:
            return [passed for _, passed in islice(self._network.frozen(x), self._computed)]
        each = [self._passed(owned(batch)) for batch in x.flatten(0, -3)]
        return [torch.stack(layer).unflatten(0, x.shape[:-2]) for layer in zip(*each, strict=True)]


def _rows(tensor: Tensor, rows: Tensor | slice) -> Tensor:
    if isinstance(rows, slice):
        return tensor[rows]
    found: Tensor = tensor.index_select(0, rows.flatten()).unflatten(0, rows.shape)  # faster than tensor[rows]
    return found
