"""Draws the capacity of hidden layers: which task claimed it, and how long it will last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from clnp_core.analysis.capacity import Plan
from clnp_core.analysis.export import BAND
from clnp_core.analysis.figures.base import (
    BACKGROUND,
    FREE,
    INK,
    SYMBOLS,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    layer_colour,
    task_colour,
    themed,
)

_MOST_NAMED_BARS = 3


@themed
def capacity(
    layers: Sequence[Mapping[str, Any]], theme: Theme = "light", title: str = "Used capacity, by task"
) -> go.Figure:
    """Draw the share of each hidden layer that each task has claimed, and the free share (Figs. 3, 4b, 5b).

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, from the input upwards: name, width (its present number of neurons), claimed (neurons
        claimed by task 1, 2, ...), reused (earlier tasks' neurons active for task 1, 2, ...).
    theme : {"light", "dark"}
    title : str
    """
    names = [layer["name"].capitalize() for layer in layers]
    widths = np.array([layer["width"] for layer in layers])
    claimed = np.array([layer["claimed"] for layer in layers])  # [layers, tasks]
    reused = np.array([layer["reused"] for layer in layers])
    look = {
        "type": "bar",
        "x": names,
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "none",
    }
    border = {"color": BACKGROUND[theme], "width": 1}
    bars = [
        look
        | {
            "y": 100 * neurons / widths,
            "name": f"{task}",
            "marker": {"color": task_colour(task, theme), "line": border},
            "text": [f"{task}" if share >= 0.055 else "" for share in neurons / widths],
            "customdata": np.stack([neurons, widths, used], axis=1),
            "hovertemplate": (
                f"task {task} claimed %{{customdata[0]}} of %{{customdata[1]}} neurons (%{{y:.1f}} %)<br>"
                "and uses %{customdata[2]} neurons of earlier tasks<extra>%{x}</extra>"
            ),
        }
        for task, (neurons, used) in enumerate(zip(claimed.T, reused.T, strict=True), start=1)
    ]
    free = widths - claimed.sum(axis=1)
    word = "free " if len(layers) <= _MOST_NAMED_BARS else ""  # wider than one of many bars
    bars.append(
        look
        | {
            "y": 100 * free / widths,
            "name": "free",
            "marker": {"color": FREE[theme], "line": border},
            "text": [f"{word}{share:.0%}" if share >= 0.055 else "" for share in free / widths],
            "customdata": np.stack([free, widths], axis=1),
            "hovertemplate": "%{customdata[0]} of %{customdata[1]} neurons are free (%{y:.1f} %)<extra>%{x}</extra>",
        }
    )
    layout = {
        "barmode": "stack",
        "bargap": 0.35,
        "xaxis": {"title": {"text": "Hidden layer"}, "fixedrange": True},
        "yaxis": {"title": {"text": "Neurons of the layer (%)"}, "range": [0, 100]},
    }
    return as_figure(bars, layout, title, 420, theme)


@themed
def used_capacity(layers: Sequence[Mapping[str, Any]], tasks: int | None = None, theme: Theme = "light") -> go.Figure:
    """Draw how full each hidden layer is after each task, and forecast when it is full (Fig. 3).

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, from the input upwards, as in a summary: name, claimed (neurons claimed by task 1, 2,
        ...), free_after (neurons unclaimed after task 1, 2, ...) and tasks_left, as `capacity.forecast` returns it.
    tasks : int, optional
        Number of tasks of the whole run, so that the axes stay fixed while it goes on; by default those learned.
    theme : {"light", "dark"}
    """
    traces, ends = [], [float(tasks or 1)]
    for place, layer in enumerate(layers):
        used = np.cumsum([0, *layer["claimed"]])
        # A layer that grows is wider after some tasks than after others.
        widths = used + np.array([0, *layer["free_after"]])
        percent = np.divide(100 * used, widths, out=np.zeros(len(used)), where=used > 0)
        learned = len(used) - 1
        ends.append(learned)
        colour = layer_colour(place, len(layers), theme)
        shared = {"type": "scatter", "legendgroup": layer["name"], "name": layer["name"].capitalize()}
        traces.append(
            shared
            | {
                "x": np.arange(learned + 1),
                "y": percent,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2},
                "marker": {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
                "customdata": np.stack([used, widths], axis=1),
                "hovertemplate": (
                    "after task %{x}: %{customdata[0]} of %{customdata[1]} neurons claimed (%{y:.1f} %)"
                    f"<extra>{layer['name'].capitalize()}</extra>"
                ),
            }
        )
        if learned and layer["tasks_left"]:
            ends.append(learned + layer["tasks_left"])
            about = f"{layer['name'].capitalize()} would be full after about {layer['tasks_left']:.1f} more tasks"
            traces.append(
                shared
                | {
                    "x": [learned, ends[-1]],
                    "y": [percent[-1], 100],
                    "name": f"{layer['name'].capitalize()}, forecast",
                    "mode": "lines+markers",
                    "line": {"color": colour, "width": 1.5, "dash": "dash"},
                    "marker": {"symbol": f"{SYMBOLS[place % len(SYMBOLS)]}-open", "size": [0, 9]},
                    "hovertemplate": f"{about}<extra></extra>",
                    "showlegend": False,
                }
            )
    known = max(end for end in ends[:1] + [len(layer["claimed"]) for layer in layers])
    last = min(max(ends), _FORECAST_TIMES * known)
    full = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 100, "y1": 100}
    layout = {
        "xaxis": {
            "title": {"text": "Tasks learned (dashed: forecast)"},
            "range": [-0.02 * last, 1.03 * last],
            "dtick": 1 if last <= 12 else None,
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "Neurons claimed (%)"}, "range": [0, 105]},
        "legend": {"title": {"text": ""}, "itemclick": False, "itemdoubleclick": False},
        "shapes": [full | {"line": {"color": INK[theme], "width": 1, "dash": "dot"}, "layer": "below"}],
        "annotations": [
            {
                "text": "full",
                "xref": "paper",
                "x": 0.005,
                "xanchor": "left",
                "y": 100,
                "yanchor": "top",
                "showarrow": False,
            }
        ],
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Used capacity after each task", 420, theme)


@themed
def planned_capacity(plan: Plan, theme: Theme = "light") -> go.Figure:
    """Draw the neurons that a number of tasks claims in each hidden layer: measured, then extrapolated.

    Parameters
    ----------
    plan : Plan
        As `capacity.plan` returns it. The line is the mean over its runs, the band two standard deviations, and the
        mark the width that is enough for the tasks wanted. The dotted line is the layer's present width.
    theme : {"light", "dark"}
    """
    bands, lines = [], []
    tasks = np.arange(plan.tasks + 1)
    for place, layer in enumerate(plan.layers):
        colour, name = layer_colour(place, len(plan.layers), theme), layer.name.capitalize()
        mean, deviation = np.array([(0.0, 0.0), *(layer.needed(int(task)) for task in tasks[1:])]).T
        shared = {"legendgroup": layer.name, "mode": "lines", "showlegend": False}
        edges = np.concatenate([mean - 2 * deviation, (mean + 2 * deviation)[::-1]])
        bands.append(
            shared
            | {
                "x": np.concatenate([tasks, tasks[::-1]]),
                "y": np.maximum(0, edges),
                "name": f"{name}, within two standard deviations",
                "meta": BAND,
                "line": {"width": 0},
                "fill": "toself",
                "fillcolor": colour,
                "opacity": 0.18,
                "hoverinfo": "skip",
            }
        )
        measured = min(plan.tasks, min(map(len, layer.claimed)))
        for dash, part in (("solid", slice(measured + 1)), ("dash", slice(measured, None))):
            lines.append(
                shared
                | {
                    "x": tasks[part],
                    "y": mean[part],
                    "error_y": {"type": "data", "array": deviation[part], "visible": False},
                    "name": name if dash == "solid" else f"{name}, extrapolated",
                    "line": {"color": colour, "width": 2, "dash": dash},
                    "customdata": 2 * deviation[part],
                    "hovertemplate": (f"%{{x}} tasks: %{{y:.0f}} ± %{{customdata:.0f}} neurons<extra>{name}</extra>"),
                    "showlegend": dash == "solid",
                }
            )
        lines.append(
            shared
            | {
                "x": [0, plan.tasks],
                "y": [layer.width] * 2,
                "name": f"{name}, present width",
                "line": {"color": colour, "width": 1, "dash": "dot"},
                "hovertemplate": f"{layer.width} neurons now<extra>{name}</extra>",
            }
        )
        lines.append(
            shared
            | {
                "x": [plan.tasks],
                "y": [plan.widths[place]],
                "name": f"{name}, enough",
                "mode": "markers",
                "marker": {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 9, "color": colour},
                "hovertemplate": f"%{{y}} neurons are enough for %{{x}} tasks<extra>{name}</extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "Tasks (dashed: extrapolated)"}, "showgrid": False},
        "yaxis": {"title": {"text": "Neurons claimed (dotted: present width)"}, "rangemode": "tozero"},
        "hovermode": "closest",
        **UNTITLED_LEGEND,
    }
    traces = [{"type": "scatter", **trace} for trace in bands + lines]
    return as_figure(traces, layout, "Neurons that so many tasks need", 420, theme)


_FORECAST_TIMES = 3.5  # times the number of tasks at most: a layer may be forecast to last for hundreds
