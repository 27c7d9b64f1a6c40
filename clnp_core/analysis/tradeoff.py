"""Accuracy against sparsity: what another θ, λ or m would have meant for a task that is trained. Imports no torch.

A candidate's pruned network depends on θ only through the neurons that are left, the most active ones of each layer.
So what is known for one θ holds for every θ that leaves as many, and most answers are in the curve that was stored when
the candidate was trained. Only where nothing is known is a forward pass asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from clnp_core.analysis.candidates import Before, Outcome, Split, Theta, Trained, Verdict
from clnp_core.analysis.capacity import forecast
from clnp_core.methods.graceful import choose, highest_within, margin_floor

_SHOWN = 1e-4  # of the greatest activity: below that neurons are as good as dead


class Answers(Protocol):
    """Where accuracies come from that no stored curve has."""

    def known(self, candidate: Trained, split: Split) -> Mapping[Theta, float]:
        """Those that were asked for before, by θ."""

    def ask(self, candidate: Trained, thetas: Sequence[Theta], split: Split) -> list[float]:
        """Compute them, one for each θ."""


class TradeOff:
    """Everything that can be said of one task's candidates without training.

    Parameters
    ----------
    before : Before
        The network as the task found it.
    candidates : sequence of Trained
        In the order in which ties are broken: the grid's.
    answers : Answers
    """

    def __init__(self, before: Before, candidates: Sequence[Trained], answers: Answers) -> None:
        self.before = before
        self.candidates = list(candidates)
        self._answers = answers

    @property
    def trained(self) -> list[Trained]:
        """The candidates whose training did not diverge."""
        return [candidate for candidate in self.candidates if not candidate.curve.diverged]

    def within(self, candidate: Trained, margin: float) -> Outcome:
        """The candidate pruned at the highest shared θ that the margin allows; the mildest if none does."""
        floor = margin_floor([each.curve for each in self.candidates], margin)
        theta = highest_within(candidate.curve.points, floor).theta
        return next(point for point in self.points(candidate) if point.theta == theta)

    def find(self, l1: Sequence[float], learning_rate: float) -> Trained | None:
        """The candidate trained with that λ of each layer and that rate, if there is one that did not diverge."""
        wanted = (tuple(l1), learning_rate)
        return next((each for each in self.trained if (each.l1, each.learning_rate) == wanted), None)

    def at(self, candidate: Trained, theta: float | Sequence[float]) -> Outcome:
        """The candidate pruned at θ, one for all hidden layers or one for each. Answers from what is known, at once.

        Raises
        ------
        ValueError
            If there are not as many θ as hidden layers.
        """
        theta = tuple(np.broadcast_to(theta, len(self.before.widths)).tolist())
        accuracy = self._known(candidate, "validation").get(candidate.claimed(theta))
        return self._outcome(candidate, theta, candidate.claimed(theta), accuracy)

    def accuracy(self, outcome: Outcome, split: Split, *, only_known: bool = False) -> float | None:
        """Accuracy on the validation or the test images, a fraction; a forward pass is asked for where it is not known.

        With `only_known` none is, and the answer may be None.

        Raises
        ------
        StoreError
            If it is not known, and nobody answers.
        """
        known = self._known(outcome.candidate, split).get(outcome.claimed)
        if known is not None or only_known:
            return known
        lowest = outcome.candidate.lowest_alike(outcome.theta)
        return self._answers.ask(outcome.candidate, [lowest], split)[0]

    def test_curve(self, candidate: Trained, *, only_known: bool = False) -> list[float] | None:
        """Test accuracy at each shared θ of the stored curve, fractions; asked for where it is not known.

        With `only_known` nothing is asked for, and the answer is None unless all of it is known.

        Raises
        ------
        StoreError
            If it is not known, and nobody answers.
        """
        known = self._known(candidate, "test")
        if all(point.claimed in known for point in candidate.curve.points):
            return [known[point.claimed] for point in candidate.curve.points]
        if only_known:
            return None
        return self._answers.ask(candidate, [point.theta for point in candidate.curve.points], "test")

    def points(self, candidate: Trained) -> list[Outcome]:
        """The candidate at every shared θ of its curve, ascending."""
        return self._points[candidate.key]

    @cached_property
    def _points(self) -> dict[str, list[Outcome]]:
        return {
            candidate.key: [
                self._outcome(candidate, point.theta, point.claimed, point.accuracy) for point in candidate.curve.points
            ]
            for candidate in self.trained
        }

    def verdict(self, margin: float) -> Verdict:
        """The margin rule over all candidates trained so far, with one θ for all layers.

        Parameters
        ----------
        margin : float
            m, a fraction: 0.01 is one point of validation accuracy.

        Raises
        ------
        ValueError
            If training diverged for every candidate.
        """
        curves = [candidate.curve for candidate in self.candidates]
        choice = choose(curves, margin_floor(curves, margin), self.before.widths)
        winner = self.candidates[choice.candidate]
        outcome = next(point for point in self.points(winner) if point.theta == choice.point.theta)
        return Verdict(outcome, margin_floor(curves, 0.0), choice.floor, choice.within_margin)

    @cached_property
    def front(self) -> list[Outcome]:
        """The Pareto front over all λ: outcomes than which no other is more accurate at no less sparsity, or sparser.

        In ascending sparsity; of outcomes that are equal in both the first.
        """
        # Of every point of a curve the accuracy is known.
        every = [
            (accuracy, point)
            for candidate in self.trained
            for point in self.points(candidate)
            if (accuracy := point.accuracy) is not None
        ]
        every.sort(key=lambda each: (-each[1].sparsity, -each[0]))  # stable: of equal ones the first stays first
        front: list[Outcome] = []
        best = -math.inf
        for accuracy, point in every:
            if accuracy > best:
                front.append(point)
                best = accuracy
        return front[::-1]

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every candidate at every shared θ, a row each, tidy.

        candidate (its place among `candidates`), lambda, learning_rate, theta, sparsity, accuracy (validation, a
        fraction) and for each hidden layer the neurons claimed and free; front, whether it is on the Pareto front.
        """
        front = {(point.candidate.key, point.theta) for point in self.front}
        return pd.DataFrame(
            [
                {
                    "candidate": number,
                    "lambda": candidate.l1,
                    "learning_rate": candidate.learning_rate,
                    "theta": point.theta[0],
                    "sparsity": point.sparsity,
                    "accuracy": point.accuracy,
                    **dict(zip((f"{name} claimed" for name in self.before.names), point.claimed, strict=True)),
                    **dict(zip((f"{name} free" for name in self.before.names), point.free, strict=True)),
                    "front": (candidate.key, point.theta) in front,
                }
                for number, candidate in enumerate(self.candidates)
                if not candidate.curve.diverged
                for point in self.points(candidate)
            ]
        )

    def table_with_tests(self, candidate: Trained | None) -> pd.DataFrame:
        """As `table`, with test_accuracy of that candidate where all of it is known."""
        if candidate is None or (known := self.test_curve(candidate, only_known=True)) is None:
            return self.table
        table = self.table.assign(test_accuracy=np.nan)
        table.loc[table["candidate"] == self.candidates.index(candidate), "test_accuracy"] = known
        return table

    def mark(self, outcome: Outcome) -> dict[str, Any]:
        """An outcome as `figures.trade_off` marks it, with what is known of its accuracies."""
        theta = " / ".join(f"{each:.3g}" for each in dict.fromkeys(outcome.theta))
        claims = " / ".join(map(str, outcome.claimed))
        return {
            "candidate": self.candidates.index(outcome.candidate),
            "sparsity": outcome.sparsity,
            "accuracy": self.accuracy(outcome, "validation", only_known=True),
            "test_accuracy": self.accuracy(outcome, "test", only_known=True),
            "about": f"λ {_in_words(outcome.candidate.l1)}<br>θ = {theta}: claims {claims}",
        }

    @property
    def kept(self) -> dict[str, Any]:
        """What the run made of the task, as `figures.trade_off` marks it."""
        before = self.before
        return {
            "sparsity": self._sparsity(before.kept),
            "accuracy": before.kept_accuracy,
            "about": f"λ {_in_words(before.kept_l1)}",
        }

    def distribution(self, outcome: Outcome, bins: int = 40) -> pd.DataFrame:
        """How active neurons are on the task's training images: a histogram of each hidden layer, tidy.

        layer (its name), low and high (the activities of a bin), and how many neurons lie there: given_back and claimed
        of those that the task trained, earlier of those that earlier tasks had claimed. A layer's first bin is of
        activity 0. The others are equally wide on a logarithmic scale and the same for all layers, over four powers of
        ten at most; the least of them takes in what is below as well.
        """
        candidate = outcome.candidate
        high = max([layer.max() for layer in (*candidate.free, *candidate.reused) if len(layer)], default=0.0) or 1.0
        positive = [layer[layer > 0] for layer in (*candidate.free, *candidate.reused)]
        least = min([layer.min() for layer in positive if len(layer)], default=high)
        edges = np.geomspace(max(min(least, high / 2), high * _SHOWN), high, bins + 1)
        edges[-1] = high  # the power may miss it by a rounding
        frames = []
        layers = zip(self.before.names, candidate.free, candidate.reused, outcome.theta, strict=True)
        for name, trained, reused, theta in layers:
            groups = {
                "given_back": trained[trained <= theta],
                "claimed": trained[trained > theta],
                "earlier": reused,
            }
            counts = {group: _histogram(activity, edges) for group, activity in groups.items()}
            spans = {"low": [0.0, *edges[:-1]], "high": [0.0, *edges[1:]]}
            frames.append(pd.DataFrame({"layer": name, **spans, **counts}))
        return pd.concat(frames, ignore_index=True)

    def layers(self, outcome: Outcome) -> list[dict[str, Any]]:
        """The hidden layers as they would be after the task, as `figures.capacity` takes them."""
        earlier = self.before.task - 1
        per_layer = zip(
            self.before.names, self.before.widths, self.before.claimed, outcome.claimed, outcome.reused, strict=True
        )
        return [
            {"name": name, "width": width, "claimed": [*before, claimed], "reused": [0] * earlier + [reused]}
            for name, width, before, claimed, reused in per_layer
        ]

    def _known(self, candidate: Trained, split: Split) -> dict[tuple[int, ...], float]:
        """Accuracies that need no forward pass, by the neurons that are left."""
        asked = self._answers.known(candidate, split).items()
        known = {candidate.claimed(theta): accuracy for theta, accuracy in asked}
        if split == "validation":
            known |= {point.claimed: point.accuracy for point in candidate.curve.points}
        return known

    def _outcome(self, candidate: Trained, theta: Theta, claimed: tuple[int, ...], accuracy: float | None) -> Outcome:
        free = tuple(room - count for room, count in zip(self.before.free, claimed, strict=True))
        per_layer = zip(self.before.claimed, claimed, free, strict=True)
        after = [{"claimed": [*before, count], "free": left} for before, count, left in per_layer]
        return Outcome(
            candidate=candidate,
            theta=theta,
            claimed=claimed,
            reused=tuple(
                int(np.count_nonzero(activity > each)) for activity, each in zip(candidate.reused, theta, strict=True)
            ),
            free=free,
            sparsity=self._sparsity(claimed),
            accuracy=accuracy,
            tasks_left=tuple(forecast(after)),
        )

    def _sparsity(self, claimed: Sequence[int]) -> float:
        pairs = zip(claimed, self.before.widths, strict=True)
        return 1 - sum(count / width for count, width in pairs) / len(claimed)


def _in_words(l1: Sequence[float]) -> str:
    return " / ".join(f"{value:g}" for value in l1)


def _histogram(activity: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many are 0, and how many in each bin, the least of which takes in what is below."""
    positive = activity[activity > 0]
    inside = np.histogram(np.maximum(positive, edges[0]), edges)[0]
    return np.insert(inside, 0, len(activity) - len(positive))
