"""Draws what a run gets right, class by class, and what it takes images for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import ACCURACIES, INK, MOST_NUMBERED_TASKS, Theme, as_figure

_MOST_COUNTED = 12  # classes of which a confusion has its counts written into it


def accuracy_by_class(classes: pd.DataFrame, tasks: int | None = None, theme: Theme = "light") -> go.Figure:
    """Draw the test accuracy on each class of each task, in per cent: a row for a task, a column for a class.

    Parameters
    ----------
    classes : table
        One row per task and class, as in `RunHandle.metrics("class")`: task, class, test (images) and accuracy
        (fraction, nan where there is no test image).
    tasks : int, optional
        Number of tasks of the whole run, so that the axes stay fixed while it goes on; by default those learned.
    theme : {"light", "dark"}
    """
    known = classes[classes["accuracy"].notna()]
    names = sorted(classes["class"].unique().tolist())
    size = max([tasks or 0, 1, *known["task"]])
    percents = 100 * known["accuracy"].to_numpy(float)
    cells = {
        "x": _places(known["class"], names),
        "y": known["task"].to_numpy(),
        "z": percents,
        "customdata": known[["class", "test"]].to_numpy(),
        "zmin": min(90.0, 10 * np.floor(percents.min() / 10)) if len(percents) else 90.0,
        "zmax": 100,
        "texttemplate": "%{z:.0f}" if max(size, len(names)) <= MOST_NUMBERED_TASKS else None,
        "hovertemplate": (
            "Task %{y}, class %{customdata[0]}:<br>%{z:.2f} % of %{customdata[1]} test images are right<extra></extra>"
        ),
    }
    layout = {
        "xaxis": {"title": {"text": "Class"}, **_class_ticks(names), "range": [-0.5, max(len(names), 1) - 0.5]},
        "yaxis": {
            "title": {"text": "Task"},
            "tick0": 1,
            "dtick": -(-size // MOST_NUMBERED_TASKS),
            "showgrid": False,
            "range": [size + 0.5, 0.5],
        },
    }
    heat = _heat(cells, "Test accuracy (%)")
    return as_figure([heat], layout, "Accuracy by class", 420, theme)


def confusion_matrix(confusion: pd.DataFrame, task: int, theme: Theme = "light") -> go.Figure:
    """Draw what a task's test images are taken for: of each class, a row, the share that is answered with each.

    Parameters
    ----------
    confusion : table
        One row per pair of label and answer that occurs, as in `RunHandle.confusion`: label, answer and images.
    task : int
    theme : {"light", "dark"}
    """
    names = sorted({*confusion["label"], *confusion["answer"]})
    images = confusion.groupby("label")["images"].transform("sum")
    cells = {
        "x": _places(confusion["answer"], names),
        "y": _places(confusion["label"], names),
        "z": (100 * confusion["images"] / images).to_numpy(float),
        "customdata": np.column_stack([confusion[["label", "answer", "images"]], images]),
        "zmin": 0,
        "zmax": 100,
        "texttemplate": "%{customdata[2]}" if len(names) <= _MOST_COUNTED else None,
        "hovertemplate": (
            "%{customdata[2]} of %{customdata[3]} images of class %{customdata[0]}<br>"
            "are taken for class %{customdata[1]}: %{z:.1f} %<extra></extra>"
        ),
    }
    ticks, last = _class_ticks(names), len(names) - 0.5
    layout = {
        "xaxis": {"title": {"text": "Answered with class"}, **ticks, "range": [-0.5, last]},
        "yaxis": {"title": {"text": "Images of class"}, **ticks, "range": [last, -0.5]},
    }
    heat = _heat(cells, "Share of the class's images (%)")
    return as_figure([heat], layout, f"What the images of task {task} are taken for", 420, theme)


def _places(classes: pd.Series, names: Sequence[int]) -> np.ndarray:
    places: np.ndarray = np.searchsorted(names, classes.to_numpy())
    return places


def _class_ticks(names: Sequence[int]) -> dict[str, Any]:
    """Ticks of an axis on which classes stand side by side, whatever their labels: as many as can be read."""
    shown = range(0, len(names), -(-len(names) // MOST_NUMBERED_TASKS) or 1)
    return {"tickvals": list(shown), "ticktext": [f"{names[place]}" for place in shown], "showgrid": False}


def _heat(cells: dict[str, Any], title: str) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "colorscale": ACCURACIES,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "textfont": {"size": 11, "color": INK["light"]},
        "colorbar": {
            "orientation": "h",
            "y": -0.2,
            "yanchor": "top",
            "thickness": 10,
            "title": {"text": title, "side": "bottom"},
            "outlinewidth": 0,
        },
        **cells,
    }
