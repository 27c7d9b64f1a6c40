"""Graceful forgetting: the margin rule of section 2.2, on stored numbers. Imports no torch.

Take the best validation accuracy of all candidates in the grid. Keep the candidates within the margin m of it, and
prune each at the highest threshold θ that keeps it within the margin. The sparsest of them wins.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clnp_core.bounds import Natural, Number, Positive, Share

# Accuracies are ratios of whole numbers: this is far below one sample and above any rounding.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class ScanPoint:
    """A candidate pruned at one threshold.

    Attributes
    ----------
    theta : tuple of float
        Threshold of each hidden layer; equal ones when θ is shared.
    accuracy : float
        Validation accuracy after pruning, a fraction.
    claimed : tuple of int
        Neurons of each hidden layer that the task would claim.
    """

    theta: tuple[Positive, ...]
    accuracy: Share
    claimed: tuple[Natural, ...]


@dataclass(frozen=True)
class Curve:
    """What is known of one candidate: how it does unpruned, and at each threshold.

    Attributes
    ----------
    accuracy : float
        Validation accuracy before pruning, a fraction; nan if training diverged.
    points : sequence of ScanPoint
        In ascending θ; none if training diverged. The first is the mildest pruning: at θ = 0 only dead neurons go.
    unpruned : float or None
        Of a candidate that was pruned while it was trained: the best validation accuracy before that began.
    """

    accuracy: float
    points: Sequence[ScanPoint]
    unpruned: float | None = None

    @property
    def diverged(self) -> bool:
        """Whether training diverged: the loss became infinite or not a number."""
        return math.isnan(self.accuracy)


@dataclass(frozen=True)
class Choice:
    """Which candidate wins, and how it is pruned.

    Attributes
    ----------
    candidate : int
        Its place in the grid.
    point : ScanPoint
    floor : float
        The lowest validation accuracy the margin allows: the best of the grid less m.
    within_margin : bool
        False if no candidate stays within the margin at its mildest pruning.
    """

    candidate: Natural
    point: ScanPoint
    floor: Number
    within_margin: bool


def in_margin(accuracy: float, floor: float) -> bool:
    """Whether an accuracy is no lower than the floor; False for nan."""
    return accuracy >= floor - _TOLERANCE


def margin_floor(curves: Sequence[Curve], margin: float) -> float:
    """Best accuracy of the grid before pruning, also while training, less the margin; fractions.

    Raises
    ------
    ValueError
        If every candidate diverged.
    """
    return max(max(curve.accuracy, curve.unpruned or 0.0) for curve in curves if not curve.diverged) - margin


def highest_within(points: Sequence[ScanPoint], floor: float) -> ScanPoint:
    """The point with the highest θ whose accuracy is within the margin; the mildest pruning if there is none."""
    return next((point for point in reversed(points) if in_margin(point.accuracy, floor)), points[0])


def choose(curves: Sequence[Curve], floor: float, widths: Sequence[int]) -> Choice:
    """Apply the margin rule.

    Parameters
    ----------
    curves : sequence of Curve
        One per candidate of the grid, at least one of which did not diverge.
    floor : float
        The lowest validation accuracy that the margin allows, a fraction; see `margin_floor`.
    widths : sequence of int
        Neurons of each hidden layer: sparsity is the share of neurons not claimed, averaged over the layers.

    Returns
    -------
    Choice
        Of equally sparse ones the more accurate, then the first in the grid. A candidate whose mildest pruning
        takes it below the margin is out of the running; if that is true of all, the best unpruned one is taken at
        its mildest pruning.
    """
    pruned = []
    for candidate, curve in enumerate(curves):
        if in_margin(curve.accuracy, floor) and in_margin(curve.points[0].accuracy, floor):
            pruned.append((candidate, highest_within(curve.points, floor)))
    if pruned:
        candidate, point = min(pruned, key=lambda pair: (_used(pair[1], widths), -pair[1].accuracy))
        return Choice(candidate, point, floor, within_margin=True)
    trained = [candidate for candidate, curve in enumerate(curves) if not curve.diverged]
    candidate = max(trained, key=lambda candidate: curves[candidate].accuracy)
    return Choice(candidate, curves[candidate].points[0], floor, within_margin=False)


def _used(point: ScanPoint, widths: Sequence[int]) -> float:
    return sum(claimed / width for claimed, width in zip(point.claimed, widths, strict=True))
