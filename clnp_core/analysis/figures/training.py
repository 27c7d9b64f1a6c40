"""Draws training: curves over the epochs, and the duration of an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from clnp_core.analysis.epochs import TUNED
from clnp_core.analysis.figures.base import (
    ACTIVE,
    DASHES,
    INTERFERENCE,
    MOST_NUMBERED_TASKS,
    RULE,
    Theme,
    as_figure,
    layer_colour,
    task_colour,
    themed,
)
from clnp_core.methods.training.settings import MEASURES, VALIDATION, Measure

_MOST_FINE_TICKS = 300
_MOST_TICKS = 5  # of half a figure


@themed
def learning_curves(
    epochs: pd.DataFrame | Iterable[Mapping[str, Any]],
    chosen: Mapping[int, int] | None = None,
    theme: Theme = "light",
    *,
    at_once: bool = False,
    layers: Sequence[str] = (),
    measure: Measure = "accuracy",
) -> go.Figure:
    """Draw loss, validation accuracy and the neurons left over the epochs, the tasks one after another.

    Parameters
    ----------
    epochs : table
        One row per epoch: task, candidate, epoch (from 1), loss (nats), validation_accuracy (fraction), and neurons
        (those of each hidden layer that were trained; may be missing). Epochs of fine-tuning, candidate `TUNED`, follow
        those of their task's candidates, round by round. Other negative candidates, such as the single-task reference,
        are left out.
    chosen : mapping of int to int, optional
        Task → its chosen candidate. The others are drawn thin and pale.
    theme : {"light", "dark"}
    at_once : bool
        Whether the method learns all tasks up to the one shown together.
    layers : sequence of str
        Names of the hidden layers. With them the neurons left are drawn where epochs tell them: of the candidate
        chosen, or until then of the first.
    measure : {"accuracy", "balanced"}
        What validation accuracy is, to be named.
    """
    columns = ["task", "candidate", "epoch", "loss", "validation_accuracy", "neurons"]
    given = pd.DataFrame(epochs, columns=columns)
    rows, tuned = given[given["candidate"] >= 0], _in_rounds(given[given["candidate"] == TUNED])
    trained = rows.groupby("task")["epoch"].max()
    lengths = trained.add(tuned.groupby("task").size(), fill_value=0).astype(int)
    starts = lengths.cumsum() - lengths
    chosen = chosen or {}
    named = rows.groupby("task")["candidate"].min().to_dict() | dict(chosen)
    candidates = rows.groupby("task")["candidate"].nunique()
    titles = {task: f"tasks 1 to {task}" if at_once and task > 1 else f"task {task}" for task in starts.index}
    traces, kept = [], []
    for (task, candidate), curve in rows.groupby(["task", "candidate"]):
        shared = {
            "x": curve["epoch"] + starts[task],
            "customdata": curve["epoch"],
            "name": titles[task].split(" ", 1)[1],
            **_curve_style(task, candidate, chosen.get(task), len(curve), theme),
        }
        is_named = bool(candidate == named[task])  # not numpy's: Plotly before version 7 takes only Python's
        if is_named:
            kept.append(curve.assign(place=shared["x"], whose=titles[task]))
        among = f", candidate {candidate + 1} of {candidates[task]}" if candidates[task] > 1 else ""
        traces += _loss_and_accuracy(curve, shared | {"showlegend": is_named}, titles[task] + among, measure)
    for task, curve in tuned.groupby("task"):
        after = starts[task] + trained.get(task, 0)
        shared = {
            "x": after + np.arange(1, len(curve) + 1),
            "customdata": curve["epoch"],
            "name": f"{task}",
            **_curve_style(task, TUNED, None, len(curve), theme),
            "showlegend": False,
        }
        kept.append(curve.assign(place=shared["x"], whose=f"{titles[task]}, fine-tuning"))
        traces += _loss_and_accuracy(curve, shared, f"{titles[task]}, fine-tuning", measure)
    if not traces:  # axes are drawn only where a trace is
        traces = [{"x": [None], "y": [None], "yaxis": axis, "showlegend": False} for axis in ("y", "y2")]
    shrinking = _neurons_left(kept, layers, theme)
    # Empty axes need ranges.
    epochs_range, loss_range, accuracy_range = ([0, 10], [-2, 0.5], [0, 100]) if rows.empty else (None,) * 3
    domains = _ROWS[bool(shrinking)]
    accuracy = f"{MEASURES[measure].capitalize()} (%)"
    layout = {
        "xaxis": {
            "title": {"text": "Epochs, the tasks one after another"},
            "anchor": f"y{len(domains)}",
            "showgrid": False,
            "dtick": 1 if lengths.sum() <= 12 else None,
            "range": epochs_range,
        },
        "yaxis": {
            "title": {"text": "Loss (nats)"},
            "domain": domains[0],
            "type": "log",
            "tickformat": "~g",
            "dtick": _log_ticks(given["loss"]),
            "range": loss_range,
        },
        "yaxis2": {
            "title": {"text": accuracy},
            "domain": domains[1],
            "range": accuracy_range,
        },
        "annotations": _task_numbers(starts, lengths, titles, theme),
        "shapes": _task_borders(starts, theme),
    }
    title, height = f"Loss and {VALIDATION[measure]}", 480
    if shrinking:
        title, height = f"Loss, {MEASURES[measure]} and neurons left", 640
        counts = pd.Series(np.concatenate([line["y"] for line in shrinking]))
        layout["yaxis3"] = {
            "title": {"text": "Neurons left"},
            "domain": domains[2],
            "type": "log",  # where none is left there is no line
            "tickformat": "~g",
            "dtick": _log_ticks(counts),
        }
        layout["legend"] = {"y": -0.13}
        layout["legend2"] = _LAYERS_LEGEND | {"y": domains[2][1]}
    traces = [{"type": "scatter", **trace} for trace in [*traces, *shrinking]]
    return as_figure(traces, layout, title, height, theme)


_ROWS = {False: ([0.54, 1], [0, 0.46]), True: ([0.72, 1], [0.37, 0.65], [0, 0.28])}
"""Where the axes stand, without and with the neurons left."""
_LAYERS_LEGEND = {"orientation": "h", "x": 1, "xanchor": "right", "yanchor": "bottom", "bgcolor": "rgba(0, 0, 0, 0)"}


def _neurons_left(curves: Sequence[pd.DataFrame], layers: Sequence[str], theme: Theme) -> list[dict[str, Any]]:
    """Draw each hidden layer's neurons, as far as epochs tell them: a line broken between the tasks."""
    epochs = pd.concat(curves).sort_values("place") if curves else pd.DataFrame(columns=["neurons"])
    epochs = epochs[[isinstance(each, Sequence) and len(each) == len(layers) > 0 for each in epochs["neurons"]]]
    if epochs.empty:
        return []
    breaks = np.flatnonzero(np.diff(epochs["task"])) + 1
    told = epochs["whose"] + ", epoch " + epochs["epoch"].astype(str)
    return [
        {
            "x": np.insert(epochs["place"].to_numpy(float), breaks, np.nan),
            "y": np.insert(np.array(counts, float), breaks, np.nan),
            "yaxis": "y3",
            "customdata": np.insert(told.to_numpy(object), breaks, ""),
            "name": name,
            "legend": "legend2",
            "mode": "lines+markers",
            "line": {"color": layer_colour(place, len(layers), theme), "width": 2},
            "marker": {"size": 3},  # a line of a single point would not be seen
            "hovertemplate": f"%{{customdata}}<br>%{{y}} neurons of {name}<extra></extra>",
        }
        for place, (name, counts) in enumerate(zip(layers, zip(*epochs["neurons"], strict=True), strict=True))
    ]


def _in_rounds(tuned: pd.DataFrame) -> pd.DataFrame:
    """Sort epochs of fine-tuning by task and round. Epochs of each round count from 1."""
    rounds = tuned.groupby(["task", "epoch"]).cumcount()
    return tuned.assign(round=rounds).sort_values(["task", "round", "epoch"])


def _loss_and_accuracy(
    curve: pd.DataFrame, shared: dict[str, Any], whose: str, measure: Measure
) -> list[dict[str, Any]]:
    """Make a curve's two traces."""
    hover = f"{whose}, epoch %{{customdata}}<br>"
    return [
        shared
        | {
            "y": curve["loss"].astype(float),
            "yaxis": "y",
            "hovertemplate": hover + "loss %{y:.4f} nats<extra></extra>",
        },
        shared
        | {
            "y": 100 * curve["validation_accuracy"],
            "yaxis": "y2",
            "hovertemplate": hover + f"{VALIDATION[measure]} %{{y:.2f}} %<extra></extra>",
            "showlegend": False,
        },
    ]


def _curve_style(task: int, candidate: int, settled: int | None, epochs: int, theme: Theme) -> dict[str, Any]:
    """Style a curve: solid for the chosen candidate, thin and pale if another was chosen, dotted for fine-tuning."""
    stands_back = settled not in (None, candidate)
    if candidate == TUNED:
        dash = "dot"
    elif candidate == (0 if settled is None else settled):
        dash = "solid"
    else:
        dash = DASHES[candidate % len(DASHES)]
    return {
        "legendgroup": f"task {task}",
        # A line of a single point would not be seen.
        "mode": "lines" if epochs > 1 else "markers",
        "opacity": 0.5 if stands_back else 1.0,
        "line": {
            "color": task_colour(task, theme),
            "width": 1.25 if stands_back else 2,
            "dash": dash,
        },
    }


def _log_ticks(values: pd.Series) -> str | int:
    """Place ticks at 1, 2 and 5 times each power of ten, or only at the powers if the values span many."""
    positive = values[values > 0].astype(float)
    return "D2" if positive.empty or positive.max() / positive.min() <= _MOST_FINE_TICKS else 1


def _task_numbers(
    starts: pd.Series, lengths: pd.Series, titles: Mapping[int, str], theme: Theme
) -> list[dict[str, Any]]:
    """Write the tasks' numbers above their epochs, as many as fit."""
    every = -(-len(starts) // MOST_NUMBERED_TASKS)
    return [
        {
            "x": start + (lengths[task] + 1) / 2,
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "text": titles[task] if len(starts) <= 5 else f"{task}",
            "font": {"color": task_colour(task, theme), "weight": 600},
            "showarrow": False,
        }
        for task, start in starts.items()
        if (task - 1) % every == 0
    ]


def _task_borders(starts: pd.Series, theme: Theme) -> list[dict[str, Any]]:
    line = {"type": "line", "y0": 0, "y1": 1, "yref": "paper", "line": {"color": RULE[theme], "width": 1}}
    return [line | {"x0": start + 0.5, "x1": start + 0.5} for start in starts[starts > 0]]


@themed
def training_speed(
    by_width: Sequence[Mapping[str, Any]], by_tasks: Sequence[Mapping[str, Any]], theme: Theme = "light"
) -> go.Figure:
    """Draw the seconds per epoch against the width of the hidden layers and against the task being learned.

    Parameters
    ----------
    by_width, by_tasks : sequence of mapping
        width (neurons) or task (1 for the first); first epoch s and last epoch s of CLNP's training, and plain epoch s
        of a plain loop that trains the whole network (from `python -m benchmarks.scaling`).
    theme : {"light", "dark"}
    """
    figure = make_subplots(1, 2, horizontal_spacing=0.2, subplot_titles=("Width, one task", "Tasks in sequence"))
    lines = (
        ("plain PyTorch", "plain epoch s", INTERFERENCE, "dot"),
        ("CLNP, first epoch of a task", "first epoch s", ACTIVE, "dash"),
        ("CLNP, last epoch", "last epoch s", ACTIVE, "solid"),
    )
    for column, (rows, along) in enumerate(((by_width, "width"), (by_tasks, "task")), start=1):
        for name, seconds, colour, dash in lines:
            line = go.Scatter(
                x=[row[along] for row in rows],
                y=[row[seconds] for row in rows],
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate=f"{name}<br>{along} %{{x}}: %{{y:.2f}} s an epoch<extra></extra>",
            )
            figure.add_trace(line, row=1, col=column)
    figure.update_yaxes(title_text="Time of an epoch (s)")
    figure.update_yaxes(rangemode="tozero", col=2)
    widths = [row["width"] for row in by_width]
    figure.update_xaxes(title_text="Neurons of each hidden layer", type="log", tickvals=widths, col=1)
    figure.update_yaxes(type="log", dtick="D2", tickformat="~g", col=1)
    figure.update_xaxes(title_text="Task", dtick=-(-len(by_tasks) // _MOST_TICKS), col=2)
    drawn = figure.to_plotly_json()
    layout = drawn["layout"] | {"legend": {"title": {"text": ""}}}
    return as_figure(drawn["data"], layout, "Time of a training epoch", 420, theme)
