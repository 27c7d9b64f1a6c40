"""Evaluates the nested pruned networks of one candidate together, so that a scan over many thresholds costs little."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.methods.training import Measure, no_pulse
from clnp_core.methods.training.evaluation import right_by_class, share_right
from clnp_core.networks.layers import Layer, as_input, joined, linear, passed_on
from clnp_core.networks.subnetwork import Trainable
from clnp_core.tasks.streams import Split

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 512  # what a scan goes over again and again for each of these stays in the processor's cache


@dataclass(frozen=True)
class Batch:
    """What the pruned networks of one candidate share on a batch of samples.

    Attributes
    ----------
    y : int64 tensor [batch]
    frozen : list of tensors
        What the active neurons pass on, as `Trainable.sources` gives it.
    first : tensor [batch, n, ...]
        Activations of the first layer's n most active free neurons.
    second : optional
        The second layer, where it is not computed anew for each network.
    """

    y: Tensor
    frozen: list[Tensor]
    first: Tensor
    second: _Growing | _Kept | None = None


class Nested:
    """The pruned networks of one candidate, all at once.

    A higher threshold leaves a part of what a lower one leaves. So with the neurons sorted by activity, the network
    pruned at any threshold is the first rows and columns of one set of matrices. From the smallest network to the
    largest, the first layer is computed once; of dense layers the second one is added to where it grows; and only what
    comes after is computed for each threshold.

    Parameters
    ----------
    network : Trainable
    free : sequence of float64 arrays [F_l]
        Activity of its free neurons, per hidden layer.
    """

    def __init__(self, network: Trainable, free: Sequence[np.ndarray]) -> None:
        orders = [np.argsort(-activity, kind="stable") for activity in free]
        device = network.head_weight.device
        rows = [torch.from_numpy(order).to(device) for order in orders]
        columns = [
            torch.cat((torch.arange(read, device=device), read + row))
            for read, row in zip(network.read, rows, strict=True)
        ]
        first, *others = (layer.rows(row) for layer, row in zip(network.layers, rows, strict=True))
        self._network = network
        self._layers = [first, *(layer.columns(below) for layer, below in zip(others, columns, strict=False))]
        self._head = network.head_weight[:, columns[-1]]

    def batches(self, split: Split, widest: Sequence[int], pulse: Callable[[], None] = no_pulse) -> Iterator[Batch]:
        """A split, batch by batch, with what networks share that keep at most so many neurons of each hidden layer."""
        for x, y in zip(split.x.split(_BATCH), split.y.split(_BATCH), strict=True):
            pulse()
            yield self.batch(y, self._network.sources(x), widest)

    def batch(self, y: Tensor, sources: list[Tensor], widest: Sequence[int]) -> Batch:
        """A batch of samples, given its labels and what is read of it."""
        x, *frozen = sources
        first = self._activation(0, as_input(self._network.architecture, x), widest[0])
        return self.growing(Batch(y, frozen, first), widest)

    def growing(self, batch: Batch, widest: Sequence[int]) -> Batch:
        """The batch, with the second layer of plain networks to be computed as it grows."""
        if not self._network.architecture.is_plain or len(widest) < 2:
            return batch
        return replace(batch, second=_Growing(batch.first, batch.frozen, self._layers[1], widest[1]))

    def keeping(self, batch: Batch, stops: Sequence[int]) -> Batch:
        """The batch of a plain network, whole, with the second layer kept for some counts of neurons below it."""
        return replace(batch, second=_Kept(batch.first, batch.frozen, self._layers[1], stops))

    def accuracies(self, counts: np.ndarray, batches: Iterable[Batch], measure: Measure = "accuracy") -> np.ndarray:
        """Accuracy of each pruned network.

        Parameters
        ----------
        counts : int array [T, L]
            Free neurons each of them keeps of each hidden layer, the most active ones. No column ever falls.
        batches : iterable of Batch
            Of all that is counted, wide enough for the last of them.
        measure : {"accuracy", "balanced"}

        Returns
        -------
        float array [T]
        """
        classes = len(self._head)
        right, sizes = np.zeros((len(counts), classes), int), np.zeros(classes, int)
        with torch.no_grad():
            for batch in batches:
                found = torch.stack([logits.argmax(1) == batch.y for logits in self._logits(batch, counts)])
                right += right_by_class(found, batch.y, classes).cpu().numpy()
                sizes += torch.bincount(batch.y, minlength=classes).cpu().numpy()
        return share_right(right, sizes, measure)

    def _logits(self, batch: Batch, counts: np.ndarray) -> Iterator[Tensor]:
        architecture, frozen = self._network.architecture, batch.frozen
        first, second = batch.first, batch.second
        passed: list[Tensor] = []
        before: Sequence[int] = ()
        for kept in counts:
            # Up to the first layer that keeps another number of neurons than before, all is as it was.
            changed = (layer for layer in range(len(before)) if before[layer] != kept[layer])
            same = next(changed, len(before))
            del passed[same:]
            for layer in range(same, len(kept)):
                if layer == 0:
                    x = passed_on(architecture, 0, first[:, : kept[0]])
                elif layer == 1 and second:
                    x = F.relu(second.grown_to(kept[0], kept[1]))
                else:
                    x = self._activation(layer, joined(frozen, layer - 1, passed[-1]), kept[layer])
                    x = passed_on(architecture, layer, x)
                passed.append(x)
            before = kept
            x = joined(frozen, len(kept) - 1, passed[-1])
            yield linear(x, self._head[:, : x.shape[1]], self._network.head_bias)

    def _activation(self, layer: int, x: Tensor, count: int) -> Tensor:
        """Of the layer's most active neurons, so many, given what they read."""
        most_active = self._layers[layer].rows(slice(count)).columns(slice(x.shape[1]))
        return most_active.activations(self._network.architecture, layer, x)


class _Growing:
    """Pre-activations of the second layer for a batch, as ever more neurons of both layers are kept."""

    def __init__(self, below: Tensor, frozen: list[Tensor], layer: Layer, widest: int) -> None:
        read = frozen[0].shape[1] if frozen else 0
        self._below = below
        self._weight = layer.weight[:, read:]
        self._kept = (0, 0)
        self._sums = layer.bias[:widest].repeat(len(below), 1)  # [batch, widest]
        if read:
            self._sums.addmm_(frozen[0], layer.weight[:widest, :read].T)

    def grown_to(self, columns: int, rows: int) -> Tensor:
        """[batch, rows], with that many neurons of the layer below."""
        columns_before, rows_before = self._kept
        self._kept = (columns, rows)
        if columns > columns_before:
            added = slice(columns_before, columns)
            self._sums[:, :rows_before].addmm_(self._below[:, added], self._weight[:rows_before, added].T)
        if rows > rows_before:
            added = slice(rows_before, rows)
            self._sums[:, added].addmm_(self._below[:, :columns], self._weight[added, :columns].T)
        return self._sums[:, :rows]


class _Kept:
    """The same, where any number of neurons may follow any other: goes on from the nearest of a few that are kept."""

    def __init__(self, below: Tensor, frozen: list[Tensor], layer: Layer, stops: Sequence[int]) -> None:
        self._anew = partial(_Growing, below, frozen, layer)
        growing = self._anew(layer.width)
        self._sums = {stop: growing.grown_to(stop, layer.width).clone() for stop in stops}
        self._read = frozen[0].shape[1] if frozen else 0
        self._below = below
        self._weight = layer.weight[:, self._read :]

    def grown_to(self, columns: int, rows: int) -> Tensor:
        """[batch, rows], with that many neurons of the layer below."""
        near, nearest = min(((abs(columns - stop), stop) for stop in self._sums), default=(math.inf, 0))
        if near >= self._read + columns:
            return self._anew(rows).grown_to(columns, rows)
        between = slice(*sorted((nearest, columns)))
        sign = 1 if columns > nearest else -1
        weight = self._weight[:rows, between].T
        return torch.addmm(self._sums[nearest][:, :rows], self._below[:, between], weight, alpha=sign)
