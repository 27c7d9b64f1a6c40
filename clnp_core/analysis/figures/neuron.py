"""Draws a single neuron."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    BACKGROUND,
    MOST_NUMBERED_TASKS,
    TRADE_OFF,
    Theme,
    as_figure,
    task_colour,
    themed,
)


@themed
def neuron_activity(activity: Sequence[float], owner: int, theme: Theme = "light") -> go.Figure:
    """Draw a neuron's mean activity on the training images of each task that can read it.

    Parameters
    ----------
    activity : sequence of float
        Per task, nan if the task's network does not include the neuron.
    owner : int
        The task that claimed the neuron, 0 if none did.
    theme : {"light", "dark"}
    """
    tasks = np.arange(1, len(activity) + 1)
    bars = {
        "type": "bar",
        "x": tasks,
        "y": activity,
        "name": "mean activity",
        "marker": {"color": [task_colour(task, theme) for task in tasks.tolist()]},
        "hovertemplate": "task %{x}: mean activity %{y:.3g}<extra></extra>",
        "showlegend": False,
    }
    title = f"{owner}, which claimed it, and later ones" if owner else "The last task gave it back"
    layout = {
        "xaxis": {
            "title": {"text": f"Task: {title}" if owner else title},
            "dtick": -(-max(len(tasks), 1) // MOST_NUMBERED_TASKS),
            "range": [0.4, len(tasks) + 0.6],
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "Mean activity"}, "rangemode": "tozero"},
        "margin": {"t": 44, "b": 44},
    }
    return as_figure([bars], layout, "Activity per task", 220, theme)


@themed
def looks_at(image: np.ndarray, theme: Theme = "light", *, signed: bool = True) -> go.Figure:
    """Draw what a neuron looks at.

    Parameters
    ----------
    image : float array [channels, height, width]
        As `Anatomy.looks_at` returns it; channels are drawn side by side.
    theme : {"light", "dark"}
    signed : bool
        Whether the values are weights, which excite or inhibit; otherwise they are magnitudes.
    """
    channels, height, width = image.shape
    tiles = np.full((height, channels * (width + 1) - 1), np.nan)
    for channel, tile in enumerate(image):
        tiles[:, channel * (width + 1) : channel * (width + 1) + width] = tile
    most = float(np.abs(image).max()) or 1.0
    ground = BACKGROUND[theme]
    weights = {"zmin": -most, "colorscale": [(0, "#D55E00"), (0.5, ground), (1, "#0072B2")]}
    magnitudes = {"zmin": 0.0, "colorscale": [(0, ground), (1, TRADE_OFF[theme]["own"])]}
    cells = {
        "type": "heatmap",
        "z": tiles,
        "zmax": most,
        **(weights if signed else magnitudes),
        "name": "weight" if signed else "magnitude",
        "hoverongaps": False,
        "hovertemplate": "row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        "colorbar": {
            "thickness": 8,
            "outlinewidth": 0,
            "tickvals": [-most, 0, most] if signed else [0, most],
            "tickformat": ".2~g",
        },
    }
    bare = {"showgrid": False, "ticks": "", "showticklabels": False}
    layout = {
        "xaxis": {"title": {"text": "Red, green, blue" if channels == 3 else "Column"}, "constrain": "domain", **bare},
        "yaxis": {"title": {"text": "Row"}, "autorange": "reversed", "scaleanchor": "x", "constrain": "domain", **bare},
        "margin": {"t": 44, "b": 36, "l": 40},
    }
    return as_figure([cells], layout, "What it looks at", 270, theme)
