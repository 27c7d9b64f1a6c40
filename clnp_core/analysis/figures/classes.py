"""Draws what a run gets right, class by class, and what it takes images for."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
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
    themed,
)
from clnp_core.bounds import Label
from clnp_core.tasks.labels import short

_MOST_CLASSES = 200  # of a confusion, which has a cell for each two of them
_OF_SMALL_CELLS = ((0.0, INTERFERENCE), (1.0, ACTIVE))  # nothing is written into them that they must not hide


@themed
def accuracy_by_class(classes: pd.DataFrame, tasks: int | None = None, theme: Theme = "light") -> go.Figure:
    """Draw the test accuracy on each class of each task, in per cent: a row for a task, a column for a class.

    Classes are called as in the table. Tasks that call a class the same share its column.

    Parameters
    ----------
    classes : table
        One row per task and class, as in `RunHandle.metrics("class")`: task, class, test (images) and accuracy
        (fraction, nan where there is no test image).
    tasks : int, optional
        Number of tasks of the whole run, so that the axes stay fixed while it goes on; by default those learned.
    theme : {"light", "dark"}
    """
    names = _in_order(classes["class"].tolist())
    size = max([tasks or 0, 1, *classes["task"]])
    percents = np.full((size, len(names)), np.nan)
    images = np.zeros((size, len(names)), int)
    column = {name: place for place, name in enumerate(names)}
    places = classes["task"] - 1, [column[name] for name in classes["class"]]
    percents[places], images[places] = 100 * classes["accuracy"], classes["test"]
    lowest = 90.0 if np.isnan(percents).all() else np.nanmin(percents)
    cells = {
        "x": _texts(names),
        "y": list(range(1, size + 1)),
        "z": percents,
        "customdata": images,
        "zmin": min(90.0, 10 * np.floor(lowest / 10)),
        "zmax": 100,
        "texttemplate": "%{z:.0f}" if max(size, len(names)) <= MOST_NUMBERED_TASKS else None,
        "hovertemplate": "Task %{y}, class %{x}:<br>%{z:.2f} % of %{customdata} test images are right<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "Class"}, **_class_axis(names)},
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


@themed
def confusion_matrix(confusion: pd.DataFrame, task: int, theme: Theme = "light") -> go.Figure:
    """Draw what a task's test images are taken for: of each class, a row, the share that is answered with each.

    Parameters
    ----------
    confusion : table
        One row per pair of label and answer that occurs, as in `RunHandle.confusion`: label, answer and images.
    task : int
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        The customdata of a cell is the class of its images, the one they are taken for, and the class's images.
    """
    sums = confusion.pivot_table(index="label", columns="answer", values="images", aggfunc="sum")
    names = _in_order([*confusion["label"], *confusion["answer"]])
    counts = sums.reindex(index=names, columns=names).to_numpy(float)
    of_class = np.nansum(counts, axis=1, keepdims=True)
    title = f"What the images of task {task} are taken for"
    if len(names) > _MOST_CLASSES:
        wrong = np.where(np.eye(len(names), dtype=bool), np.nan, counts)
        worst = np.sort(np.argsort(-np.nansum(wrong, 0) - np.nansum(wrong, 1), kind="stable")[:_MOST_CLASSES])
        counts, of_class, names = counts[np.ix_(worst, worst)], of_class[worst], [names[place] for place in worst]
        title += f", of the {_MOST_CLASSES} classes most confused"
    few = len(names) <= MOST_NUMBERED_TASKS
    cells = {
        "x": _texts(names),
        "y": _texts(names),
        "z": 100 * counts / np.maximum(of_class, 1),
        "text": [["" if np.isnan(count) else f"{count:.0f}" for count in row] for row in counts],
        "customdata": [
            [None if np.isnan(count) else (name, other, of) for count, other in zip(row, names, strict=True)]
            for row, name, (of,) in zip(counts, names, of_class.tolist(), strict=True)
        ],
        "zmin": 0,
        "zmax": 100,
        "texttemplate": "%{text}" if few else None,
        **({} if few else {"colorscale": _OF_SMALL_CELLS, "xgap": 0, "ygap": 0}),
        "hovertemplate": (
            "%{text} of %{customdata[2]} images of class %{y}<br>are taken for class %{x}<extra></extra>"
        ),
    }
    axis = _class_axis(names)
    layout = {
        "xaxis": {"title": {"text": "Answered with class"}, **axis},
        "yaxis": {"title": {"text": "Images of class"}, **axis, "range": axis["range"][::-1]},
    }
    return as_figure([_heat(cells, "Share of the class's images (%)")], layout, title, 420, theme)


def _in_order(classes: Iterable[Label]) -> list[Label]:
    """Each class once: numbers, ascending, then names, as they come."""
    once = dict.fromkeys(classes)
    return [*sorted(each for each in once if isinstance(each, int)), *(each for each in once if isinstance(each, str))]


def _texts(names: Sequence[Label]) -> list[str]:
    """What an axis calls its classes: short, each another, and never taken for markup."""
    told: dict[str, None] = {}
    for name in names:
        text = short(name)
        while text in told:
            text = f"{short(name)} ({len(told)})"
        told[text] = None
    return [html.escape(text, quote=False) for text in told]


def _class_axis(names: Sequence[Label]) -> dict[str, Any]:
    """An axis on which classes stand side by side, whatever their labels; as many are named as can be read."""
    steps = (digit * 10**power for power in range(7) for digit in (1, 2, 5))
    return {
        "type": "category",
        "range": [-0.5, max(len(names), 1) - 0.5],
        "tick0": 0,
        "dtick": next(step for step in steps if step * MOST_NUMBERED_TASKS >= len(names)),
        "showgrid": False,
    }


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
