"""Every figure, once: pure functions from tidy data to Plotly figures, for the dashboard and the notebooks alike.

Imports no torch. Backgrounds are transparent; `theme` chooses what stands on them, "light" or "dark". Accuracies
come in as fractions and are drawn in per cent. A task keeps its colour through all figures of a theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from clnp_core.analysis.metrics import AccuracyMatrix
from clnp_core.runs.store import TUNED

Theme = Literal["light", "dark"]

INK = {"light": "#262730", "dark": "#FAFAFA"}
"""Text and lines, by theme."""
FREE = {"light": "#DDDFE3", "dark": "#4B505B"}
"""Neurons and weights nobody has claimed, by theme."""
ACTIVE = "#0072B2"
INTERFERENCE = "#E69F00"

# Okabe and Ito (2008) without black and yellow, which one of the two themes would swallow.
_HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Tasks after the sixth take the hues again, mixed with the theme's ink.
_INK_SHARES = (0.0, 0.5, 0.25)
_RULE = {"light": "rgba(38, 39, 48, 0.14)", "dark": "rgba(250, 250, 250, 0.18)"}
_BACKGROUND = {"light": "#FFFFFF", "dark": "#0E1117"}
# From yellow to blue, and pale enough for dark figures on every cell in both themes.
_ACCURACIES = ((0.0, "#FFF1C9"), (1.0, "#56B4E9"))
_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
_FONT = "'Source Sans', 'Source Sans Pro', sans-serif"
_MOST_NUMBERED_TASKS = 16
_MOST_NAMED_BARS = 3
_MOST_FINE_TICKS = 300


def task_colour(task: int, theme: Theme = "light") -> str:
    """Colour of a task (1 for the first), "#rrggbb". Repeats after 18 tasks; neighbours always differ in hue."""
    turn, place = divmod(task - 1, len(_HUES))
    share = _INK_SHARES[turn % len(_INK_SHARES)]
    mixed = (1 - share) * np.array(hex_to_rgb(_HUES[place])) + share * np.array(hex_to_rgb(INK[theme]))
    return "#{:02X}{:02X}{:02X}".format(*mixed.round().astype(int))


def learning_curves(
    epochs: pd.DataFrame | Iterable[Mapping[str, Any]],
    chosen: Mapping[int, int] | None = None,
    theme: Theme = "light",
    *,
    at_once: bool = False,
) -> go.Figure:
    """Loss and validation accuracy over the epochs, the tasks one after another.

    Parameters
    ----------
    epochs : table
        One row per epoch: task, candidate, epoch (1 for a candidate's first), loss (nats), validation_accuracy
        (fraction). The candidate `TUNED` goes on after its task's others, round by round; other negative ones, such as
        the single-task reference, are left out.
    chosen : mapping of int to int, optional
        Task → the candidate it settled on; the others step back.
    theme : {"light", "dark"}
    at_once : bool
        Whether what stands under a task is of all tasks up to it, learned together.
    """
    columns = ["task", "candidate", "epoch", "loss", "validation_accuracy"]
    given = pd.DataFrame(epochs, columns=columns)
    rows, tuned = given[given["candidate"] >= 0], _in_rounds(given[given["candidate"] == TUNED])
    trained = rows.groupby("task")["epoch"].max()
    lengths = trained.add(tuned.groupby("task").size(), fill_value=0).astype(int)
    starts = lengths.cumsum() - lengths
    chosen = chosen or {}
    named = rows.groupby("task")["candidate"].min().to_dict() | dict(chosen)
    candidates = rows.groupby("task")["candidate"].nunique()
    titles = {task: f"tasks 1 to {task}" if at_once and task > 1 else f"task {task}" for task in starts.index}
    traces = []
    for (task, candidate), curve in rows.groupby(["task", "candidate"]):
        shared = {
            "x": curve["epoch"] + starts[task],
            "customdata": curve["epoch"],
            "name": titles[task].split(" ", 1)[1],
            **_curve_style(task, candidate, chosen.get(task), len(curve), theme),
        }
        among = f", candidate {candidate + 1} of {candidates[task]}" if candidates[task] > 1 else ""
        traces += _loss_and_accuracy(curve, shared | {"showlegend": candidate == named[task]}, titles[task] + among)
    for task, curve in tuned.groupby("task"):
        after = starts[task] + trained.get(task, 0)
        shared = {
            "x": after + np.arange(1, len(curve) + 1),
            "customdata": curve["epoch"],
            "name": f"{task}",
            **_curve_style(task, TUNED, None, len(curve), theme),
            "showlegend": False,
        }
        traces += _loss_and_accuracy(curve, shared, f"{titles[task]}, fine-tuning")
    if not traces:  # axes are drawn only where a trace is
        traces = [{"x": [None], "y": [None], "yaxis": axis, "showlegend": False} for axis in ("y", "y2")]
    figure = go.Figure([go.Scatter(trace) for trace in traces])
    figure.update_layout(
        xaxis={
            "title_text": "Epochs, the tasks one after another",
            "anchor": "y2",
            "showgrid": False,
            "dtick": 1 if lengths.sum() <= 12 else None,
        },
        yaxis={
            "title_text": "Loss (nats)",
            "domain": [0.54, 1],
            "type": "log",
            "tickformat": "~g",
            "dtick": _log_ticks(given["loss"]),
        },
        yaxis2={"title_text": "Accuracy (%)", "domain": [0, 0.46]},
        annotations=_task_numbers(starts, lengths, titles, theme),
        shapes=_task_borders(starts, theme),
    )
    if rows.empty:
        figure.update_layout(xaxis_range=[0, 10], yaxis_range=[-2, 0.5], yaxis2_range=[0, 100])
    return _finish(figure, "Loss and validation accuracy", 480, theme)


def _in_rounds(tuned: pd.DataFrame) -> pd.DataFrame:
    """Epochs of fine-tuning, task by task and round by round; each round counts from 1."""
    rounds = tuned.groupby(["task", "epoch"]).cumcount()
    return tuned.assign(round=rounds).sort_values(["task", "round", "epoch"])


def _loss_and_accuracy(curve: pd.DataFrame, shared: dict[str, Any], whose: str) -> list[dict[str, Any]]:
    """A curve's two traces."""
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
            "hovertemplate": hover + "validation accuracy %{y:.2f} %<extra></extra>",
            "showlegend": False,
        },
    ]


def _curve_style(task: int, candidate: int, settled: int | None, epochs: int, theme: Theme) -> dict[str, Any]:
    """How a curve looks: solid if its task settled on that candidate, thin and pale if on another, dotted if tuned."""
    stands_back = settled not in (None, candidate)
    if candidate == TUNED:
        dash = "dot"
    elif candidate == (0 if settled is None else settled):
        dash = "solid"
    else:
        dash = _DASHES[candidate % len(_DASHES)]
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
    """Ticks at 1, 2 and 5 of each power of ten; at the powers alone where the values span many."""
    positive = values[values > 0].astype(float)
    return "D2" if positive.empty or positive.max() / positive.min() <= _MOST_FINE_TICKS else 1


def _task_numbers(
    starts: pd.Series, lengths: pd.Series, titles: Mapping[int, str], theme: Theme
) -> list[dict[str, Any]]:
    """The tasks' numbers above their epochs, as many as fit."""
    every = -(-len(starts) // _MOST_NUMBERED_TASKS)
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
    line = {"type": "line", "y0": 0, "y1": 1, "yref": "paper", "line": {"color": _RULE[theme], "width": 1}}
    return [line | {"x0": start + 0.5, "x1": start + 0.5} for start in starts[starts > 0]]


def capacity(layers: Sequence[Mapping[str, Any]], theme: Theme = "light") -> go.Figure:
    """How much of each hidden layer each task has claimed, and what is free (Figs. 3, 4b, 5b).

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, from the input upwards: name, width (neurons it has now, also if it has grown), claimed
        (neurons claimed by task 1, 2, ...), reused (earlier tasks' neurons active for task 1, 2, ...).
    theme : {"light", "dark"}
    """
    names = [layer["name"].capitalize() for layer in layers]
    widths = np.array([layer["width"] for layer in layers])
    claimed = np.array([layer["claimed"] for layer in layers])  # [layers, tasks]
    reused = np.array([layer["reused"] for layer in layers])
    bars = [
        go.Bar(
            x=names,
            y=100 * neurons / widths,
            name=f"{task}",
            marker_color=task_colour(task, theme),
            text=[f"{task}" if share >= 0.055 else "" for share in neurons / widths],
            customdata=np.stack([neurons, widths, used], axis=1),
            hovertemplate=(
                f"task {task} claimed %{{customdata[0]}} of %{{customdata[1]}} neurons (%{{y:.1f}} %)<br>"
                "and uses %{customdata[2]} of earlier tasks<extra>%{x}</extra>"
            ),
        )
        for task, (neurons, used) in enumerate(zip(claimed.T, reused.T, strict=True), start=1)
    ]
    free = widths - claimed.sum(axis=1)
    word = "free " if len(layers) <= _MOST_NAMED_BARS else ""  # wider than one of many bars
    bars.append(
        go.Bar(
            x=names,
            y=100 * free / widths,
            name="free",
            marker_color=FREE[theme],
            text=[f"{word}{share:.0%}" if share >= 0.055 else "" for share in free / widths],
            customdata=np.stack([free, widths], axis=1),
            hovertemplate="%{customdata[0]} of %{customdata[1]} neurons are free (%{y:.1f} %)<extra>%{x}</extra>",
        )
    )
    figure = go.Figure(bars)
    figure.update_traces(
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="none",
        marker_line={"color": _BACKGROUND[theme], "width": 1},
    )
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(title_text="Neurons of the layer (%)", range=[0, 100])
    figure.update_xaxes(title_text="Hidden layer", fixedrange=True)
    return _finish(figure, "Used capacity, by task", 420, theme)


def accuracy_matrix(matrix: AccuracyMatrix, tasks: int | None = None, theme: Theme = "light") -> go.Figure:
    """Test accuracy on every learned task after every task, in per cent in the cells.

    Parameters
    ----------
    matrix : sequence of sequence of float
        Lower triangular, fractions: row i after task i + 1, one column per task; empty where nothing was measured.
    tasks : int, optional
        Tasks there will be, so that the axes stand still while the run goes on; as many as learned if not given.
    theme : {"light", "dark"}
    """
    size = max(tasks or 0, len(matrix), 1)
    cells = np.full((size, size), np.nan)
    for place, row in enumerate(matrix):
        cells[place, : len(row)] = 100 * np.asarray(row)
    numbers = list(range(1, size + 1))
    # The scale spans the values there are, in steps of ten, so that nearly equal accuracies can be told apart.
    lowest = 90.0 if np.isnan(cells).all() else np.nanmin(cells)
    figure = go.Figure(
        go.Heatmap(
            x=numbers,
            y=numbers,
            z=cells,
            zmin=min(90.0, 10 * np.floor(lowest / 10)),
            zmax=100,
            colorscale=_ACCURACIES,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            texttemplate="%{z:.1f}" if size <= _MOST_NUMBERED_TASKS else None,
            textfont={"size": 11 if size > 6 else 13, "color": INK["light"]},
            hovertemplate=(
                "After task %{y} was learned, %{z:.2f} % of<br>task %{x}'s test images are right<extra></extra>"
            ),
            colorbar={
                "orientation": "h",
                "y": -0.2,
                "yanchor": "top",
                "thickness": 10,
                "title": {"text": "Test accuracy (%)", "side": "bottom"},
                "outlinewidth": 0,
            },
        )
    )
    every = -(-size // _MOST_NUMBERED_TASKS)
    figure.update_xaxes(title_text="Accuracy on task", range=[0.5, size + 0.5], tick0=1, dtick=every, showgrid=False)
    figure.update_yaxes(title_text="After learning task", range=[size + 0.5, 0.5], tick0=1, dtick=every, showgrid=False)
    return _finish(figure, "Accuracy matrix", 420, theme)


def training_speed(
    by_width: Sequence[Mapping[str, Any]], by_tasks: Sequence[Mapping[str, Any]], theme: Theme = "light"
) -> go.Figure:
    """Seconds per epoch against the width of the hidden layers, and against the task that is learned.

    Parameters
    ----------
    by_width, by_tasks : sequence of mapping
        width (neurons) or task (1 for the first); first epoch s and last epoch s of CLNP's training, and plain epoch s
        of a plain loop that trains the whole network (`python -m benchmarks.scaling`).
    theme : {"light", "dark"}
    """
    figure = make_subplots(1, 2, horizontal_spacing=0.14, subplot_titles=("Width, one task", "Tasks in sequence"))
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
    figure = _finish(figure, "Time of a training epoch", 420, theme)
    widths = [row["width"] for row in by_width]
    figure.update_xaxes(title_text="Neurons of each hidden layer", type="log", tickvals=widths, col=1)
    figure.update_yaxes(type="log", dtick="D2", col=1)
    figure.update_xaxes(title_text="Task", dtick=1, col=2)
    figure.update_layout(legend_title_text="")
    return figure


def _finish(figure: go.Figure, title: str, height: int, theme: Theme) -> go.Figure:
    """What all figures share: title, legend, font, colours of the theme."""
    ink, rule = INK[theme], _RULE[theme]
    figure.update_layout(
        template="none",
        title={"text": title, "x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 16, "weight": 600}},
        height=height,
        margin={"l": 58, "r": 12, "t": 64, "b": 100},
        font={"family": _FONT, "size": 13, "color": ink},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        legend={"title_text": "Task", "orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "traceorder": "normal"},
        hoverlabel={"font": {"family": _FONT, "size": 13}},
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": FREE[theme], "activecolor": ink},
    )
    figure.update_xaxes(gridcolor=rule, linecolor=rule, zeroline=False, automargin=True, title_standoff=8)
    figure.update_yaxes(gridcolor=rule, linecolor=rule, zeroline=False, automargin=True)
    return figure
