"""A task's candidates as training left them, and what pruning one of them comes to. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from clnp_core.methods.graceful import Curve

Theta = tuple[float, ...]
"""Threshold of each hidden layer."""
Split = Literal["validation", "test"]
"""Which images an accuracy is of."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A candidate as training left it, not pruned.

    Attributes
    ----------
    key : str
        Of the artifact.
    l1 : tuple of float
        λ of each layer, the output's last.
    learning_rate : float
    curve : Curve
        Validation accuracy, unpruned and at every stored threshold.
    free, reused : tuple of float64 arrays [F_l], [A_l]
        Activity of each neuron that the task trained, and of each that earlier tasks had claimed, per hidden layer.
    seconds : float
        Of training.
    """

    key: str
    l1: tuple[float, ...]
    learning_rate: float
    curve: Curve
    free: tuple[np.ndarray, ...]
    reused: tuple[np.ndarray, ...]
    seconds: float

    @cached_property
    def _ascending(self) -> list[np.ndarray]:
        return [np.sort(activity) for activity in self.free]

    def claimed(self, theta: Sequence[float]) -> tuple[int, ...]:
        """Neurons of each hidden layer that are active at θ: that the task would claim."""
        pairs = zip(self._ascending, theta, strict=True)
        return tuple(len(ascending) - int(ascending.searchsorted(each, "right")) for ascending, each in pairs)

    def lowest_alike(self, theta: Sequence[float]) -> Theta:
        """Of all θ that leave the same neurons, the lowest: an activity of each layer, or 0."""
        pairs = zip(self._ascending, self.claimed(theta), strict=True)
        fallen = [ascending[: len(ascending) - count] for ascending, count in pairs]
        return tuple(float(activities[-1]) if len(activities) else 0.0 for activities in fallen)

    def thresholds(self) -> list[float]:
        """The shared θ of the stored curve, ascending."""
        return [point.theta[0] for point in self.curve.points]


@dataclass(frozen=True)
class Before:
    """The network as the task found it.

    Attributes
    ----------
    task : int
        The task.
    names : tuple of str
        Of the hidden layers.
    widths, free : tuple of int
        Neurons of each hidden layer, and how many of them nobody had claimed.
    claimed : tuple of tuple of int, [hidden layers][earlier tasks]
        Neurons that each earlier task has claimed.
    kept : tuple of int
        Neurons of each hidden layer that the run then claimed for the task.
    kept_l1, kept_accuracy : tuple of float, float
        Of the candidate it settled on: λ of each layer, and validation accuracy at the end.
    """

    task: int
    names: tuple[str, ...]
    widths: tuple[int, ...]
    free: tuple[int, ...]
    claimed: tuple[tuple[int, ...], ...]
    kept: tuple[int, ...]
    kept_l1: tuple[float, ...]
    kept_accuracy: float


@dataclass(frozen=True)
class Outcome:
    """What pruning a candidate at θ comes to.

    Attributes
    ----------
    candidate : Trained
    theta : tuple of float
        Threshold of each hidden layer.
    claimed, reused, free : tuple of int
        Per hidden layer: neurons the task would claim; earlier tasks' neurons that it uses, whose activity is above θ;
        neurons that nobody has claimed afterwards.
    sparsity : float
        Share of the neurons that the task does not claim, mean over the hidden layers: what the margin rule maximises.
    accuracy : float or None
        Validation accuracy, a fraction; None where it is not known without a forward pass.
    tasks_left : tuple of float or None
        For how many more tasks each layer would last; see `capacity.forecast`.
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
        """For how many more tasks the network would last: as long as the layer that is full first."""
        known = [left for left in self.tasks_left if left is not None]
        return min(known) if known else None


@dataclass(frozen=True)
class Verdict:
    """What the margin rule says (section 2.2).

    Attributes
    ----------
    outcome : Outcome
        The candidate it chooses, pruned.
    best, floor : float
        The best validation accuracy of all candidates, unpruned, and that less the margin; fractions.
    within_margin : bool
        False if no candidate stays within the margin even at its mildest pruning.
    """

    outcome: Outcome
    best: float
    floor: float
    within_margin: bool
