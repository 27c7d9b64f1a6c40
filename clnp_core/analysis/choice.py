"""A choice of λ, θ and m for a task, and what follows what when one of them is moved. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from clnp_core.analysis.candidates import Outcome, Theta, Trained
from clnp_core.analysis.tradeoff import TradeOff


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
    """

    l1: tuple[float, ...]
    learning_rate: float
    theta: float | Theta
    margin: float

    @property
    def is_shared(self) -> bool:
        """Tell whether all layers have one θ."""
        return not isinstance(self.theta, tuple)


Chosen = TypeVar("Chosen", bound=Choice)


def candidate_of(choice: Choice, tradeoff: TradeOff) -> Trained | None:
    """Find the candidate that is chosen; None if it is not trained."""
    return tradeoff.find(choice.l1, choice.learning_rate)


def with_outcome(choice: Chosen, outcome: Outcome) -> Chosen:
    """Choose an outcome's candidate and θ."""
    theta = outcome.theta[0] if choice.is_shared else outcome.theta
    candidate = outcome.candidate
    return replace(choice, l1=candidate.l1, learning_rate=candidate.learning_rate, theta=theta)


def with_margin(choice: Chosen, margin: float, tradeoff: TradeOff) -> Chosen:
    """Change m. What stood where the margin rule puts it follows the rule; what was moved by hand stays.

    That is λ and θ while they are the rule's choice over all candidates, else θ alone while it is the highest that the
    margin allows this candidate.
    """
    moved = replace(choice, margin=margin)
    candidate = candidate_of(choice, tradeoff)
    if candidate is None:
        return moved
    at = tradeoff.at(candidate, choice.theta)
    ruled = tradeoff.verdict(choice.margin).outcome
    if (ruled.candidate, ruled.claimed) == (candidate, at.claimed):
        return with_outcome(moved, tradeoff.verdict(margin).outcome)
    if tradeoff.within(candidate, choice.margin).claimed == at.claimed:
        return with_outcome(moved, tradeoff.within(candidate, margin))
    return moved


def with_theta(choice: Chosen, theta: float, layer: int | None = None) -> Chosen:
    """Change θ of a hidden layer, counted from 0, or of all of them."""
    each = choice.theta if isinstance(choice.theta, tuple) else (choice.theta,) * (len(choice.l1) - 1)
    if layer is None:
        return replace(choice, theta=theta if choice.is_shared else (theta,) * len(each))
    return replace(choice, theta=(*each[:layer], theta, *each[layer + 1 :]))


def with_l1(choice: Chosen, l1: tuple[float, ...], tradeoff: TradeOff) -> Chosen:
    """Change λ. θ follows the margin as long as it stands where the margin puts it."""
    moved = replace(choice, l1=l1)
    before, after = candidate_of(choice, tradeoff), candidate_of(moved, tradeoff)
    if before and after and tradeoff.within(before, choice.margin).claimed == tradeoff.at(before, choice.theta).claimed:
        return with_outcome(moved, tradeoff.within(after, choice.margin))
    return moved
