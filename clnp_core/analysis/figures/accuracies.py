"""Draws one run's accuracies on its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    ACCURACIES,
    INK,
    MOST_NUMBERED_TASKS,
    Theme,
    accuracy_axis,
    as_figure,
    layer_colour,
    task_colour,
    themed,
)
from clnp_core.analysis.metrics import AccuracyMatrix


@themed
def accuracy_matrix(matrix: AccuracyMatrix, tasks: int | None = None, theme: Theme = "light") -> go.Figure:
    """Draw the accuracy matrix: test accuracy on every learned task after every task, in per cent.

    Parameters
    ----------
    matrix : sequence of sequence of float
        Lower triangular, fractions: row i after task i + 1, one column per task. A row that was not measured is empty.
    tasks : int, optional
        Number of tasks of the whole run, so that the axes stay fixed while it goes on; by default those learned.
    theme : {"light", "dark"}
    """
    size = max(tasks or 0, len(matrix), 1)
    cells = np.full((size, size), np.nan)
    for place, row in enumerate(matrix):
        cells[place, : len(row)] = 100 * np.asarray(row)
    numbers = list(range(1, size + 1))
    # The scale spans the values there are, in steps of ten, so that nearly equal accuracies can be told apart.
    lowest = 90.0 if np.isnan(cells).all() else np.nanmin(cells)
    cells_drawn = {
        "type": "heatmap",
        "x": numbers,
        "y": numbers,
        "z": cells,
        "zmin": min(90.0, 10 * np.floor(lowest / 10)),
        "zmax": 100,
        "colorscale": ACCURACIES,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "texttemplate": "%{z:.1f}" if size <= MOST_NUMBERED_TASKS else None,
        "textfont": {"size": 11 if size > 6 else 13, "color": INK["light"]},
        "hovertemplate": (
            "After task %{y} was learned, %{z:.2f} % of<br>task %{x}'s test images are right<extra></extra>"
        ),
        "colorbar": {
            "orientation": "h",
            "y": -0.2,
            "yanchor": "top",
            "thickness": 10,
            "title": {"text": "Test accuracy (%)", "side": "bottom"},
            "outlinewidth": 0,
        },
    }
    ticks = {"tick0": 1, "dtick": -(-size // MOST_NUMBERED_TASKS), "showgrid": False}
    layout = {
        "xaxis": {"title": {"text": "Accuracy on task"}, "range": [0.5, size + 0.5], **ticks},
        "yaxis": {"title": {"text": "After learning task"}, "range": [size + 0.5, 0.5], **ticks},
    }
    return as_figure([cells_drawn], layout, "Accuracy matrix", 420, theme)


@themed
def accuracy_over_tasks(
    matrix: AccuracyMatrix, alone: Sequence[float | None] = (), tasks: int | None = None, theme: Theme = "light"
) -> go.Figure:
    """Draw the test accuracy on each task as later ones are learned, a line for each task.

    Parameters
    ----------
    matrix : sequence of sequence of float
        As for `accuracy_matrix`.
    alone : sequence of float or None
        Test accuracy of each task trained alone, None if it was not measured.
    tasks : int, optional
        Number of tasks of the whole run, so that the axes stay fixed while it goes on; by default those learned.
    theme : {"light", "dark"}
    """
    size = max(tasks or 0, len(matrix), 1)
    traces = []
    for place in range(len(matrix)):
        after = [row for row in range(place, len(matrix)) if len(matrix[row]) > place]
        colour = task_colour(place + 1, theme)
        traces.append(
            {
                "x": [row + 1 for row in after],
                "y": [100 * matrix[row][place] for row in after],
                "name": f"{place + 1}",
                "mode": "lines+markers+text",
                "line": {"color": colour, "width": 2},
                "marker": {"size": 7, "color": colour},
                # Beside the first mark, and clear of the mark of the task alone, which may be there too.
                "text": [f"{place + 1}{2 * _SPACE}"] if size <= MOST_NUMBERED_TASKS else None,
                "textposition": "middle left",
                "textfont": {"color": colour, "weight": 600},
                "hovertemplate": f"task {place + 1}, after task %{{x}} was learned: %{{y:.2f}} %<extra></extra>",
            }
        )
    known = [(task, each) for task, each in enumerate(alone, start=1) if each is not None]
    if known:
        traces.append(
            {
                "x": [task for task, _ in known],
                "y": [100 * each for _, each in known],
                "name": "alone",
                "mode": "markers",
                "marker": {
                    "symbol": "diamond-open",
                    "size": 9,
                    "line": {"width": 2},
                    "color": [task_colour(task, theme) for task, _ in known],
                },
                "hovertemplate": "task %{x} trained alone: %{y:.2f} %<extra></extra>",
            }
        )
    layout = {
        "xaxis": _task_axis(size) | {"range": [0.2, size + 0.5]},  # with room for the first number
        "yaxis": accuracy_axis("Test accuracy (%)", traces),
        "hovermode": "closest",
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return as_figure(traces, layout, "Each task, as later ones are learned", 420, theme)


@themed
def mean_accuracy(
    matrix: AccuracyMatrix, alone: Sequence[float | None] = (), tasks: int | None = None, theme: Theme = "light"
) -> go.Figure:
    """Draw the mean test accuracy on the tasks so far, beside that of the same tasks each trained alone.

    Parameters
    ----------
    matrix : sequence of sequence of float
        As for `accuracy_matrix`.
    alone : sequence of float or None
        Test accuracy of each task trained alone; drawn up to the first that is None.
    tasks : int, optional
        Number of tasks of the whole run, so that the axes stay fixed while it goes on; by default those learned.
    theme : {"light", "dark"}
    """
    size = max(tasks or 0, len(matrix), 1)
    means = [(after, np.mean(row)) for after, row in enumerate(matrix, start=1) if len(row)]
    measured = next((place for place, each in enumerate(alone) if each is None), len(alone))
    references = [(after, np.mean(np.asarray(alone[:after], float))) for after in range(1, measured + 1)]
    traces = [
        {
            "type": "scatter",
            "x": [after for after, _ in points],
            "y": [100 * mean for _, mean in points],
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"symbol": symbol, "size": 8},
            "hovertemplate": f"after task %{{x}}, {name}: %{{y:.2f}} %<extra></extra>",
        }
        for name, points, colour, dash, symbol in (
            ("all tasks so far", means, INK[theme], "solid", "circle"),
            ("the same tasks, each alone", references, layer_colour(1, 2, theme), "dash", "diamond-open"),
        )
        if points
    ]
    layout = {
        "xaxis": _task_axis(size),
        "yaxis": accuracy_axis("Mean test accuracy (%)", traces),
        "legend": {"title": {"text": ""}, "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Mean accuracy after each task", 420, theme)


_SPACE = "\N{NO-BREAK SPACE}"


def _task_axis(size: int) -> dict[str, Any]:
    """Make the x axis of tasks 1 to `size`, in the order in which they are learned."""
    return {
        "title": {"text": "After learning task"},
        "range": [0.5, size + 0.5],
        "tick0": 1,
        "dtick": -(-size // MOST_NUMBERED_TASKS),
        "showgrid": False,
    }
