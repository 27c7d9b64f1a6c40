"""Trades accuracy against sparsity for a trained task: what another θ, λ or m would have given. Imports no torch.

A candidate's pruned network depends on θ only through the neurons that are left, the most active ones of each layer.
So an accuracy known for one θ holds for every θ that leaves as many neurons, and most are in the curve that was stored
when the candidate was trained. Only the others need a forward pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from typing import Any, Protocol

import numpy as np
import pandas as pd

from clnp_core.analysis.candidates import Before, Outcome, Split, Theta, Trained, Verdict
from clnp_core.analysis.capacity import forecast
from clnp_core.methods.graceful import choose, highest_within, margin_floor
from clnp_core.methods.training.settings import VALIDATION, Epoch
from clnp_core.printing import brief

_TOLD_MARGINS = (0, 0.005, 0.01, 0.02, 0.05)
_SHOWN = 1e-4  # of the greatest activity: below that neurons are as good as dead


class Answers(Protocol):
    """Source of accuracies that are not in a stored curve."""

    def known(self, candidate: Trained, split: Split) -> Mapping[Theta, float]:
        """Return the accuracies computed before, by θ."""

    def ask(self, candidate: Trained, thetas: Sequence[Theta], split: Split) -> list[float]:
        """Compute the accuracy at each θ."""


class TradeOff:
    """Outcomes of one task's candidates at any θ and margin, without training.

    Parameters
    ----------
    before : Before
        The network before the task.
    candidates : sequence of Trained
        In the order of the grid, which breaks ties.
    answers : Answers

    Examples
    --------
    `RunHandle.trade_off` makes one from a run. This one comes with the package, for a task on the digits:

    >>> from clnp_core.lesson.parts import as_trade_off, shipped
    >>> tradeoff = as_trade_off(shipped("sparsity"))
    >>> exact = tradeoff.verdict(margin=0.0).outcome
    >>> exact.claimed, round(exact.accuracy, 4)
    ((36, 20), 0.9867)

    A margin of two points frees most of these neurons, with another candidate:

    >>> sparse = tradeoff.verdict(margin=0.02).outcome
    >>> sparse.claimed, round(sparse.accuracy, 4)
    ((13, 10), 0.9733)
    >>> sparse.candidate.l1  # λ of layer 1, of layer 2 and of the output
    (1e-05, 0.03, 0.0003)

    A lower θ keeps more neurons of that candidate:

    >>> tradeoff.at(sparse.candidate, theta=0.1).claimed
    (53, 37)
    """

    def __init__(self, before: Before, candidates: Sequence[Trained], answers: Answers) -> None:
        self.before = before
        self.candidates = list(candidates)
        self._answers = answers

    def _repr_html_(self) -> str:
        """Tell in a notebook what the run kept, and what the margin rule would choose for some m."""
        before, measure = self.before, VALIDATION[self.before.measure]
        claims = ", ".join(f"{count} neurons of {name}" for name, count in zip(before.names, before.kept, strict=True))
        told = (
            f"Task {before.task}, {len(self.candidates)} candidates: the run kept {before.kept_accuracy:.2%} {measure} "
            f"and claimed {claims}. What the margin rule chooses:"
        )
        chosen = [(margin, self.verdict(margin).outcome) for margin in _TOLD_MARGINS if self.trained]
        rows = [
            {
                "m (points)": f"{100 * margin:g}",
                measure: f"{outcome.accuracy:.2%}",
                "sparsity": f"{outcome.sparsity:.1%}",
                **{f"{name} claimed": count for name, count in zip(before.names, outcome.claimed, strict=True)},
                "θ": f"{outcome.theta[0]:.3g}",
                "λ": _in_words(outcome.candidate.l1),
            }
            for margin, outcome in chosen
        ]
        return f"<p>{escape(told)}</p>{pd.DataFrame(rows).to_html(index=False, border=0) if rows else ''}"

    @property
    def trained(self) -> list[Trained]:
        """The candidates whose training did not diverge."""
        return [candidate for candidate in self.candidates if not candidate.curve.diverged]

    def within(self, candidate: Trained, margin: float) -> Outcome:
        """Prune the candidate at the highest shared θ within the margin, or at the lowest if none is within it."""
        floor = margin_floor([each.curve for each in self.candidates], margin)
        theta = highest_within(candidate.curve.points, floor).theta
        return next(point for point in self.points(candidate) if point.theta == theta)

    def find(self, l1: Sequence[float], learning_rate: float) -> Trained | None:
        """Find the candidate trained with λ and learning rate. None if there is none or its training diverged."""
        wanted = (tuple(l1), learning_rate)
        return next((each for each in self.trained if (each.l1, each.learning_rate) == wanted), None)

    def at(self, candidate: Trained, theta: float | Sequence[float]) -> Outcome:
        """Prune the candidate at θ: one for all hidden layers or one for each. Needs no forward pass.

        Raises
        ------
        ValueError
            If the number of θ is neither 1 nor that of the hidden layers.
        """
        theta = tuple(np.broadcast_to(theta, len(self.before.widths)).tolist())
        accuracy = self._known(candidate, "validation").get(candidate.claimed(theta))
        return self._outcome(candidate, theta, candidate.claimed(theta), accuracy)

    def accuracy(self, outcome: Outcome, split: Split, *, only_known: bool = False) -> float | None:
        """Return the accuracy on the validation or the test images, a fraction. An unknown one takes a forward pass.

        With `only_known` there is no forward pass, and an unknown accuracy is None.

        Raises
        ------
        StoreError
            If it is unknown and no worker answers.
        """
        known = self._known(outcome.candidate, split).get(outcome.claimed)
        if known is not None or only_known:
            return known
        lowest = outcome.candidate.lowest_alike(outcome.theta)
        return self._answers.ask(outcome.candidate, [lowest], split)[0]

    def test_curve(self, candidate: Trained, *, only_known: bool = False) -> list[float] | None:
        """Return the test accuracy at each shared θ of the stored curve, fractions. Unknown ones take a forward pass.

        With `only_known` there is no forward pass, and the answer is None unless all accuracies are known.

        Raises
        ------
        StoreError
            If it is unknown and no worker answers.
        """
        known = self._known(candidate, "test")
        if all(point.claimed in known for point in candidate.curve.points):
            return [known[point.claimed] for point in candidate.curve.points]
        if only_known:
            return None
        return self._answers.ask(candidate, [point.theta for point in candidate.curve.points], "test")

    def points(self, candidate: Trained) -> list[Outcome]:
        """List the candidate's outcomes at every shared θ of its curve, ascending."""
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
        """Apply the margin rule to all candidates trained so far, with one θ for all layers.

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
        """The Pareto front over all λ: no other outcome is at least as good in accuracy and sparsity and better in one.

        Outcomes are in ascending sparsity. Of equal ones only the first is listed.
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
        """A tidy table with a row for every candidate at every shared θ.

        The columns are candidate (its index in `candidates`), lambda, learning_rate, theta, sparsity, accuracy
        (validation, a fraction), the neurons claimed and free of each hidden layer, and front (whether the outcome is
        on the Pareto front).
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
        """Return `table`, with the candidate's test_accuracy if all of it is known."""
        if candidate is None or (known := self.test_curve(candidate, only_known=True)) is None:
            return self.table
        table = self.table.assign(test_accuracy=np.nan)
        table.loc[table["candidate"] == self.candidates.index(candidate), "test_accuracy"] = known
        return table

    def path(self, candidate: Trained | None) -> pd.DataFrame:
        """Tabulate the way that a candidate's training took while it was pruned, as `along`; no row of others."""
        return self.along(candidate.epochs if candidate else ())

    def along(self, epochs: Sequence[Epoch]) -> pd.DataFrame:
        """Tabulate the epochs of a training, which may still go on: a row for each.

        The columns are epoch, sparsity (as if the task claimed all neurons that the epoch trained), accuracy
        (validation, a fraction) and neurons (those of each hidden layer that the epoch trained).
        """
        rows = [
            (each.epoch, self._sparsity(each.neurons), each.validation_accuracy, each.neurons)
            for each in epochs
            if len(each.neurons) == len(self.before.widths)  # else an earlier version did not tell them
        ]
        return pd.DataFrame(rows, columns=["epoch", "sparsity", "accuracy", "neurons"])

    def mark(self, outcome: Outcome) -> dict[str, Any]:
        """Describe an outcome as `figures.trade_off` marks it, with those of its accuracies that are known."""
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
        """The outcome that the run kept, as `figures.trade_off` marks it."""
        before = self.before
        return {
            "sparsity": self._sparsity(before.kept),
            "accuracy": before.kept_accuracy,
            "about": f"λ {_in_words(before.kept_l1)}",
        }

    def distribution(self, outcome: Outcome, bins: int = 40) -> pd.DataFrame:
        """Count neurons by their mean activity on the task's training images: a tidy histogram of each hidden layer.

        The columns are layer (its name), low and high (the bin's bounds), and the number of neurons in the bin:
        given_back and claimed of those that the task trained, and earlier of those that earlier tasks had claimed.
        A layer's first bin is activity 0. The others are equally wide on a logarithmic scale, the same for all layers,
        and span at most four powers of ten; the lowest of them also counts neurons below it.
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
        """Describe the hidden layers as they would be after the task, as `figures.capacity` takes them."""
        earlier = self.before.task - 1
        per_layer = zip(
            self.before.names, self.before.widths, self.before.claimed, outcome.claimed, outcome.reused, strict=True
        )
        return [
            {"name": name, "width": width, "claimed": [*before, claimed], "reused": [0] * earlier + [reused]}
            for name, width, before, claimed, reused in per_layer
        ]

    def _known(self, candidate: Trained, split: Split) -> dict[tuple[int, ...], float]:
        """Collect the accuracies that need no forward pass, by the number of neurons left per layer."""
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
    return " / ".join(map(brief, l1))


def _histogram(activity: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count the activities that are 0 and those in each bin. The lowest bin also counts those below it."""
    positive = activity[activity > 0]
    inside = np.histogram(np.maximum(positive, edges[0]), edges)[0]
    return np.insert(inside, 0, len(activity) - len(positive))
