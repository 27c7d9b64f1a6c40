"""Draws what the sequences of a sweep came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    BACKGROUND,
    INK,
    SYMBOLS,
    Theme,
    accuracy_axis,
    as_figure,
    task_colour,
    themed,
)
from clnp_core.analysis.sweeps import MEASURES, SEEDS, Brushes, chosen_rows, over_seeds, value_of, values_of, varied
from clnp_core.printing import brief

NO_VALUE = "–"
_KEYS, _KEY_PIXELS = 3, 20  # of the legend: so many under each other have room in the margin that all figures have
_FADED = {"opacity": 0.25, "hoverinfo": "skip"}


@themed
def sweep(frame: pd.DataFrame, axes: Sequence[str], theme: Theme = "light", chosen: Brushes | None = None) -> go.Figure:
    """Draw the final mean accuracy of each sequence of a sweep against the capacity used.

    Parameters
    ----------
    frame : table
        A row per sequence: the axes, run, state, mean_accuracy and capacity_used (fractions), and tasks_fitted.
        Sequences without accuracy or capacity are left out. Those that are not finished are hollow.
    axes : sequence of str
        The columns of the swept settings. The first in which sequences differ is shown by colour, the second by the
        shape of the mark. The hover text shows all of them, for every sequence under the mark. Seeds are shown by
        neither: where several are swept, sequences are small, and the mean over the seeds of those that are finished
        has bars of one standard deviation.
    theme : {"light", "dark"}
    chosen : mapping of str to sequence, optional
        Which sequences are chosen, as `chosen_rows` takes it; others are faded, and so is a mean over one of them.

    Returns
    -------
    Figure
        A point's customdata is its run's id, or those of the runs that it is the mean of with commas between, and the
        hover text.
    """
    coloured, shaped, *_ = [*varied(frame, axes), None, None]
    values = _values(frame, coloured) if coloured else [None]
    symbols: dict[Any, str] = dict(zip(_values(frame, shaped), cycle(SYMBOLS), strict=False)) if shaped else {}
    drawn = frame.dropna(subset=["mean_accuracy"])
    drawn = drawn.assign(
        words=[sequence_in_words(row, axes) for row in drawn.to_dict("records")],
        hollow=drawn["state"] != "finished",
        kept=chosen_rows(drawn, chosen),
    )
    drawn["words"] = drawn.groupby([*MEASURES, "kept"], dropna=False)["words"].transform("<br>".join)
    several = any(frame[axis].nunique() > 1 for axis in axes if axis in SEEDS)
    means = over_seeds(frame, axes) if several else drawn.head(0)
    left = set(drawn["run"][~drawn["kept"]])
    traces = []
    for number, value in enumerate(values, start=1):
        marks = [_sequences(_of(drawn, coloured, value), shaped, symbols, small=several)]
        if several:
            marks.append(_means(_of(means, coloured, value), axes, shaped, symbols, left))
        for rows, size in marks:
            for kept, claims in product((True, False), repeat=2):
                own = rows[(rows["kept"] == kept) & (rows["capacity_used"].notna() == claims)]
                if len(own):
                    shown = {"name": in_short(value), "showlegend": False} | ({} if kept else _FADED)
                    traces.append(shown | _marked(own, size, number, claims, theme))
    ink = INK[theme]
    keys: list[tuple[str, str | None, Any, str, str]] = [
        *(("colour", coloured, value, "circle", task_colour(number, theme)) for number, value in enumerate(values, 1)),
        *(("shape", shaped, value, symbol, ink) for value, symbol in symbols.items()),
        *([("state", "", "not finished yet", "circle-open", ink)] * bool(drawn["hollow"].any())),
    ]
    legend = [
        {
            "x": [None],
            "y": [None],
            "name": in_short(value),
            "marker": {"size": 10, "color": colour, "symbol": symbol},
            "legendgroup": group,
            "legendgrouptitle": {"text": title},
        }
        for group, title, value, symbol, colour in keys
        if title is not None
    ]
    more = _KEY_PIXELS * max(0, max(len(values), len(symbols)) - _KEYS)
    layout = {
        "xaxis": {"title": {"text": "Capacity used (%)"}, **({"range": [0, 100]} if drawn.empty else {})},
        "yaxis": accuracy_axis("Mean accuracy at the end (%)", traces),
        "legend": {
            "title": {"text": ""},
            "traceorder": "grouped",
            "itemsizing": "constant",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "margin": {"b": 100 + more},
        "hovermode": "closest",
        **_without_claims(drawn["capacity_used"], values, coloured),
    }
    traces = [{"type": "scatter", "mode": "markers", **trace} for trace in traces + legend]
    title = f"Accuracy against capacity, {'over seeds' if several else 'by sequence'}"
    return as_figure(traces, layout, title, 500 + more, theme)


def _sequences(
    rows: pd.DataFrame, shaped: str | None, symbols: Mapping[Any, str], small: bool
) -> tuple[pd.DataFrame, int]:
    """Describe a mark for each sequence: rows of what differs, and the size of all."""
    shapes = [symbols[value_of(each)] for each in rows[shaped]] if shaped else ["circle"] * len(rows)
    symbol = [f"{shape}-open" if is_open else shape for shape, is_open in zip(shapes, rows["hollow"], strict=True)]
    return rows.assign(symbol=symbol), 6 if small else 11


def _means(
    rows: pd.DataFrame, axes: Sequence[str], shaped: str | None, symbols: Mapping[Any, str], left: set[str]
) -> tuple[pd.DataFrame, int]:
    """Describe a mark for each mean over the seeds, as `_sequences` does; `left` are runs that are not chosen."""
    words = []
    for row in rows.to_dict("records"):
        parts = _settings_in_words(row, [axis for axis in axes if axis not in SEEDS])
        text = " · ".join([*parts, f"mean of {row['seeds']} seed{'s' * (row['seeds'] != 1)}"])
        spread = [f"± {100 * row[f'{name} std']:.2f}" for name in MEASURES if not np.isnan(row[f"{name} std"])]
        words.append(text + (f"<br>{' and '.join(spread)} points over them" if spread else ""))
    symbol = [symbols[value_of(each)] for each in rows[shaped]] if shaped else "circle"
    kept = [not left.intersection(runs.split(",")) for runs in rows["runs"]]
    return rows.assign(run=rows["runs"], words=words, symbol=symbol, hollow=False, kept=kept), 12


def _marked(rows: pd.DataFrame, size: int, number: int, claims: bool, theme: Theme) -> dict[str, Any]:
    """Draw marks of the colour of that number; where neurons are not claimed, beside the axis of capacity."""
    colour = task_colour(number, theme)
    bars = {"type": "data", "color": colour, "thickness": 1.5, "width": 4}
    errors = {f"error_{axis}": f"{name} std" for axis, name in (("y", "mean_accuracy"), ("x", "capacity_used"))}
    hollow = rows["hollow"].to_numpy(dtype=bool)
    capacity = ", capacity used %{x:.1f} %" if claims else ", claims no neurons"
    return {
        "x": 100 * rows["capacity_used"] if claims else [number] * len(rows),
        "y": 100 * rows["mean_accuracy"],
        "xaxis": "x" if claims else "x2",
        **{error: bars | {"array": 100 * rows[name]} for error, name in errors.items() if name in rows},
        "customdata": rows[["run", "words"]].to_numpy(),
        "marker": {
            "size": size,
            "color": colour,
            "symbol": rows["symbol"],
            "line": {"width": np.where(hollow, 2, 1), "color": np.where(hollow, colour, BACKGROUND[theme])},
        },
        "hovertemplate": f"mean accuracy %{{y:.2f}} %{capacity}<br>%{{customdata[1]}}<extra></extra>",
    }


def _without_claims(capacity: pd.Series, values: Sequence[Any], coloured: str | None) -> dict[str, Any]:
    """Lay out the place of sequences whose method claims no neurons: beside the others, or all that there is."""
    if capacity.notna().all():
        return {}
    ends = {"range": [0.4, len(values) + 0.6], "showgrid": False}
    if capacity.notna().any():
        ends |= {"domain": [0.86, 1], "showticklabels": False, "title": {"text": "claims<br>none", "standoff": 8}}
        return {"xaxis": {"title": {"text": "Capacity used (%)"}, "domain": [0, 0.83]}, "xaxis2": ends}
    named = {"tickvals": list(range(1, len(values) + 1)), "ticktext": list(map(in_short, values))}
    return {"xaxis": {"visible": False}, "xaxis2": ends | named | {"title": {"text": coloured or ""}}}


def _values(frame: pd.DataFrame, axis: str) -> list[Any]:
    """List the values of an axis, each once; one that has no effect on a method is None."""
    return [*dict.fromkeys(values_of(frame[axis]))]


def _of(rows: pd.DataFrame, axis: str | None, value: Any) -> pd.DataFrame:
    """Take the rows with that value of an axis."""
    if axis is None:
        return rows
    return rows[rows[axis].isna() if value is None else rows[axis] == value]


def _settings_in_words(row: Mapping[str, Any], axes: Sequence[str]) -> list[str]:
    """Name the settings of a sequence that have an effect on it."""
    return [f"{axis} = {in_short(row[axis])}" for axis in axes if not pd.isna(row[axis])]


def sequence_in_words(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    """Tell a sequence's settings, how many tasks it has learned, and its run."""
    parts = [*_settings_in_words(row, axes), f"{row['tasks_fitted']} task{'s' * (row['tasks_fitted'] != 1)}"]
    return " · ".join([*parts, *([] if row["state"] == "finished" else ["not finished yet"]), row["run"]])


def in_short(value: Any) -> str:
    """Write a value of a setting in a figure."""
    if value is None:
        return NO_VALUE
    return brief(value) if isinstance(value, float) else str(value)
