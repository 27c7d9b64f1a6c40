"""Draws what a run gets right, class by class, and what it takes images for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    ACCURACIES,
    ACTIVE,
    INK,
    INTERFERENCE,
    MOST_NUMBERED_TASKS,
    Theme,
    as_figure,
)

_OF_SMALL_CELLS = ((0.0, INTERFERENCE), (1.0, ACTIVE))  # nothing is written into them that they must not hide


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
        "text": [f"{each:.0f}" for each in percents],
        "hovertext": [
            f"Task {task}, class {name}:<br>{each:.2f} % of {images} test images are right"
            for task, name, images, each in zip(known["task"], known["class"], known["test"], percents, strict=True)
        ],
        "zmin": min(90.0, 10 * np.floor(percents.min() / 10)) if len(percents) else 90.0,
        "zmax": 100,
        "texttemplate": "%{text}" if max(size, len(names)) <= MOST_NUMBERED_TASKS else None,
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
    label, answer, images = (confusion[name] for name in ("label", "answer", "images"))
    few = len(names) <= MOST_NUMBERED_TASKS
    of_class = images.groupby(label).transform("sum")
    cells = {
        "x": _places(answer, names),
        "y": _places(label, names),
        "z": (100 * images / of_class).to_numpy(float),
        "text": images.to_numpy(),
        "hovertext": [
            f"{count} of {every} images of class {one}<br>are taken for class {other}"
            for one, other, count, every in zip(label, answer, images, of_class, strict=True)
        ],
        "zmin": 0,
        "zmax": 100,
        "texttemplate": "%{text}" if few else None,
        **({} if few else {"colorscale": _OF_SMALL_CELLS, "xgap": 0, "ygap": 0}),
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
    steps = (digit * 10**power for power in range(7) for digit in (1, 2, 5))
    shown = range(0, len(names), next(step for step in steps if step * MOST_NUMBERED_TASKS >= len(names)))
    return {"tickvals": list(shown), "ticktext": [f"{names[place]}" for place in shown], "showgrid": False}


def _heat(cells: dict[str, Any], title: str) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "colorscale": ACCURACIES,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "%{hovertext}<extra></extra>",
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
