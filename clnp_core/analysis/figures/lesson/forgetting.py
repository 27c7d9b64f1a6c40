"""Draws forgetting: the tasks, and how a network's answers change while it learns others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    FREE,
    HUES,
    INK,
    INTERFERENCE,
    THETA,
    TRADE_OFF,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    task_colour,
    themed,
)


@themed
def permuted_images(
    images: Sequence[Sequence[float]], permutations: Sequence[Sequence[int]], task: int, theme: Theme = "light"
) -> go.Figure:
    """Draw the same square images as task 1 and another task see them.

    Parameters
    ----------
    images : [N, pixels]
        One of each class, in the order of the classes; 0 is the background.
    permutations : [tasks, pixels]
        Task t sees pixel `permutations[t - 1][i]` at position i.
    task : int
    theme : {"light", "dark"}
    """
    pixels = np.asarray(images, dtype=float)
    count, side = len(pixels), int(np.sqrt(pixels.shape[1]))
    step = side + 1  # an empty pixel between two images
    cells = np.full((2 * step - 1, count * step - 1), np.nan)
    for row, number in enumerate((1, task)):
        for column, image in enumerate(pixels):
            seen = image[np.asarray(permutations[number - 1])].reshape(side, side)
            cells[row * step :, column * step :][:side, :side] = seen
    ground, ink = FREE[theme] if theme == "light" else "#262A33", INK[theme]
    drawn = {
        "type": "heatmap",
        "z": cells,
        "name": "brightness",
        "colorscale": ((0.0, ground), (1.0, ink)),
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "brightness %{z}<extra></extra>",
    }
    middle = (side - 1) / 2
    layout = {
        "xaxis": {
            "title": {"text": "Digit"},
            "tickvals": [middle + step * place for place in range(count)],
            "ticktext": [str(place) for place in range(count)],
            "constrain": "domain",
            "showgrid": False,
        },
        "yaxis": {
            "title": {"text": "As seen by"},
            "tickvals": [middle, middle + step],
            "ticktext": ["task 1", f"task {task}"],
            "range": [2 * step - 1.5, -0.5],
            "scaleanchor": "x",
            "constrain": "domain",
            "showgrid": False,
        },
        "margin": {"l": 70, "b": 60},
    }
    return as_figure([drawn], layout, "The same digits, seen by two tasks", 320, theme)


@themed
def accuracy_on_first(
    curves: Mapping[str, Sequence[float]],
    bet: float | None = None,
    tasks: int | None = None,
    lowest: float = 0.0,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the accuracy on task 1 after every task.

    Parameters
    ----------
    curves : mapping
        Name of each curve, of at most four → test accuracy, a fraction, after task 1, 2, ...
    bet : float, optional
        The visitor's guess for the last task, a fraction.
    tasks : int, optional
        Number of tasks of the whole sequence; by default the length of the longest curve.
    lowest : float
        Start of the axis, a fraction.
    theme : {"light", "dark"}
    """
    last = tasks or max(map(len, curves.values()))
    colours = (TRADE_OFF[theme]["own"], INTERFERENCE, HUES[2], HUES[3])
    dashes, symbols = ("solid", "dash", "dot", "dashdot"), ("circle", "diamond", "square", "triangle-up")
    looks = zip(colours, dashes, symbols, strict=True)
    traces = [
        {
            "x": list(range(1, len(reached) + 1)),
            "y": 100 * np.asarray(reached),
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 2.5, "dash": dash},
            "marker": {"size": 9, "symbol": symbol},
            "hovertemplate": f"{name}<br>after task %{{x}}: %{{y:.1f}} % of task 1's images are right<extra></extra>",
        }
        for (name, reached), (colour, dash, symbol) in zip(curves.items(), looks, strict=False)
    ]
    if bet is not None:
        traces.append(
            {
                "x": [last],
                "y": [100 * bet],
                "name": "your bet",
                "mode": "markers",
                "marker": {"size": 16, "symbol": "star", "color": THETA[theme]},
                "hovertemplate": "your bet: %{y:.0f} %<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "After learning task"}, "range": [0.8, last + 0.2], "dtick": 1, "showgrid": False},
        "yaxis": {"title": {"text": "Test accuracy on task 1 (%)"}, "range": [100 * lowest, 100 + 2 * (1 - lowest)]},
        "hovermode": "closest",
        "showlegend": True,
        **UNTITLED_LEGEND,
    }
    return as_figure([{"type": "scatter", **trace} for trace in traces], layout, "What is left of task 1", 420, theme)


@themed
def bets_on_first(bets: Sequence[float], right: float, step: float = 0.05, theme: Theme = "light") -> go.Figure:
    """Draw how many of a class bet on which accuracy on task 1 after the last task, and which one is right.

    Parameters
    ----------
    bets : sequence of float
        Fractions, one for each who bet.
    right : float
        The right answer, a fraction.
    step : float
        Between two accuracies that can be bet on.
    theme : {"light", "dark"}
    """
    places, counts = np.unique(np.asarray(bets, dtype=float), return_counts=True)
    most = int(counts.max(initial=1))
    bars = {
        "type": "bar",
        "x": 100 * places,
        "y": counts,
        "name": "bets",
        "width": 80 * step,
        "marker": {"color": TRADE_OFF[theme]["own"], "line": {"width": 0}},
        "hovertemplate": "%{y} bet on %{x:.0f} %<extra></extra>",
    }
    answer = {
        "type": "scatter",
        "x": [100 * right, 100 * right],
        "y": [0, 1.1 * most],
        "name": "right",
        "mode": "lines+text",
        "text": ["", f"<b>right: {100 * right:.1f} %</b>"],
        "textposition": "top right" if right < 0.5 else "top left",
        "textfont": {"color": THETA[theme]},
        "line": {"color": THETA[theme], "width": 3},
        "hovertemplate": "right: %{x:.1f} %<extra></extra>",
    }
    layout = {
        "xaxis": {
            "title": {"text": "Bet on task 1's accuracy (%)"},
            "range": [-80 * step, 100 + 80 * step],
            "dtick": 20,
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "Students"}, "range": [0, 1.25 * most], "dtick": -(-most // 5)},
        "hovermode": "closest",
        "showlegend": False,
        "margin": {"b": 60},
    }
    return as_figure([bars, answer], layout, "The bets of the class", 420, theme)


@themed
def between_tasks(line: Mapping[str, Any], place: int, theme: Theme = "light") -> go.Figure:
    """Draw the accuracy on tasks 1 and 2 along the straight line between the weights trained for each.

    Parameters
    ----------
    line : mapping
        share (position on the line, 0 to 1), task_1 and task_2 (test accuracies, fractions), all of the same length.
    place : int
        Index of the selected point.
    theme : {"light", "dark"}
    """
    way = 100 * np.asarray(line["share"])
    traces = []
    for task, dash, symbol in ((1, "solid", "circle"), (2, "dash", "diamond")):
        reached = 100 * np.asarray(line[f"task_{task}"])
        colour = task_colour(task, theme)
        hover = f"%{{x:.0f}} % of the way: %{{y:.1f}} % of task {task}'s images are right<extra></extra>"
        shared = {"type": "scatter", "legendgroup": f"{task}", "hovertemplate": hover}
        look = {"color": colour, "width": 2.5, "dash": dash}
        traces.append(shared | {"x": way, "y": reached, "name": f"{task}", "mode": "lines", "line": look})
        mark = {"size": 13, "symbol": symbol, "color": colour, "line": {"width": 2, "color": INK[theme]}}
        here = {"x": way[[place]], "y": reached[[place]], "mode": "markers", "marker": mark, "showlegend": False}
        traces.append(shared | here | {"name": f"{task}, here"})
    here = {"type": "line", "x0": way[place], "x1": way[place], "y0": 0, "y1": 1, "yref": "paper"}
    layout = {
        "xaxis": {"title": {"text": "Way from task 1's weights to task 2's (%)"}, "range": [-2, 102]},
        "yaxis": {"title": {"text": "Test accuracy (%)"}, "range": [0, 102]},
        "shapes": [here | {"line": {"color": THETA[theme], "width": 2}, "layer": "below"}],
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Between two tasks", 420, theme)


@themed
def answers_compared(
    methods: Mapping[str, Sequence[Sequence[float]]], task: int, label: int, theme: Theme = "light"
) -> go.Figure:
    """Draw two networks' outputs for one image of task 1: just after learning it, and after a later task.

    Parameters
    ----------
    methods : mapping
        Names of two methods → outputs (logits) [tasks, classes] for the image after task 1, 2, ...
    task : int
        The later task.
    label : int
        The image's class.
    theme : {"light", "dark"}
    """
    traces, notes = [], []
    spans = ((0.0, 0.47), (0.53, 1.0))
    for place, (name, answers) in enumerate(methods.items()):
        before, after = np.asarray(answers[0]), np.asarray(answers[task - 1])
        axis = f"x{place + 1 if place else ''}"
        classes = list(range(len(before)))
        shared = {"x": classes, "xaxis": axis, "showlegend": not place}
        traces.append(
            shared
            | {
                "type": "bar",
                "y": after,
                "name": f"after task {task}",
                "legendgroup": "after",
                "marker": {"color": TRADE_OFF[theme]["own"], "line": {"width": 0}},
                "hovertemplate": f"{name}, after task {task}: output %{{x}} is %{{y:.4f}}<extra></extra>",
            }
        )
        traces.append(
            shared
            | {
                "type": "scatter",
                "y": before,
                "name": "when it had learned task 1",
                "legendgroup": "before",
                "mode": "markers",
                "marker": {"symbol": "line-ew", "size": 15, "line": {"width": 3, "color": THETA[theme]}},
                "hovertemplate": f"{name}, after task 1: output %{{x}} is %{{y:.4f}}<extra></extra>",
            }
        )
        same = int(np.count_nonzero(before == after))
        notes.append(
            {
                "text": f"<b>{name}</b><br>{same} of {len(before)} the same, says {after.argmax()}",
                "xref": "paper",
                "x": spans[place][0],
                "xanchor": "left",
                "yref": "paper",
                "y": 1,
                "yanchor": "bottom",
                "align": "left",
                "showarrow": False,
            }
        )
    ticks = {"dtick": 1, "showgrid": False, "range": [-0.6, 9.6]}
    layout = {
        "xaxis": {"title": {"text": f"Output; the digit is a {label}"}, "domain": spans[0], **ticks},
        "xaxis2": {"title": {"text": "Output"}, "domain": spans[1], "anchor": "y", **ticks},
        "yaxis": {"title": {"text": "Logit"}, "range": _span([each for rows in methods.values() for each in rows])},
        "annotations": notes,
        "margin": {"t": 100},
        "hovermode": "closest",
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "Answers for one image of task 1", 440, theme)


def _span(values: Sequence[Sequence[float]]) -> list[float]:
    """Return an axis range that includes all values and 0, with some space around."""
    low, high = min(0.0, np.min(values)), max(0.0, np.max(values))
    return [low - 0.06 * (high - low), high + 0.06 * (high - low)]
