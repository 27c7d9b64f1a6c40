"""Draws the sequences of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import BACKGROUND, INK, SYMBOLS, Theme, as_figure, task_colour, themed


@themed
def sweep(frame: pd.DataFrame, axes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Draw the final mean accuracy of each sequence of a sweep against the capacity used.

    Parameters
    ----------
    frame : table
        A row per sequence: the axes, run, mean_accuracy and capacity_used (fractions), and tasks_fitted. Sequences
        without accuracy or capacity are left out.
    axes : sequence of str
        The columns of the swept settings. The first in which sequences differ is shown by colour, the second by the
        shape of the mark. The hover text shows all of them, for every sequence under the mark.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        A point's customdata is its run's id and the hover text.
    """
    coloured, shaped, *_ = [*(axis for axis in axes if frame[axis].nunique() > 1), None, None]
    symbols: dict[Any, str] = dict(zip(frame[shaped].unique(), cycle(SYMBOLS), strict=False)) if shaped else {}
    drawn = frame.dropna(subset=["mean_accuracy", "capacity_used"])
    lines = [_sequence_in_words(row, axes) for row in drawn.to_dict("records")]
    drawn = drawn.assign(words=lines)
    drawn["words"] = drawn.groupby(["capacity_used", "mean_accuracy"])["words"].transform("<br>".join)
    marks = []
    for number, value in enumerate(frame[coloured].unique() if coloured else [None], start=1):
        rows = drawn[drawn[coloured] == value] if coloured else drawn
        marks.append(
            {
                "x": 100 * rows["capacity_used"],
                "y": 100 * rows["mean_accuracy"],
                "customdata": rows[["run", "words"]].to_numpy(),
                "name": _in_short(value),
                "marker": {
                    "size": 11,
                    "color": task_colour(number, theme),
                    "symbol": [symbols[each] for each in rows[shaped]] if shaped else "circle",
                    "line": {"width": 1, "color": BACKGROUND[theme]},
                },
                "hovertemplate": (
                    "mean accuracy %{y:.2f} %, capacity used %{x:.1f} %<br>%{customdata[1]}<extra></extra>"
                ),
                "legendgroup": "colour",
                "legendgrouptitle": {"text": coloured},
                "showlegend": coloured is not None,
            }
        )
    shapes = [
        {
            "x": [None],
            "y": [None],
            "name": _in_short(value),
            "marker": {"size": 10, "color": INK[theme], "symbol": f"{symbol}-open"},
            "legendgroup": "shape",
            "legendgrouptitle": {"text": shaped},
        }
        for value, symbol in symbols.items()
    ]
    nowhere = {"range": [0, 100]} if drawn.empty else {}
    layout = {
        "xaxis": {"title": {"text": "Capacity used (%)"}, **nowhere},
        "yaxis": {"title": {"text": "Mean accuracy at the end (%)"}, **nowhere},
        "legend": {"title": {"text": ""}, "traceorder": "grouped", "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
    }
    traces = [{"type": "scatter", "mode": "markers", **trace} for trace in marks + shapes]
    return as_figure(traces, layout, "Accuracy against capacity, by sequence", 500, theme)


def _sequence_in_words(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    settings = " · ".join(f"{axis} = {_in_short(row[axis])}" for axis in axes)
    return f"{settings} · {row['tasks_fitted']} task{'s' * (row['tasks_fitted'] != 1)} · {row['run']}"


def _in_short(value: Any) -> str:
    """Write a number without padding: 1e-4, not 1e-04."""
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)
