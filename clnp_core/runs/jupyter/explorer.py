"""A task's trade-off in Jupyter: λ, θ and m as sliders, and the figures follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.io import renderers

from clnp_core.analysis import figures
from clnp_core.analysis.candidates import Outcome
from clnp_core.analysis.choice import Choice, candidate_of, with_l1, with_margin, with_outcome
from clnp_core.analysis.figures import Theme
from clnp_core.errors import SpecError
from clnp_core.methods.training.settings import VALIDATION
from clnp_core.runs.background import ensure_engine
from clnp_core.runs.jupyter import widgets
from clnp_core.runs.views.explore import committing_fork

if TYPE_CHECKING:
    from clnp_core.runs.handle import RunHandle
    from clnp_core.runs.jupyter.panel import Panel


class Explorer:
    """A learned task's trade-off, to be moved by sliders in Jupyter, or by `move` anywhere.

    In a cell of its own it shows its sliders and figures. Where `ipywidgets` or `anywidget` is missing it shows the
    figures, and says what is missing.

    Parameters
    ----------
    run : RunHandle
    task : int

    Attributes
    ----------
    task : int
    tradeoff : TradeOff
    choice : Choice
        λ, θ and m as they are now.
    kept : list of Outcome
        What was kept, in order.
    committed : list of RunHandle
        The forks, in order.

    Examples
    --------
    >>> explorer = run.explore(1)  # doctest: +SKIP
    >>> explorer.move(margin=0.02).keep().claimed  # doctest: +SKIP
    (71, 56)
    """

    def __init__(self, run: RunHandle, task: int) -> None:
        self.run = run
        self.tradeoff = run.trade_off(task)
        self.task = self.tradeoff.before.task
        spec = run.store.run(run.id).spec.at(task)
        found = self.tradeoff.verdict(spec.margin).outcome
        candidate = found.candidate
        self.choice = Choice(candidate.l1, candidate.learning_rate, found.theta[0], spec.margin)
        self.kept: list[Outcome] = []
        self.committed: list[RunHandle] = []
        self._panel: Panel | None = None

    def __repr__(self) -> str:
        return f"<trade-off of task {self.task} of {self.run.id}: {self.told}>"

    @property
    def outcome(self) -> Outcome:
        """What the choice comes to."""
        candidate = candidate_of(self.choice, self.tradeoff)
        assert candidate is not None  # `move` admits no other
        return self.tradeoff.at(candidate, self.choice.theta)

    @property
    def told(self) -> str:
        """The outcome in a sentence."""
        outcome, measure = self.outcome, VALIDATION[self.tradeoff.before.measure]
        accuracy = f"{measure} not computed yet" if outcome.accuracy is None else f"{outcome.accuracy:.2%} {measure}"
        theta = " / ".join(f"{each:.3g}" for each in dict.fromkeys(outcome.theta))
        claimed = ", ".join(
            f"{count} neurons of {name}"
            for name, count in zip(self.tradeoff.before.names, outcome.claimed, strict=True)
        )
        return f"{accuracy} at θ = {theta}, claims {claimed}"

    def move(
        self,
        *,
        margin: float | None = None,
        l1: Sequence[float] | None = None,
        theta: float | Sequence[float] | None = None,
    ) -> Explorer:
        """Change m, λ or θ. θ follows m, and λ, as long as it stands where the margin rule puts it.

        Parameters
        ----------
        margin : float, optional
            m, a fraction.
        l1 : sequence of float, optional
            λ of each layer, the output's last, of a candidate that is trained.
        theta : float or sequence of float, optional
            One for all hidden layers, or one for each.

        Raises
        ------
        SpecError
            If a value is impossible, or λ is not trained.
        """
        choice = self.choice
        if margin is not None:
            if not 0 <= margin < 1:
                raise SpecError(f"margin = {margin!r} is not possible: it should be a fraction from 0 to below 1.")
            choice = with_margin(choice, margin, self.tradeoff)
        if l1 is not None:
            choice = self._with_l1(choice, tuple(l1))
        if theta is not None:
            choice = replace(choice, theta=self._thetas(theta))
        self._show(choice)
        return self

    def follow(self) -> Explorer:
        """Take the margin rule's choice over all candidates."""
        self._show(with_outcome(self.choice, self.tradeoff.verdict(self.choice.margin).outcome))
        return self

    def keep(self) -> Outcome:
        """Return what is seen, with its validation accuracy, and append it to `kept`.

        Raises
        ------
        StoreError
            As for `measure`.
        """
        outcome = replace(self.outcome, accuracy=self.measure())
        self.kept.append(outcome)
        return outcome

    def measure(self) -> float:
        """Return the outcome's validation accuracy, a fraction, if need be by a forward pass.

        Raises
        ------
        StoreError
            If no worker answers.
        """
        outcome = self.outcome
        if outcome.accuracy is None:
            ensure_engine(self.run.store)
        accuracy = self.tradeoff.accuracy(outcome, "validation")
        assert accuracy is not None
        return accuracy

    def commit(self) -> RunHandle:
        """Fork the run at this task with the choice, in the background, and append the fork to `committed`.

        Later tasks follow.

        Raises
        ------
        SpecError, StoreError
            If the fork is impossible, or the engine does not start.
        """
        from clnp_core.runs.handle import RunHandle

        store, choice = self.run.store, self.choice
        run, task = store.run(self.run.id), self.task
        spec = committing_fork(run.spec, task, self.outcome.candidate, choice.theta, choice.margin, None)
        self.committed.append(RunHandle(store, store.add(spec, like=run)))
        ensure_engine(store)
        return self.committed[-1]

    def figure(self, theme: Theme = "light") -> go.Figure:
        """Draw accuracy against sparsity, with the choice on it."""
        tradeoff, outcome = self.tradeoff, self.outcome
        verdict = tradeoff.verdict(self.choice.margin)
        marks = tradeoff.mark(verdict.outcome), tradeoff.mark(outcome), tradeoff.kept
        table, path = tradeoff.table_with_tests(outcome.candidate), tradeoff.path(outcome.candidate)
        band = verdict.floor, verdict.best
        return figures.trade_off(table, band, *marks, theme, path=path, measure=tradeoff.before.measure)

    def partition(self, theme: Theme = "light") -> go.Figure:
        """Draw the partition as it would be after the task."""
        return figures.capacity(self.tradeoff.layers(self.outcome), theme, f"Partition after task {self.task}")

    def activities(self, layer: int, theme: Theme = "light") -> go.Figure:
        """Draw the activities of a hidden layer, counted from 1, with its θ."""
        names, outcome = self.tradeoff.before.names, self.outcome
        if layer not in range(1, len(names) + 1):
            raise SpecError(f"layer = {layer!r} is not possible: it should be from 1 to {len(names)}.")
        counts = self.tradeoff.distribution(outcome)
        ranked = sorted(outcome.candidate.free[layer - 1].tolist(), reverse=True)
        return figures.activities(counts[counts["layer"] == names[layer - 1]], ranked, outcome.theta[layer - 1], theme)

    def drawn(self, theme: Theme = "light") -> list[go.Figure]:
        """Draw the trade-off, the partition, and the activities of every hidden layer."""
        layers = range(1, len(self.tradeoff.before.names) + 1)
        return [self.figure(theme), self.partition(theme), *(self.activities(layer, theme) for layer in layers)]

    def panel(self) -> Panel:
        """Return its sliders, buttons and figures as widgets, the same each time. Needs ipywidgets and anywidget."""
        if self._panel is None:
            from clnp_core.runs.jupyter.panel import Panel

            self._panel = Panel(self)
        return self._panel

    def save(self, path: Path | str) -> Path:
        """Write the figure for paper; see `figures.save`."""
        return figures.save(figures.for_paper(self.figure()), path)

    def _thetas(self, theta: float | Sequence[float]) -> float | tuple[float, ...]:
        layers = len(self.tradeoff.before.widths)
        try:
            each = np.atleast_1d(np.asarray(theta, dtype=float))
            possible = each.shape in ((1,), (layers,)) and bool((np.isfinite(each) & (each >= 0)).all())
        except (TypeError, ValueError):
            possible = False
        if not possible:
            raise SpecError(f"theta = {theta!r} is not possible: it should be 1 or {layers} numbers from 0 up.")
        return float(each[0]) if len(each) == 1 else tuple(each.tolist())

    def _with_l1(self, choice: Choice, l1: tuple[float, ...]) -> Choice:
        moved = with_l1(choice, l1, self.tradeoff)
        if candidate_of(moved, self.tradeoff) is not None:
            return moved
        trained = "; ".join(sorted({" / ".join(f"{each:g}" for each in own.l1) for own in self.tradeoff.trained}))
        given = " / ".join(f"{each:g}" for each in l1)
        raise SpecError(f"λ = {given} is not trained for task {self.task}; there is {trained}.")

    def _show(self, choice: Choice) -> None:
        self.choice = choice
        if self._panel:
            self._panel.show()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if lacking := widgets.missing():
            display(*map(_on_white, self.drawn()))
            print(f"{self.told}. {lacking}")
            return
        # A page takes of these what it can show: the widgets, else the figure, else the words.
        figure = renderers["plotly_mimetype"].to_mimebundle(_on_white(self.figure()).to_dict())
        display(self.panel().box._repr_mimebundle_() | figure | {"text/plain": repr(self)}, raw=True)


def _on_white(figure: go.Figure) -> go.Figure:
    """Give a figure a background: its ink cannot be read where a page is dark, and only widgets know."""
    return figure.update_layout(paper_bgcolor="white")
