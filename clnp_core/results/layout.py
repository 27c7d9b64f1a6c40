"""Pieces that RESULTS.md is laid out of: tables, numbers with their deviation, pictures. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from clnp_core.analysis import figures
from clnp_core.analysis.compare import Compared, Group
from clnp_core.results.experiments import Experiment, Found
from clnp_core.results.kept import Kept
from clnp_core.results.published import Published

NOTHING = "–"


def picture(figure: go.Figure, folder: Path, shown: str, name: str, caption: str) -> list[str]:
    """Draw a figure of the report. Without a browser to draw it, write it as a page and link to that."""
    drawn = figures.for_paper(figure, columns=2).update_layout(paper_bgcolor="white")  # also where the reader's is dark
    file = figures.save(drawn, folder / f"{name}.svg")
    image = "!" if file.suffix == ".svg" else ""
    return [f"{image}[{caption}]({shown}/{file.name})", "", f"*{caption}*"]


def table(columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (columns, *rows)]
    return [lines[0], "|" + "---|" * len(columns), *lines[1:]]


def layers(run: Kept) -> list[dict[str, Any]]:
    """The hidden layers of a run, as the figures take them."""
    return [layer.to_json() for layer in run.summary.layers]


def means(runs: Sequence[Kept]) -> list[float]:
    """The mean accuracy of each run over its tasks."""
    return [run.summary.mean_accuracy for run in runs]


def mean_of(experiment: Experiment, found: Found) -> float:
    """The mean accuracy of an experiment that was run, over its runs."""
    return fmean(means(found[experiment.name]))


def best_of(experiments: Iterable[Experiment], found: Found) -> Experiment | None:
    """The one with the highest mean accuracy; None if none was run."""
    run = (each for each in experiments if found[each.name])
    return max(run, key=lambda each: mean_of(each, found), default=None)


def compared(experiments: Iterable[Experiment], found: Found) -> list[Group]:
    """The experiments that were run, as the figures of several methods take them."""
    return [
        Group(each.name, {}, tuple(Compared(run.id, run.spec.to_json(), run.summary.to_json()) for run in runs))
        for each in experiments
        if (runs := found[each.name])
    ]


def names(runs: Sequence[Kept]) -> str:
    return ", ".join(f"`{run.id}` (seed {run.spec.seed})" for run in runs) or "not run"


def quoted(figure: Published) -> str:
    value = round(100 * figure.accuracy, 2)
    digits = 1 if value == round(value, 1) else 2  # as published
    return f"*{percent(figure.accuracy, figure.deviation if figure.deviation is not None else math.nan, digits)}*"


def percent(mean: float, deviation: float, digits: int = 2) -> str:
    return number(100 * mean, 100 * deviation, digits)


def number(mean: float, deviation: float, digits: int = 1) -> str:
    if math.isnan(mean):
        return NOTHING
    return f"{mean:.{digits}f}" + ("" if math.isnan(deviation) else f" ± {deviation:.{digits}f}")


def met(is_met: bool, missing: float | None = None) -> str:
    """Tell whether something asked was reached, or by how much, a fraction, it was missed."""
    by = "" if missing is None else f" by {100 * missing:.2f} points"
    return "met" if is_met else f"**missed**{by}"
