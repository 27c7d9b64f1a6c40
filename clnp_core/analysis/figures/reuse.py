"""Draws whose neurons each task uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    ACCURACIES,
    BACKGROUND,
    FREE,
    INK,
    MOST_NUMBERED_TASKS,
    SYMBOLS,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    layer_colour,
    task_colour,
    themed,
)
from clnp_core.analysis.reuse import share_reused
from clnp_core.analysis.transfer import AXES, over_runs


@themed
def neurons_in_use(reuse: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw the neurons that each task uses, layer by layer: its own, and earlier tasks' in their colours.

    Parameters
    ----------
    reuse : table
        As `clnp_core.runs.views.reuse.reuse` returns it: task, layer, owner, neurons, used; with at least one task.
    theme : {"light", "dark"}
    """
    names = list(reuse["layer"].unique())
    traces, axes = [], {}
    for place, name in enumerate(names):
        axis = f"y{place + 1 if place else ''}"
        rows = reuse[reuse["layer"] == name]
        totals = rows.groupby("task")["used"].sum()
        bars = [_bars_of_owner(name, owner, used, theme) for owner, used in rows.groupby("owner")]
        traces += [trace | {"yaxis": axis, "showlegend": not place} for trace in bars]
        traces.append(_shares_used_again(name, rows, totals) | {"yaxis": axis})
        axes[f"yaxis{axis[1:]}"] = {
            "title": {"text": f"{name.capitalize()}<br>(neurons)"},
            "domain": [1 - (place + 1) / len(names), 1 - place / len(names) - (0.06 if place else 0)],
            "range": [0, 1.2 * max(1, totals.max())],
        }
    layout = {
        "barmode": "stack",
        "bargap": 0.25,
        "xaxis": {
            "title": {"text": "Task (hatched, and in %: used again)"},
            "anchor": axis,
            "dtick": -(-reuse["task"].max() // MOST_NUMBERED_TASKS),
            "showgrid": False,
        },
        **axes,
        "legend": {"title": {"text": "Claimed by"}, "y": -54 / (_ROW_PIXELS * len(names))},
    }
    return as_figure(traces, layout, "Neurons in use: new, and used again (%)", 164 + _ROW_PIXELS * len(names), theme)


_ROW_PIXELS = 130  # a layer


def _bars_of_owner(layer: str, owner: int, rows: pd.DataFrame, theme: Theme) -> dict[str, Any]:
    """Draw how many of one owner's neurons each task uses: solid for the owner itself, hatched for later tasks."""
    is_own = rows["task"] == owner
    about = np.where(is_own, "claims", f"of task {owner}, uses")
    return {
        "type": "bar",
        "x": rows["task"],
        "y": rows["used"],
        "name": f"{owner}",
        "legendgroup": f"{owner}",
        "marker": {
            "color": task_colour(owner, theme),
            "line": {"color": BACKGROUND[theme], "width": 1},
            "pattern": {"shape": ["" if own else "/" for own in is_own], "size": 6, "solidity": 0.4},
        },
        "customdata": np.stack([rows["neurons"], about], axis=1),
        "hovertemplate": (
            f"{layer}, task %{{x}}: %{{customdata[1]}} %{{y}} of %{{customdata[0]}} neurons<extra></extra>"
        ),
    }


def _shares_used_again(layer: str, rows: pd.DataFrame, totals: pd.Series) -> dict[str, Any]:
    """Write above each task's bar the share of its neurons that are not its own."""
    own = rows[rows["owner"] == rows["task"]].set_index("task")["used"]
    again = 1 - own / totals.where(totals > 0)
    return {
        "type": "scatter",
        "x": totals.index,
        "y": totals,
        "name": f"{layer}, in use",
        "mode": "text",
        "text": [f"{each:.0%}" if each > 0 and len(totals) <= MOST_NUMBERED_TASKS else "" for each in again],
        "textposition": "top center",
        "textfont": {"size": 11},
        "hoverinfo": "skip",
        "showlegend": False,
        "cliponaxis": False,
    }


@themed
def reuse_matrix(reuse: pd.DataFrame, layer: str, theme: Theme = "light") -> go.Figure:
    """Draw whose neurons of one hidden layer each task uses, in per cent of those the owner claimed.

    Parameters
    ----------
    reuse : table
        As `clnp_core.runs.views.reuse.reuse` returns it: task, layer, owner, neurons, used; with at least one task.
    layer : str
        Name of the layer.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        The diagonal shows how many neurons each task claimed itself.
    """
    rows = reuse[reuse["layer"] == layer]
    size = rows["task"].max()
    neurons, used = (
        rows.pivot(index="task", columns="owner", values=what).reindex(
            index=range(1, size + 1), columns=range(1, size + 1)
        )
        for what in ("neurons", "used")
    )
    below = np.tri(size, k=-1, dtype=bool)
    numbers, is_numbered = list(range(1, size + 1)), size <= MOST_NUMBERED_TASKS
    shared = {
        "type": "heatmap",
        "x": numbers,
        "y": numbers,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
    }
    font = {"size": 11 if size > 6 else 13}
    cells = [
        shared
        | {
            # A task that claimed nothing has no share to show.
            "z": np.where(below, 100 * used / neurons.where(neurons > 0), np.nan),
            "name": "used again (%)",
            "zmin": 0,
            "zmax": 100,
            "colorscale": ACCURACIES,
            "texttemplate": "%{z:.0f}" if is_numbered else None,
            "textfont": font | {"color": INK["light"]},
            "customdata": np.stack([used, neurons], axis=2),
            "hovertemplate": (
                "Task %{y} uses %{customdata[0]} of the<br>%{customdata[1]} neurons of task %{x} (%{z:.0f} %)"
                "<extra></extra>"
            ),
            "colorbar": {
                "orientation": "h",
                "y": -0.2,
                "yanchor": "top",
                "thickness": 10,
                "title": {"text": "Of the owner's neurons, used again (%)", "side": "bottom"},
                "outlinewidth": 0,
            },
        },
        shared
        | {
            "z": np.where(np.eye(size, dtype=bool), neurons, np.nan),
            "name": "claimed itself (neurons)",
            "colorscale": [[0, FREE[theme]], [1, FREE[theme]]],
            "showscale": False,
            "texttemplate": "%{z}" if is_numbered else None,
            "textfont": font | {"color": INK[theme]},
            "hovertemplate": "Task %{y} claimed %{z} neurons itself<extra></extra>",
        },
    ]
    ticks = {"tick0": 1, "dtick": -(-size // MOST_NUMBERED_TASKS), "showgrid": False}
    layout = {
        "xaxis": {"title": {"text": "Neurons claimed by task"}, "range": [0.5, size + 0.5], **ticks},
        "yaxis": {"title": {"text": "Used by task"}, "range": [size + 0.5, 0.5], **ticks},
    }
    return as_figure(cells, layout, f"Whose neurons a task uses, {layer}", 420, theme)


@themed
def reuse_by_layer(reuse: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw the share of earlier tasks' neurons that is used again, layer by layer: how well its features transfer.

    Parameters
    ----------
    reuse : table
        As `RunHandle.reuse` returns it: task, layer, owner, neurons, used. A layer without rows of earlier owners is
        labelled as masked.
    theme : {"light", "dark"}
    """
    names = list(reuse["layer"].unique())
    shares = share_reused(reuse)
    places = {name: place for place, name in enumerate(names)}
    means = shares.groupby("layer", sort=False)["share"].mean()
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "x": 100 * means,
            "y": [places[name] for name in means.index],
            "name": "mean",
            "width": 0.8,
            "marker": {"color": FREE[theme]},
            "customdata": means.index,
            "hovertemplate": "%{customdata}: %{x:.1f} % on average<extra></extra>",
        }
    ]
    tasks = sorted(shares["task"].unique())
    for number, task in enumerate(tasks, start=1):
        rows = shares[shares["task"] == task]
        traces.append(
            {
                "type": "scatter",
                "x": 100 * rows["share"],
                "y": [places[name] + 0.7 * (number / (len(tasks) + 1) - 0.5) for name in rows["layer"]],
                "name": f"{task}",
                "mode": "markers",
                "marker": {
                    "color": task_colour(task, theme),
                    "size": 9,
                    "line": {"width": 1, "color": BACKGROUND[theme]},
                },
                "customdata": rows[["used", "neurons", "layer"]].to_numpy(),
                "hovertemplate": (
                    f"task {task} uses %{{customdata[0]}} of %{{customdata[1]}} neurons of earlier tasks (%{{x:.1f}} %)"
                    "<extra>%{customdata[2]}</extra>"
                ),
            }
        )
    masked = {"xref": "paper", "x": 0.01, "xanchor": "left", "showarrow": False}
    layout = {
        "xaxis": {"title": {"text": "Neurons of earlier tasks that are used again (%)"}, "range": [0, 101]},
        "yaxis": {
            "title": {"text": "Hidden layer", "standoff": 8},
            "tickvals": list(places.values()),
            "ticktext": [
                name.capitalize() + (f"<br><b>{means[name]:.0%}</b>" if name in means.index else "") for name in names
            ],
            "range": [len(names) - 0.4, -0.6],
            "showgrid": False,
        },
        "annotations": [
            masked | {"y": place, "text": "none: masked by the single head" if tasks else "nothing to use again yet"}
            for name, place in places.items()
            if name not in means.index
        ],
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Used again, by layer", 420, theme)


@themed
def transfer(table: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw what later tasks use again and what they claim, layer by layer, by how alike the tasks are.

    Parameters
    ----------
    table : table
        As `RunHandle.transfer` or `clnp_core.analysis.transfer.by_similarity` returns it. Marks are means over runs,
        and error bars one sample standard deviation.
    theme : {"light", "dark"}
    """
    setting, means = table.columns[0], over_runs(table)
    scale = 100 if setting == "share" else 1
    names, traces = list(means["layer"].unique()), []
    for place, name in enumerate(names):
        rows = means[means["layer"] == name]
        shared = {
            "type": "scatter",
            "x": scale * rows[setting],
            "name": name.capitalize(),
            "legendgroup": name,
            "mode": "lines+markers",
            "line": {"color": layer_colour(place, len(names), theme), "width": 2},
            "marker": {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
            "customdata": rows[["runs", "first"]].to_numpy(),
        }
        for axis, what, factor, about in (
            ("y", "reused", 100, "%{y:.1f} % of earlier tasks' neurons used again"),
            ("y2", "new", 1, "%{y:.1f} neurons claimed by a later task, %{customdata[1]:.1f} by the first"),
        ):
            spread = factor * rows[f"{what} std"].fillna(0)
            bars = {"type": "data", "array": spread, "thickness": 1, "width": 3, "visible": bool(spread.any())}
            traces.append(
                shared
                | {
                    "y": factor * rows[what],
                    "yaxis": axis,
                    "error_y": bars,
                    "hovertemplate": f"{about} (runs: %{{customdata[0]}})<extra>{name.capitalize()}</extra>",
                    "showlegend": axis == "y2",
                }
            )
    values = scale * means[setting].unique()
    layout = {
        "xaxis": {"title": {"text": AXES[setting]}, "anchor": "y2", "tickvals": values, "showgrid": False},
        "yaxis": {"title": {"text": "Used again (%)"}, "domain": [0.54, 1], "range": [-3, 104]},
        "yaxis2": {"title": {"text": "New neurons<br>of a later task"}, "domain": [0, 0.46], "rangemode": "tozero"},
        "hovermode": "closest",
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "Reuse, by how alike tasks are", 420, theme)
