"""Sparsification after training: activities, the threshold scan, pruning (section 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from clnp_core.methods.graceful import ScanPoint, in_margin
from clnp_core.methods.training import accuracy
from clnp_core.networks.subnetwork import Trainable
from clnp_core.tasks.streams import Split

MAX_THRESHOLDS = 100
"""Thresholds a scan tries at most."""

_BATCH = 4096


@dataclass(frozen=True)
class Activities:
    """Mean activation of each neuron over a data set, after ReLU.

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
    free = [torch.zeros(len(bias), dtype=torch.float64) for bias in network.biases]
    reused = [torch.zeros(len(bias), dtype=torch.float64) for bias in network.frozen_biases]
    with torch.no_grad():
        for x in split.x.split(_BATCH):
            _, frozen, trained = network.forward(x)
            for total, activation in zip((*free, *reused), (*trained, *frozen), strict=True):
                total += activation.sum(0, dtype=torch.float64)
    reused += [torch.zeros(0, dtype=torch.float64)] * (len(free) - len(reused))
    return Activities(
        free=tuple((total / len(split)).numpy() for total in free),
        reused=tuple((total / len(split)).numpy() for total in reused),
    )


def above(layers: tuple[np.ndarray, ...], theta: tuple[float, ...]) -> list[np.ndarray]:
    """Which neurons are active, that is have an activity above their layer's θ: bool arrays."""
    return [activity > threshold for activity, threshold in zip(layers, theta, strict=True)]


def thresholds(layer_activities: np.ndarray) -> np.ndarray:
    """0 and the activities at which another neuron falls, ascending; at most `MAX_THRESHOLDS`, evenly by rank."""
    steps = np.unique(np.append(layer_activities, 0.0))
    ranks = np.linspace(0, len(steps) - 1, min(len(steps), MAX_THRESHOLDS)).round().astype(int)
    return steps[ranks]


def prune_at(network: Trainable, measured: Activities, theta: tuple[float, ...], validation: Split) -> ScanPoint:
    """How the network does without the free neurons whose activity is at most θ."""
    kept = above(measured.free, theta)
    return ScanPoint(
        theta=theta,
        accuracy=accuracy(network.keep(kept), validation),
        claimed=tuple(int(keep.sum()) for keep in kept),
    )


def scan(
    network: Trainable, measured: Activities, validation: Split, pulse: Callable[[], None] = lambda: None
) -> list[ScanPoint]:
    """The network pruned at every threshold shared by all layers, in ascending θ. Needs no training.

    `pulse` is called before each threshold; what it raises ends the scan.
    """
    points = []
    for theta in thresholds(np.concatenate(measured.free)):
        pulse()
        points.append(prune_at(network, measured, (float(theta),) * len(measured.free), validation))
    return points


def scan_per_layer(network: Trainable, measured: Activities, validation: Split, floor: float) -> ScanPoint:
    """A θ for each layer, within the margin: from the last hidden layer down, each as high as the floor allows.

    The last layer comes first because under a single head it is the one that fills up (section 3.1). Where not
    even θ = 0 stays above the floor, that is what is returned.
    """
    theta = [0.0] * len(measured.free)
    best = prune_at(network, measured, tuple(theta), validation)
    for layer in reversed(range(len(theta))):
        for value in thresholds(measured.free[layer])[1:]:
            tried = prune_at(
                network, measured, (*theta[:layer], float(value), *theta[layer + 1 :]), validation
            )
            if in_margin(tried.accuracy, floor):
                best = tried
        theta = list(best.theta)
    return best
