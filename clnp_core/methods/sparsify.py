"""Sparsifies a network after training: activities, the threshold scan, and pruning (section 2.2)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods.graceful import ScanPoint, in_margin
from clnp_core.methods.nested import Batch, Nested
from clnp_core.methods.training import Measure, no_pulse
from clnp_core.networks.layers import spatial_mean
from clnp_core.networks.subnetwork import Trainable
from clnp_core.tasks.streams import Split

MAX_THRESHOLDS = 100
"""Thresholds a scan tries at most."""

_BATCH = 512
_TRIED_AT_ONCE = 12  # thresholds of one layer
_SUMS_KEPT = 2


@dataclass(frozen=True)
class Activities:
    """Mean activation of each neuron over a data set, after ReLU; of a channel, over its pixels too.

    Attributes
    ----------
    free : tuple of float64 arrays [F_l]
        Of the neurons that the task trained.
    reused : tuple of float64 arrays [A_l]
        Of those claimed by earlier tasks, as the task sees them. Empty for the last hidden layer under a single
        head, whose mask hides them.
    """

    free: tuple[np.ndarray, ...]
    reused: tuple[np.ndarray, ...]


def activities(network: Trainable, split: Split) -> Activities:
    """Activity of every neuron the task can use, over all samples of `split` (E_S(N_l) in section 2.2)."""
    device = network.head_weight.device
    free = [torch.zeros(layer.width, dtype=torch.float64, device=device) for layer in network.layers]
    reused = [torch.zeros(layer.width, dtype=torch.float64, device=device) for layer in network.frozen_layers]
    with torch.no_grad():
        for x in split.x.split(_BATCH):
            sources, frozen = [x], []
            for activation, passed in network.frozen(x):
                sources.append(passed)
                frozen.append(activation)
            _, trained = network.forward(sources)
            for total, activation in zip((*free, *reused), (*trained, *frozen), strict=True):
                total += spatial_mean(activation).sum(0)
    reused += [torch.zeros(0, dtype=torch.float64)] * (len(free) - len(reused))
    return Activities(
        free=tuple((total / len(split)).cpu().numpy() for total in free),
        reused=tuple((total / len(split)).cpu().numpy() for total in reused),
    )


def above(layers: tuple[np.ndarray, ...], theta: tuple[float, ...]) -> list[np.ndarray]:
    """Which neurons are active, that is have an activity above their layer's θ: bool arrays."""
    return [activity > threshold for activity, threshold in zip(layers, theta, strict=True)]


def thresholds(layer_activities: np.ndarray) -> np.ndarray:
    """0 and the activities at which another neuron falls, ascending; at most `MAX_THRESHOLDS`, evenly by rank."""
    steps = np.unique(np.append(layer_activities, 0.0))
    ranks = np.linspace(0, len(steps) - 1, min(len(steps), MAX_THRESHOLDS)).round().astype(int)
    kept: np.ndarray = steps[ranks]
    return kept


class Prepared:
    """A candidate and a split, made ready to be pruned at θ after θ.

    What no θ changes is computed once and kept: the sorted matrices; and for dense networks, as far as there is room,
    the first layer and the second one's sums over a few numbers of neurons below.

    Parameters
    ----------
    network : Trainable
    measured : Activities
        Its own.
    split : Split
    room : int
        Bytes that activations may take.
    measure : {"accuracy", "balanced"}

    Attributes
    ----------
    bytes : int
        What it takes.
    """

    def __init__(
        self, network: Trainable, measured: Activities, split: Split, room: int, measure: Measure = "accuracy"
    ) -> None:
        self._measured = measured
        self._measure = measure
        self._nested = Nested(network, measured.free)
        self._batches: list[Batch] = []
        self.bytes = 2 * sum(tensor.nbytes for tensor in network.parameters())  # as they are, and sorted
        widths = [layer.width for layer in network.layers]
        first, *second = (4 * len(split) * each for each in (widths[0] + sum(network.read), *widths[1:2]))
        if network.architecture.is_plain and second and first <= room:
            sums = min(_SUMS_KEPT, (room - first) // max(1, *second))
            stops = [widths[0] * number // sums for number in range(1, sums + 1)]
            with torch.no_grad():
                batches = self._nested.batches(split, widths)
                self._batches = [self._nested.keeping(batch, stops) for batch in batches]
            self.bytes += first + sums * sum(second)
        else:
            self._split = split
            self.bytes += split.x.nbytes

    def accuracies(self, thetas: Sequence[tuple[float, ...]]) -> list[float]:
        """Accuracy without the free neurons whose activity is at most θ, a fraction for each θ.

        Parameters
        ----------
        thetas : sequence of tuples, θ per hidden layer
        """
        claimed = [_claimed(self._measured, theta) for theta in thetas]
        reached: dict[tuple[int, ...], float] = {}
        for chain in _chains(claimed):
            reached |= zip(chain, self._accuracies(np.array(chain)).tolist(), strict=True)
        return [reached[counts] for counts in claimed]

    def _accuracies(self, counts: np.ndarray) -> np.ndarray:
        batches: Iterable[Batch] = self._batches
        if not self._batches:
            batches = self._nested.batches(self._split, counts[-1])
        elif len(counts) > 1:
            batches = (self._nested.growing(batch, counts[-1]) for batch in self._batches)
        return self._nested.accuracies(counts, batches, self._measure)


def _claimed(measured: Activities, theta: tuple[float, ...]) -> tuple[int, ...]:
    """Free neurons of each hidden layer that are active at θ."""
    return tuple(int(keep.sum()) for keep in above(measured.free, theta))


def _chains(counts: Sequence[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """Each of them once, in lists along which no layer's count ever falls."""
    chains: list[list[tuple[int, ...]]] = []
    for each in sorted(set(counts)):
        fits = (chain for chain in chains if all(map(operator.le, chain[-1], each)))
        chain = next(fits, None)
        if chain is None:
            chains.append(chain := [])
        chain.append(each)
    return chains


def prune_at(
    network: Trainable,
    measured: Activities,
    thetas: Sequence[tuple[float, ...]],
    validation: Split,
    pulse: Callable[[], None] = no_pulse,
    measure: Measure = "accuracy",
) -> list[ScanPoint]:
    """How the network does without the free neurons whose activity is at most θ, for several θ.

    Parameters
    ----------
    network : Trainable
    measured : Activities
        Its own.
    thetas : sequence of tuples, θ per hidden layer
        Of no layer may θ ever fall from one to the next.
    validation : Split
    pulse : callable
        Called now and then. What it raises ends the scan.
    measure : {"accuracy", "balanced"}
    """
    claimed = [_claimed(measured, theta) for theta in thetas]
    smallest_first = np.array(claimed)[::-1]
    nested = Nested(network, measured.free)
    batches = nested.batches(validation, smallest_first[-1], pulse)
    reached = nested.accuracies(smallest_first, batches, measure)[::-1]
    return [ScanPoint(*point) for point in zip(thetas, reached.tolist(), claimed, strict=True)]


def scan(
    network: Trainable,
    measured: Activities,
    validation: Split,
    pulse: Callable[[], None] = no_pulse,
    measure: Measure = "accuracy",
) -> list[ScanPoint]:
    """The network pruned at every threshold shared by all layers, in ascending θ. Needs no training."""
    layers = len(measured.free)
    thetas = [(float(theta),) * layers for theta in thresholds(np.concatenate(measured.free))]
    return prune_at(network, measured, thetas, validation, pulse, measure)


def sparsest_within(
    network: Trainable,
    measured: Activities,
    validation: Split,
    floor: float,
    shared: ScanPoint,
    room: Sequence[int],
    layer_weights: Sequence[float] | None = None,
    pulse: Callable[[], None] = no_pulse,
    measure: Measure = "accuracy",
) -> ScanPoint:
    """A θ for each layer, so that more is freed than by a shared θ and accuracy stays at or above a floor.

    From the best shared θ on, the θ of one layer after the other is raised as high as the floor allows, the layer whose
    neurons are worth the most first, until none can be raised. No layer keeps more neurons than at the shared θ.

    Parameters
    ----------
    network : Trainable
    measured : Activities
        Its own.
    validation : Split
    floor : float
        Least accuracy, a fraction.
    shared : ScanPoint
        The network at the highest shared θ within the margin. Returned if it is below the floor itself.
    room : sequence of int
        Neurons of each hidden layer that were free before the task.
    layer_weights : sequence of float, optional
        What a free neuron of each layer is worth. By default the share of the layer's room that the task takes at the
        shared θ: the bottleneck, which would be full first, comes first.
    pulse : callable
    measure : {"accuracy", "balanced"}
        Of the floor, and of `shared`.
    """
    if not in_margin(shared.accuracy, floor):
        return shared
    taken = [claimed / max(1, free) for claimed, free in zip(shared.claimed, room, strict=True)]
    worth = taken if layer_weights is None else layer_weights
    order = sorted(range(len(worth)), key=lambda layer: -worth[layer])
    point, before = shared, None
    while point != before:
        before = point
        for layer in order:
            point = _raised(network, measured, validation, floor, point, layer, pulse, measure)
    return point


def _raised(
    network: Trainable,
    measured: Activities,
    validation: Split,
    floor: float,
    point: ScanPoint,
    layer: int,
    pulse: Callable[[], None],
    measure: Measure,
) -> ScanPoint:
    """The point with that layer's θ as high as the floor allows: first among a few spread by rank, then between two."""
    steps = np.unique(measured.free[layer])
    steps = steps[steps > point.theta[layer]]
    while len(steps):
        tried = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _TRIED_AT_ONCE)).round().astype(int))
        thetas = [(*point.theta[:layer], float(steps[place]), *point.theta[layer + 1 :]) for place in tried]
        points = prune_at(network, measured, thetas, validation, pulse, measure)
        within = [place for place, each in enumerate(points) if in_margin(each.accuracy, floor)]
        highest = within[-1] if within else -1
        if within:
            point = points[highest]
        if highest + 1 == len(tried):
            break
        steps = steps[(tried[highest] + 1 if within else 0) : tried[highest + 1]]
    return point
