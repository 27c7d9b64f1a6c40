"""The right side of the trade-off page: what the view comes to, in numbers and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.analysis.choice import candidate_of, with_theta
from clnp_core.analysis.tradeoff import Outcome, TradeOff, Verdict
from clnp_core.methods.training.settings import VALIDATION, Epoch, Measure
from dashboard.components.live_chart import live_chart
from dashboard.shared.notebook_code import run_code
from dashboard.shared.number_text import margin_text, percent, scientific
from dashboard.tradeoff.state import View, change

_COLUMNS = 3


def show_numbers(tradeoff: TradeOff, outcome: Outcome) -> None:
    """Show what an outcome comes to, in numbers; those that only a forward pass can tell are still to come."""
    validation, test = (tradeoff.accuracy(outcome, split, only_known=True) for split in ("validation", "test"))
    of_validation = VALIDATION[tradeoff.before.measure]
    of_test = of_validation.replace("validation", "test")
    with st.container(horizontal=True, gap="small", key="outcome"):
        _measure(of_validation.capitalize(), percent(validation, "…"), "On images that were held out of training.")
        _measure(of_test.capitalize(), percent(test, "…"), "On images that took no part in any choice.")
        for name, claimed, free in zip(tradeoff.before.names, outcome.claimed, outcome.free, strict=True):
            about = f"{name.capitalize()}: neurons the task would claim, and neurons that would stay free."
            _measure(f"Claimed / free, {name}", f"{claimed} / {free}", about)
        _measure(
            "Room for more tasks",
            room_text(outcome),
            "Forecast of how many more tasks fit until the first layer is full, if they claim as many neurons as the "
            "last three. After only one task it is too low, because later tasks reuse neurons.",
        )


def room_text(outcome: Outcome) -> str:
    """Tell for how many more tasks the network would last."""
    return "–" if outcome.lasts is None else f"{outcome.lasts:.1f}"


def _measure(label: str, value: str, about: str) -> None:
    st.metric(label, value, help=about, border=True, width="stretch")


def lambdas(l1: Sequence[float]) -> str:
    """Tell λ of each layer."""
    return " / ".join(map(scientific, l1))


def ruling(verdict: Verdict, margin: float, measure: Measure) -> str:
    """Tell the margin rule's choice in a sentence."""
    chosen = verdict.outcome
    left = "" if chosen.lasts is None else f", room for {room_text(chosen)} more tasks"
    rule = (
        f"At m = {margin_text(margin)} the margin rule chooses λ = {lambdas(chosen.candidate.l1)} and "
        f"θ = {chosen.theta[0]:.3g}: {chosen.accuracy:.2%} {VALIDATION[measure]} (at least "
        f"{verdict.floor:.2%} is required), {' / '.join(map(str, chosen.claimed))} neurons claimed{left}."
    )
    return rule if verdict.within_margin else f"{rule} Nothing stays within the margin; this is the mildest pruning."


def show_front(
    tradeoff: TradeOff, view: View, outcome: Outcome | None, theme: figures.Theme, epochs: Sequence[Epoch] = ()
) -> None:
    """Show accuracy against sparsity of all candidates.

    Parameters
    ----------
    tradeoff : TradeOff
    view : View
    outcome : Outcome or None
        What is selected; None while the view's λ is not trained.
    theme : {"light", "dark"}
    epochs : sequence of Epoch, optional
        Of the training of the view's λ, while it goes on.
    """
    verdict, measure = tradeoff.verdict(view.margin), tradeoff.before.measure
    table = tradeoff.table_with_tests(outcome and outcome.candidate)
    marks = tradeoff.mark(verdict.outcome), outcome and tradeoff.mark(outcome), tradeoff.kept
    path = tradeoff.along(epochs) if epochs else tradeoff.path(outcome and outcome.candidate)
    live_chart(
        figures.trade_off(table, (verdict.floor, verdict.best), *marks, theme, path=path, measure=measure),
        f"trade-off {view.run} {view.task}",
        "Accuracy against sparsity. " + ruling(verdict, view.margin, measure),
        code=_view_code(
            view,
            f"verdict = tradeoff.verdict(margin={view.margin!r})",
            "marks = tradeoff.mark(verdict.outcome), outcome and tradeoff.mark(outcome), tradeoff.kept",
            "table = tradeoff.table_with_tests(outcome and outcome.candidate)",
            "path, measure = tradeoff.path(candidate), tradeoff.before.measure",
            "figures.trade_off(table, (verdict.floor, verdict.best), *marks, path=path, measure=measure)",
        ),
        fills=True,
        on_click=lambda point: _select(tradeoff, view, point),
    )


def _view_code(view: View, *lines: str) -> str:
    """Write the lines that make a figure of the view in a notebook."""
    begin = (
        f"tradeoff = run.trade_off({view.task})",
        f"candidate = tradeoff.find({view.l1!r}, {view.learning_rate!r})",
        f"outcome = candidate and tradeoff.at(candidate, {view.theta!r})",
    )
    return run_code(view.run, "\n".join((*begin, *lines)))


def _select(tradeoff: TradeOff, view: View, point: Sequence[Any] | None) -> None:
    """Set the sliders to a point of a curve that was clicked; what else can be clicked has no candidate."""
    if not point or point[0] is None:
        return
    candidate, theta = tradeoff.candidates[int(point[0])], float(point[1])
    at = {"l1": candidate.l1, "learning_rate": candidate.learning_rate}
    change(view, lambda now: with_theta(replace(now, **at), theta))


def show_partition(tradeoff: TradeOff, view: View, outcome: Outcome, theme: figures.Theme) -> None:
    """Show who owns how much of each layer, as it would be after the task."""
    layers, title = tradeoff.layers(outcome), f"Partition after task {view.task}"
    free = zip(layers, outcome.free, strict=True)
    live_chart(
        figures.capacity(layers, theme, title),
        f"partition {view.run} {view.task}",
        "The partition. " + " ".join(f"{layer['name']}: {left} of {layer['width']} free." for layer, left in free),
        code=_view_code(view, f"figures.capacity(tradeoff.layers(outcome), title={title!r})"),
        fills=True,
    )


def show_activities(tradeoff: TradeOff, view: View, outcome: Outcome, theme: figures.Theme) -> None:
    """Show the activity of each layer's neurons, with θ as a line to drag."""
    layers = range(len(tradeoff.before.names))
    for first in range(0, len(layers), _COLUMNS):
        row = layers[first : first + _COLUMNS]
        for column, layer in zip(st.columns(min(_COLUMNS, len(layers))), row, strict=False):
            with column:
                _show_activity(layer, tradeoff, view, outcome, theme)


def _show_activity(layer: int, tradeoff: TradeOff, view: View, outcome: Outcome, theme: figures.Theme) -> None:
    name, theta = tradeoff.before.names[layer], outcome.theta[layer]
    trained = outcome.candidate.free[layer]
    counts = tradeoff.distribution(outcome)
    live_chart(
        figures.activities(counts[counts["layer"] == name], np.sort(trained)[::-1], theta, theme),
        f"activity {view.run} {view.task} {layer}",
        f"Activity of the neurons of {name}: {outcome.claimed[layer]} of {len(trained)} are above θ = {theta:.3g}.",
        code=_view_code(
            view,
            "counts = tradeoff.distribution(outcome)",
            f"ranked = sorted(outcome.candidate.free[{layer}], reverse=True)",
            f"figures.activities(counts[counts.layer == {name!r}], ranked, outcome.theta[{layer}])",
        ),
        on_drag=lambda place: change(view, lambda now: _dragged(tradeoff, now, layer, 10**place)),
    )


def _dragged(tradeoff: TradeOff, view: View, layer: int, activity: float) -> View:
    """Put θ where the line was dragged to, or rather at the nearest value below that changes anything."""
    candidate = candidate_of(view, tradeoff)
    if candidate is None:
        return with_theta(view, activity, None if view.is_shared else layer)
    if view.is_shared:
        return with_theta(view, max((each for each in candidate.thresholds() if each <= activity), default=0.0))
    there = with_theta(view, activity, layer).theta
    return with_theta(view, candidate.lowest_alike(there)[layer], layer)
