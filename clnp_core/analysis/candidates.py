"""A task's candidates after training, and the outcomes of pruning them. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from clnp_core.methods.graceful import Curve
from clnp_core.methods.training.settings import Epoch, Measure

Theta = tuple[float, ...]
"""A threshold θ for each hidden layer."""
Split = Literal["validation", "test"]
"""The images on which an accuracy is measured."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A candidate after training, before pruning.

    Attributes
    ----------
    key : str
        Key of its artifact.
    l1 : tuple of float
        λ of each layer, the output's last.
    learning_rate : float
    curve : Curve
        Validation accuracy, unpruned and at every stored threshold.
    free, reused : tuple of float64 arrays [F_l], [A_l]
        Mean activity of each neuron that the task trained, and of each that earlier tasks had claimed, per hidden
        layer.
    seconds : float
        Duration of training.
    epochs : tuple of Epoch
        Of a training in which neurons were pruned; else none.
    """

    key: str
    l1: tuple[float, ...]
    learning_rate: float
    curve: Curve = field(repr=False)
    free: tuple[np.ndarray, ...] = field(repr=False)
    reused: tuple[np.ndarray, ...] = field(repr=False)
    seconds: float
    epochs: tuple[Epoch, ...] = field(default=(), repr=False)

    @cached_property
    def _ascending(self) -> list[np.ndarray]:
        return [np.sort(activity) for activity in self.free]

    def claimed(self, theta: Sequence[float]) -> tuple[int, ...]:
        """Count the neurons of each hidden layer that are active at θ, which the task would claim."""
        pairs = zip(self._ascending, theta, strict=True)
        return tuple(len(ascending) - int(ascending.searchsorted(each, "right")) for ascending, each in pairs)

    def lowest_alike(self, theta: Sequence[float]) -> Theta:
        """Find the lowest θ that leaves the same neurons: an activity of each layer, or 0."""
        pairs = zip(self._ascending, self.claimed(theta), strict=True)
        fallen = [ascending[: len(ascending) - count] for ascending, count in pairs]
        return tuple(float(activities[-1]) if len(activities) else 0.0 for activities in fallen)

    def thresholds(self) -> list[float]:
        """List the shared θ of the stored curve, ascending."""
        return [point.theta[0] for point in self.curve.points]


@dataclass(frozen=True)
class Before:
    """The network before the task.

    Attributes
    ----------
    task : int
        The task's number.
    names : tuple of str
        Names of the hidden layers.
    widths, free : tuple of int
        Number of neurons of each hidden layer, and how many of them no task had claimed.
    claimed : tuple of tuple of int, [hidden layers, earlier tasks]
        Number of neurons that each earlier task has claimed.
    kept : tuple of int
        Number of neurons of each hidden layer that the run then claimed for the task.
    kept_l1, kept_accuracy : tuple of float, float
        λ of each layer and final validation accuracy of the candidate that the run chose.
    measure : {"accuracy", "balanced"}
        What every accuracy of its candidates is, on validation and on test images.
    """

    task: int
    names: tuple[str, ...]
    widths: tuple[int, ...]
    free: tuple[int, ...]
    claimed: tuple[tuple[int, ...], ...]
    kept: tuple[int, ...]
    kept_l1: tuple[float, ...]
    kept_accuracy: float
    measure: Measure = "accuracy"


@dataclass(frozen=True)
class Outcome:
    """The outcome of pruning a candidate at θ.

    Attributes
    ----------
    candidate : Trained
    theta : tuple of float
        Threshold of each hidden layer.
    claimed, reused, free : tuple of int
        Number of neurons per hidden layer: those the task would claim, those of earlier tasks that it uses (with
        activity above θ), and those still unclaimed afterwards.
    sparsity : float
        Share of the neurons that the task does not claim, mean over the hidden layers. The margin rule maximises it.
    accuracy : float or None
        Validation accuracy, a fraction; None if only a forward pass can tell.
    tasks_left : tuple of float or None
        Number of further tasks for which each layer would last; see `capacity.forecast`.
    """

    candidate: Trained
    theta: Theta
    claimed: tuple[int, ...]
    reused: tuple[int, ...]
    free: tuple[int, ...]
    sparsity: float
    accuracy: float | None
    tasks_left: tuple[float | None, ...]

    @property
    def lasts(self) -> float | None:
        """Number of further tasks for which the network would last: until its first layer is full."""
        known = [left for left in self.tasks_left if left is not None]
        return min(known) if known else None


@dataclass(frozen=True)
class Verdict:
    """The choice of the margin rule (section 2.2).

    Attributes
    ----------
    outcome : Outcome
        The chosen candidate, pruned.
    best, floor : float
        Best validation accuracy of all unpruned candidates, and the same less the margin; fractions.
    within_margin : bool
        False if no candidate stays within the margin even at its mildest pruning.
    """

    outcome: Outcome
    best: float
    floor: float
    within_margin: bool
