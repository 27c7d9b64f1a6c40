"""Draws the sequences of a sweep, and which of its settings matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from clnp_core.analysis.figures.base import (
    BACKGROUND,
    FREE,
    INK,
    RULE,
    SYMBOLS,
    TRADE_OFF,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    task_colour,
    themed,
)
from clnp_core.analysis.sweeps import BY_SEED, MEASURES, SEEDS, TOGETHER, over_seeds, varied

_MEASURED = {"mean_accuracy": "Mean accuracy", "capacity_used": "Capacity used"}
_NO_VALUE = "–"
_FAN = 0.6  # of the room between two values: how far the lines through one are spread


@themed
def sweep(frame: pd.DataFrame, axes: Sequence[str], theme: Theme = "light") -> go.Figure:
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
    drawn = drawn.assign(words=[_sequence_in_words(row, axes) for row in drawn.to_dict("records")])
    drawn["words"] = drawn.groupby(list(MEASURES), dropna=False)["words"].transform("<br>".join)
    drawn = drawn.assign(hollow=drawn["state"] != "finished", runs=drawn["run"])
    several = any(frame[axis].nunique() > 1 for axis in axes if axis in SEEDS)
    means = over_seeds(frame, axes) if several else drawn.head(0)
    traces = []
    for number, value in enumerate(values, start=1):
        look = {
            "name": _in_short(value),
            "legendgroup": "colour",
            "legendgrouptitle": {"text": coloured},
            "showlegend": coloured is not None,
        }
        marks = [_sequences(_of(drawn, coloured, value), shaped, symbols, small=several)]
        if several:
            marks.append(_means(_of(means, coloured, value), axes, shaped, symbols))
        for rows, size in marks:
            for claims, own in ((True, rows["capacity_used"].notna()), (False, rows["capacity_used"].isna())):
                if own.any() or (claims and rows.empty):
                    traces.append(look | _marked(rows[own], size, number, claims, theme))
                    look = look | {"showlegend": False}
    keys: list[tuple[str, str | None, str, str]] = [
        ("shape", shaped, _in_short(value), symbol) for value, symbol in symbols.items()
    ]
    if drawn["hollow"].any():
        keys.append(("state", "", "not finished yet", "circle-open"))
    legend = [
        {
            "x": [None],
            "y": [None],
            "name": name,
            "marker": {"size": 10, "color": INK[theme], "symbol": symbol},
            "legendgroup": group,
            "legendgrouptitle": {"text": title},
        }
        for group, title, name, symbol in keys
    ]
    nowhere = {"range": [0, 100]} if drawn.empty else {}
    layout = {
        "xaxis": {"title": {"text": "Capacity used (%)"}, **nowhere},
        "yaxis": {"title": {"text": "Mean accuracy at the end (%)"}, **nowhere},
        "legend": {
            "title": {"text": ""},
            "traceorder": "grouped",
            "itemsizing": "constant",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "hovermode": "closest",
        **_without_claims(drawn["capacity_used"], values, coloured),
    }
    traces = [{"type": "scatter", "mode": "markers", **trace} for trace in traces + legend]
    title = f"Accuracy against capacity, {'over seeds' if several else 'by sequence'}"
    return as_figure(traces, layout, title, 500, theme)


def _sequences(
    rows: pd.DataFrame, shaped: str | None, symbols: Mapping[Any, str], small: bool
) -> tuple[pd.DataFrame, int]:
    """Describe a mark for each sequence: rows of what differs, and the size of all."""
    shapes = [symbols[_key(each)] for each in rows[shaped]] if shaped else ["circle"] * len(rows)
    symbol = [f"{shape}-open" if is_open else shape for shape, is_open in zip(shapes, rows["hollow"], strict=True)]
    return rows.assign(symbol=symbol), 6 if small else 11


def _means(
    rows: pd.DataFrame, axes: Sequence[str], shaped: str | None, symbols: Mapping[Any, str]
) -> tuple[pd.DataFrame, int]:
    """Describe a mark for each mean over the seeds, as `_sequences` does."""
    words = []
    for row in rows.to_dict("records"):
        parts = _settings_in_words(row, [axis for axis in axes if axis not in SEEDS])
        text = " · ".join([*parts, f"mean of {row['seeds']} seed{'s' * (row['seeds'] != 1)}"])
        spread = [f"± {100 * row[f'{name} std']:.2f}" for name in MEASURES if not np.isnan(row[f"{name} std"])]
        words.append(text + (f"<br>{' and '.join(spread)} points over them" if spread else ""))
    symbol = [symbols[_key(each)] for each in rows[shaped]] if shaped else "circle"
    return rows.assign(run=rows["runs"], words=words, symbol=symbol, hollow=False), 12


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
    named = {"tickvals": list(range(1, len(values) + 1)), "ticktext": list(map(_in_short, values))}
    return {"xaxis": {"visible": False}, "xaxis2": ends | named | {"title": {"text": coloured or ""}}}


@themed
def parallel_coordinates(frame: pd.DataFrame, axes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Draw each sequence of a sweep as a line through its settings to its capacity used and its mean accuracy.

    Parameters
    ----------
    frame, axes
        As for `sweep`. Values of a setting are equally far apart, the least at the bottom, and lines through the same
        value fan out, the most accurate on top. The more accurate a sequence, the stronger its colour; the best is
        emphasised, and those that are not finished are dotted.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        A point's customdata is its run's id and the hover text.
    """
    drawn = frame.dropna(subset=["mean_accuracy"]).sort_values("mean_accuracy", kind="stable")
    settings = [axis for axis in axes if frame[axis].nunique(dropna=False) > 1]
    heights, ticks = [], []
    for axis in settings:
        places, named = _levels(frame, drawn, axis)
        heights.append(places)
        ticks.append(named)
    for name in reversed(MEASURES):
        places, named = _scale(drawn[name])
        heights.append(places)
        ticks.append(named)
    count = len(heights)
    accuracy, last = heights[-1], len(drawn) - 1
    traces = []
    for number, row in enumerate(drawn.to_dict("records")):
        colour = TRADE_OFF[theme]["front"] if number == last else _between(float(accuracy[number]), theme)
        words = (
            f"mean accuracy {row['mean_accuracy']:.2%}, capacity used "
            f"{_NO_VALUE if np.isnan(row['capacity_used']) else format(row['capacity_used'], '.1%')}<br>"
            f"{_sequence_in_words(row, axes)}"
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(range(count)),
                "y": [float(each[number]) for each in heights],
                "name": row["run"],
                "customdata": [[row["run"], words]] * count,
                "line": {
                    "color": colour,
                    "width": 3 if number == last else 1.5,
                    "dash": "solid" if row["state"] == "finished" else "dot",
                },
                "marker": {"size": 7 if number == last else 5, "color": colour},
                "hovertemplate": "%{customdata[1]}<extra></extra>",
                "showlegend": False,
            }
        )
    label = {"showarrow": False, "xanchor": "left", "xshift": 5, "bgcolor": BACKGROUND[theme], "borderpad": 1}
    rule = {"type": "line", "y0": 0, "y1": 1, "line": {"color": RULE[theme], "width": 1}, "layer": "below"}
    layout = {
        "xaxis": {
            "tickvals": list(range(count)),
            "ticktext": [*(name.replace(".", ".<br>") for name in settings), "Capacity<br>(%)", "Accuracy<br>(%)"],
            "tickangle": 0,
            "side": "top",
            "range": [-0.1, count - 0.55],
            "showgrid": False,
            "fixedrange": True,
        },
        "yaxis": {"visible": False, "range": [-0.04, 1.04], "fixedrange": True},
        "shapes": [rule | {"x0": place, "x1": place} for place in range(count)],
        "annotations": [
            label | {"x": place, "y": height, "text": text}
            for place, named in enumerate(ticks)
            for height, text in named
        ],
        "margin": {"t": 96, "b": 20, "l": 20, "r": 12},
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Settings of each sequence", 440, theme)


@themed
def setting_importance(shares: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw how much of the variance of accuracy and capacity each setting of a sweep accounts for.

    Parameters
    ----------
    shares : table
        As `sweeps.importance` returns it. A stroke across a bar is the share by chance alone.
    theme : {"light", "dark"}
    """
    measures = [name for name in MEASURES if (shares["measure"] == name).any()]
    names = [*dict.fromkeys(each for each in shares["setting"] if each not in (TOGETHER, BY_SEED))]
    names += [each for each in (TOGETHER, BY_SEED) if (shares["setting"] == each).any()]
    in_words = {TOGETHER: "only in<br>combination", BY_SEED: "chance<br>(seeds)"}
    colours = {"mean_accuracy": task_colour(1, theme), "capacity_used": FREE[theme]}
    traces: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    for number, measure in enumerate(measures):
        rows = shares[shares["measure"] == measure]
        # Bars of numbers, not of names, so that a stroke can be put across each of them.
        place = np.array([names.index(each) for each in rows["setting"]]) + 0.38 * (number - (len(measures) - 1) / 2)
        shared = {"y": place, "name": _MEASURED[measure], "legendgroup": measure}
        traces.append(
            shared
            | {
                "type": "bar",
                "orientation": "h",
                "x": 100 * rows["share"],
                "width": 0.34,
                "marker": {"color": colours[measure]},
                "customdata": [in_words.get(name, name).replace("<br>", " ") for name in rows["setting"].astype(str)],
                "hovertemplate": f"%{{customdata}}: %{{x:.1f}} % of the variance of {_MEASURED[measure].lower()}"
                "<extra></extra>",
            }
        )
        ends = 100 * rows[["share", "chance"]].max(axis=1)
        written += [
            {"x": x, "y": y, "text": f"{share:.0%}", "showarrow": False, "xanchor": "left", "xshift": 4}
            for x, y, share in zip(ends, place, rows["share"], strict=True)
        ]
        chance = rows["chance"].notna().to_numpy()
        traces.append(
            shared
            | {
                "type": "scatter",
                "mode": "markers",
                "x": 100 * rows["chance"][chance],
                "y": place[chance],
                "name": "by chance alone",
                "legendgroup": "chance",
                "marker": {"symbol": "line-ns", "size": 14, "line": {"width": 2, "color": INK[theme]}},
                "hovertemplate": "by chance alone: %{x:.1f} %<extra></extra>",
                "showlegend": number == 0,
            }
        )
    layout = {
        "xaxis": {"title": {"text": "Share of the variance (%)"}, "range": [0, 112], "tickvals": [0, 25, 50, 75, 100]},
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [in_words.get(name, name) for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
        },
        "annotations": written,
        "barmode": "overlay",
        "hovermode": "closest",
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "Which setting matters most", 190 + 62 * max(3, len(names)), theme)


def _values(frame: pd.DataFrame, axis: str) -> list[Any]:
    """List the values of an axis, each once; one that has no effect on a method is None."""
    return [*dict.fromkeys(map(_key, frame[axis]))]


def _key(value: Any) -> Any:
    return None if pd.isna(value) else value


def _of(rows: pd.DataFrame, axis: str | None, value: Any) -> pd.DataFrame:
    """Take the rows with that value of an axis."""
    if axis is None:
        return rows
    return rows[rows[axis].isna() if value is None else rows[axis] == value]


def _levels(frame: pd.DataFrame, drawn: pd.DataFrame, axis: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Place sequences, which ascend in accuracy, on an axis of few values: heights from 0 to 1, and of the values."""
    found = _values(frame, axis)
    given = sorted((value for value in found if value is not None), key=lambda value: (isinstance(value, str), value))
    levels = [*([None] if None in found else []), *given]
    heights = (np.arange(len(levels)) + 0.5) / len(levels)
    of = np.array([levels.index(_key(value)) for value in drawn[axis]], dtype=int)
    place = heights[of] if len(of) else np.empty(0)
    for level in set(of):
        here = of == level
        place[here] += np.linspace(-0.5, 0.5, here.sum()) * _FAN / len(levels) if here.sum() > 1 else 0
    return place, [(height, _in_short(level)) for height, level in zip(heights, levels, strict=True)]


def _scale(shares: pd.Series) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Place fractions between the least and the greatest; unknown ones at the bottom."""
    low, high = (shares.min(), shares.max()) if shares.notna().any() else (0.0, 1.0)
    if high == low:
        return shares.notna().to_numpy() * 0.5, [(0.5, f"{100 * low:.1f}")]
    heights = ((shares - low) / (high - low)).fillna(0.0).to_numpy()
    return heights, [(height, f"{100 * (low + height * (high - low)):.1f}") for height in (0.0, 0.5, 1.0)]


def _between(share: float, theme: Theme) -> str:
    low, high = (np.array(hex_to_rgb(TRADE_OFF[theme][name])) for name in ("other", "own"))
    return "#{:02X}{:02X}{:02X}".format(*((1 - share) * low + share * high).round().astype(int))


def _settings_in_words(row: Mapping[str, Any], axes: Sequence[str]) -> list[str]:
    """Name the settings of a sequence that have an effect on it."""
    return [f"{axis} = {_in_short(row[axis])}" for axis in axes if not pd.isna(row[axis])]


def _sequence_in_words(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    parts = [*_settings_in_words(row, axes), f"{row['tasks_fitted']} task{'s' * (row['tasks_fitted'] != 1)}"]
    return " · ".join([*parts, *([] if row["state"] == "finished" else ["not finished yet"]), row["run"]])


def _in_short(value: Any) -> str:
    """Write a number without padding: 1e-4, not 1e-04."""
    if value is None:
        return _NO_VALUE
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)
