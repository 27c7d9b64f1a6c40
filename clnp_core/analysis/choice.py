"""A choice of λ, θ and m for a task, and what follows what when one of them is moved. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from clnp_core.analysis.candidates import Outcome, Theta, Trained
from clnp_core.analysis.tradeoff import TradeOff

_POINTS = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8, 10, 15, 20)
MARGINS = tuple(points / 100 for points in _POINTS)
"""What a slider offers for m."""

_THETA_PLACES = 60


@dataclass(frozen=True)
class Choice:
    """What the sliders of a trade-off say.

    Attributes
    ----------
    l1 : tuple of float
        λ of each layer, the output's last.
    learning_rate : float
    theta : float or tuple of float
        One for all hidden layers, or one for each.
    margin : float
        m, a fraction.
    seen : tuple of float, optional
        While `l1` is not trained, the λ that is shown instead; `theta` is for that one. Else none.
    """

    l1: tuple[float, ...]
    learning_rate: float
    theta: float | Theta
    margin: float
    seen: tuple[float, ...] | None = None

    @property
    def is_shared(self) -> bool:
        """Tell whether all layers have one θ."""
        return not isinstance(self.theta, tuple)


Chosen = TypeVar("Chosen", bound=Choice)


def candidate_of(choice: Choice, tradeoff: TradeOff) -> Trained | None:
    """Find the candidate that is chosen; None if it is not trained."""
    return tradeoff.find(choice.l1, choice.learning_rate)


def seen_candidate(choice: Choice, tradeoff: TradeOff) -> Trained:
    """Find the candidate that is shown: the choice's own, else the one seen last, else the one that m chooses."""
    found = candidate_of(choice, tradeoff) or (choice.seen and tradeoff.find(choice.seen, choice.learning_rate))
    return found or tradeoff.verdict(choice.margin).outcome.candidate


def arrived(choice: Chosen, tradeoff: TradeOff) -> Chosen:
    """Give the choice as it is by now: θ follows m once λ is trained, and belongs to what is shown till then."""
    if candidate := candidate_of(choice, tradeoff):
        return with_outcome(choice, tradeoff.within(candidate, choice.margin)) if choice.seen else choice
    shown = seen_candidate(choice, tradeoff)
    if choice.seen == shown.l1:
        return choice
    return replace(_with_theta_of(choice, tradeoff.within(shown, choice.margin)), seen=shown.l1)


def with_outcome(choice: Chosen, outcome: Outcome) -> Chosen:
    """Choose an outcome's candidate and θ."""
    there = _with_theta_of(choice, outcome)
    return replace(there, l1=outcome.candidate.l1, learning_rate=outcome.candidate.learning_rate, seen=None)


def _with_theta_of(choice: Chosen, outcome: Outcome) -> Chosen:
    return replace(choice, theta=outcome.theta[0] if choice.is_shared else outcome.theta)


def with_margin(choice: Chosen, margin: float, tradeoff: TradeOff) -> Chosen:
    """Change m. What stood where the margin rule puts it follows the rule; what was moved by hand stays.

    That is λ and θ while they are the rule's choice over all candidates, else θ alone while it is the highest that the
    margin allows this candidate.
    """
    moved = replace(choice, margin=margin)
    shown = seen_candidate(choice, tradeoff)
    at = tradeoff.at(shown, choice.theta)
    ruled = tradeoff.verdict(choice.margin).outcome
    if not choice.seen and (ruled.candidate, ruled.claimed) == (shown, at.claimed):
        return with_outcome(moved, tradeoff.verdict(margin).outcome)
    if tradeoff.within(shown, choice.margin).claimed == at.claimed:
        return _with_theta_of(moved, tradeoff.within(shown, margin))
    return moved


def with_theta(choice: Chosen, theta: float, layer: int | None = None) -> Chosen:
    """Change θ of a hidden layer, counted from 0, or of all of them."""
    each = choice.theta if isinstance(choice.theta, tuple) else (choice.theta,) * (len(choice.l1) - 1)
    if layer is None:
        return replace(choice, theta=theta if choice.is_shared else (theta,) * len(each))
    return replace(choice, theta=(*each[:layer], theta, *each[layer + 1 :]))


def with_l1(choice: Chosen, l1: tuple[float, ...], tradeoff: TradeOff) -> Chosen:
    """Change λ. θ follows the margin as long as it stands where the margin puts it.

    While the new λ is not trained, what was seen before stays.
    """
    before = seen_candidate(choice, tradeoff)
    after = tradeoff.find(l1, choice.learning_rate)
    if after is None:
        return replace(choice, l1=l1, seen=before.l1)
    if tradeoff.within(before, choice.margin).claimed == tradeoff.at(before, choice.theta).claimed:
        return with_outcome(choice, tradeoff.within(after, choice.margin))
    return replace(choice, l1=l1, seen=None)


def theta_places(activities: Sequence[float], theta: float) -> list[float]:
    """Give a θ slider's values: 0, the activities nearest below equal steps of the logarithm, and θ; ascending."""
    positive = np.array([activity for activity in activities if activity > 0])
    places = {0.0, theta}
    if len(positive):
        steps = np.geomspace(positive[0], positive[-1], _THETA_PLACES)
        steps[-1] = positive[-1]  # the power may miss it by a rounding
        below = np.maximum(positive.searchsorted(steps, "right") - 1, 0)
        places |= set(positive[below].tolist())
    return sorted(places)
