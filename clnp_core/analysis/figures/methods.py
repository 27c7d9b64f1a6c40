"""Draws several runs or methods side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.export import BAND
from clnp_core.analysis.figures.base import (
    BACKGROUND,
    DASHES,
    INK,
    MOST_NUMBERED_TASKS,
    SYMBOLS,
    UNTITLED_LEGEND,
    Theme,
    accuracy_axis,
    as_figure,
    task_colour,
    themed,
)
from clnp_core.printing import size_text


@themed
def accuracy_by_task(
    accuracies: pd.DataFrame, theme: Theme = "light", *, quoted: pd.DataFrame | None = None
) -> go.Figure:
    """Draw the final test accuracy on every task as bars with one standard deviation (Figs. 4a, 5a).

    Parameters
    ----------
    accuracies : table
        As `compare.by_task` returns it: group, task, seeds, accuracy (a fraction) and std (nan for a single seed).
    theme : {"light", "dark"}
    quoted : table, optional
        Published results: group (the source), task, accuracy and std (nan if not published). Their bars are hollow and
        labelled "quoted".
    """
    if quoted is not None:
        published = quoted.assign(group=quoted["group"] + ", quoted", seeds=0)
        accuracies = pd.concat([accuracies, published], ignore_index=True)
    bars = [
        {
            "type": "bar",
            "x": rows["task"],
            "y": 100 * rows["accuracy"],
            "name": name,
            "marker": _filled(colour, pattern, theme) if rows["seeds"].any() else _hollow(colour, theme),
            "error_y": _error_bars(rows, theme),
            "customdata": _over_seeds(rows),
            "hovertemplate": f"<b>{name}</b><br>task %{{x}}: %{{y:.2f}}%{{customdata}}<extra></extra>",
        }
        for name, rows, colour, pattern, _ in _compared(accuracies, theme)
    ]
    layout = {
        "barmode": "group",
        "bargap": 0.25,
        "xaxis": {"title": {"text": "Task"}, "dtick": _task_ticks(accuracies), "showgrid": False},
        "yaxis": {"title": {"text": "Test accuracy at the end (%)"}, "range": [0, 100]},
        "showlegend": True,
        **UNTITLED_LEGEND,
    }
    return as_figure(bars, layout, "Accuracy by task", _height(len(bars)), theme)


@themed
def mean_accuracies(accuracies: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw the mean test accuracy over the tasks so far, after each task, with a band of one standard deviation.

    Parameters
    ----------
    accuracies : table
        As `compare.after_each_task` returns it: group, task, seeds, mean_accuracy (a fraction) and std (nan for a
        single seed).
    theme : {"light", "dark"}
    """
    bands, lines = [], []
    for name, rows, colour, _, (dash, symbol) in _compared(accuracies, theme):
        bars = _error_bars(rows, theme)
        means, deviations = 100 * rows["mean_accuracy"], 100 * rows["std"]
        spread = ~np.isnan(deviations)
        if spread.sum() > 1:
            low, high, tasks = (each[spread] for each in (means - deviations, means + deviations, rows["task"]))
            bands.append(
                {
                    "x": np.concatenate([tasks, tasks[::-1]]),
                    "y": np.concatenate([low, high[::-1]]),
                    "name": f"{name}, within one standard deviation",
                    "meta": BAND,
                    "mode": "lines",
                    "line": {"width": 0},
                    "fill": "toself",
                    "fillcolor": colour,
                    "opacity": 0.18,
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
        lines.append(
            {
                "x": rows["task"],
                "y": means,
                "error_y": bars and bars | {"visible": len(means) == 1},
                "name": name,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2, "dash": dash},
                "marker": {"symbol": symbol, "size": 8},
                "customdata": _over_seeds(rows),
                "hovertemplate": f"<b>{name}</b><br>after task %{{x}}: %{{y:.2f}}%{{customdata}}<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "After learning task"}, "dtick": _task_ticks(accuracies), "showgrid": False},
        "yaxis": accuracy_axis("Mean test accuracy so far (%)", lines),
        "showlegend": True,
        **UNTITLED_LEGEND,
    }
    traces = [{"type": "scatter", **trace} for trace in bands + lines]
    return as_figure(traces, layout, "Mean accuracy after each task", _height(len(lines)), theme)


@themed
def accuracy_and_memory(results: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw the mean accuracy at the end against the memory kept, a mark for each method, forgetting as its tail.

    Parameters
    ----------
    results : table
        As `compare.accuracy_and_memory` returns it. The tail goes up from a mark to the mean of the best accuracy that
        each task has had; where nothing was forgotten, or it is not known, there is none.
    theme : {"light", "dark"}
    """
    memory = results["memory"].to_numpy()
    traces = []
    for name, row, colour, _, (_, symbol) in _compared(results, theme):
        accuracy, tail = 100 * row["mean_accuracy"], 100 * np.nan_to_num(row["best_accuracy"] - row["mean_accuracy"])
        traces.append(
            {
                "type": "scatter",
                "x": row["memory"],
                "y": accuracy,
                "name": name,
                "mode": "markers",
                "marker": {
                    "symbol": symbol,
                    "size": 12,
                    "color": colour,
                    "line": {"width": 1, "color": BACKGROUND[theme]},
                },
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": np.maximum(tail, 0),
                    "arrayminus": np.zeros_like(tail),
                    "color": colour,
                    "thickness": 2,
                    "width": 0,
                },
                "customdata": [
                    f"{spread}<br>forgetting {points}<br>memory {size_text(kept)}"
                    for spread, points, kept in zip(
                        _over_seeds(row), map(_in_points, row["forgetting"]), row["memory"], strict=True
                    )
                ],
                "hovertemplate": f"<b>{name}</b><br>%{{y:.2f}}%{{customdata}}<extra></extra>",
            }
        )
    decades = len(memory) > 0 and max(memory) >= 10 * min(memory)
    ticks = _byte_ticks(memory, decades)
    layout = {
        "xaxis": {
            "title": {"text": "Memory kept at the end"},
            "type": "log" if decades else "linear",
            "tickvals": ticks,
            "ticktext": list(map(size_text, ticks)),
        },
        "yaxis": accuracy_axis("Mean test accuracy at the end (%)", traces),
        "hovermode": "closest",
        "showlegend": True,
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "Accuracy against memory", _height(len(traces)), theme)


def _in_points(fraction: float) -> str:
    return "–" if np.isnan(fraction) else f"{100 * fraction:.2f} points"


def _byte_ticks(memory: np.ndarray, decades: bool) -> list[float]:
    """Return sizes around those of the marks: 1, 2 and 5 times powers of ten, or about five at equal distances."""
    if not len(memory):
        return []
    low, high = min(memory), max(memory)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    if decades:
        steps = (1, 2, 5) if len(powers) < 4 else (1,)
        return [float(step * 10**power) for power in powers for step in steps]
    step = 10.0 ** math.floor(math.log10(high))
    step = next(size for size in (step / 10, step / 5, step / 2, step, step * 2) if (high * 1.1) / size <= 6)
    return [place * step for place in range(round(high * 1.1 / step) + 1)]


_PATTERNS = ("", "/", ".", "x", "-", "\\", "+", "|")


def _filled(colour: str, pattern: str, theme: Theme) -> dict[str, Any]:
    hatch = {"shape": pattern, "fillmode": "overlay", "fgcolor": BACKGROUND[theme], "size": 6}
    return {"color": colour, "line": {"width": 0}, "pattern": hatch}


def _hollow(colour: str, theme: Theme) -> dict[str, Any]:
    return {"color": BACKGROUND[theme], "line": {"width": 2, "color": colour}}


def _compared(
    rows: pd.DataFrame, theme: Theme
) -> Iterator[tuple[str, dict[str, np.ndarray], str, str, tuple[str, str]]]:
    """Yield each group's name and columns, its colour, the pattern of its bars, and the dash and symbol of its line."""
    looks = zip(cycle(_PATTERNS), cycle(("solid", *DASHES)), cycle(SYMBOLS), strict=False)
    columns = {name: rows[name].to_numpy() for name in rows}
    names = dict.fromkeys(columns["group"])
    for number, (name, (pattern, dash, symbol)) in enumerate(zip(names, looks, strict=False), start=1):
        of_group = columns["group"] == name
        own = {column: values[of_group] for column, values in columns.items()}
        yield name, own, task_colour(number, theme), pattern, (dash, symbol)


def _error_bars(rows: Mapping[str, np.ndarray], theme: Theme) -> dict[str, Any] | None:
    """Make error bars of one standard deviation; None for a single seed."""
    if np.isnan(rows["std"]).all():
        return None
    return {"type": "data", "array": 100 * rows["std"], "color": INK[theme], "thickness": 1.5, "width": 3}


def _over_seeds(rows: Mapping[str, np.ndarray]) -> list[str]:
    """Write what follows each mean: its deviation and the number of seeds."""
    return [
        " %" if np.isnan(std) else f" ± {100 * std:.2f} %" + (f", {seeds} seeds" if seeds else "")
        for std, seeds in zip(rows["std"], rows["seeds"], strict=True)
    ]


def _height(groups: int) -> int:
    """Return the figure's height. On a small screen each group takes a line of the legend."""
    return 400 + 20 * groups


def _task_ticks(rows: pd.DataFrame) -> int:
    """Return the distance between ticks at which their numbers fit."""
    return -(-int(rows["task"].max()) // MOST_NUMBERED_TASKS)
