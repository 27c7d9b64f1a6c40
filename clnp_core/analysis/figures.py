"""Every figure, once: pure functions from tidy data to Plotly figures, for the dashboard and the notebooks alike.

Imports no torch. Backgrounds are transparent; `theme` chooses what stands on them, "light" or "dark". Accuracies
come in as fractions and are drawn in per cent. A task keeps its colour through all figures of a theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
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
    # Empty axes need ranges.
    epochs_range, loss_range, accuracy_range = ([0, 10], [-2, 0.5], [0, 100]) if rows.empty else (None,) * 3
    layout = {
        "xaxis": {
            "title": {"text": "Epochs, the tasks one after another"},
            "anchor": "y2",
            "showgrid": False,
            "dtick": 1 if lengths.sum() <= 12 else None,
            "range": epochs_range,
        },
        "yaxis": {
            "title": {"text": "Loss (nats)"},
            "domain": [0.54, 1],
            "type": "log",
            "tickformat": "~g",
            "dtick": _log_ticks(given["loss"]),
            "range": loss_range,
        },
        "yaxis2": {"title": {"text": "Accuracy (%)"}, "domain": [0, 0.46], "range": accuracy_range},
        "annotations": _task_numbers(starts, lengths, titles, theme),
        "shapes": _task_borders(starts, theme),
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return _figure(traces, layout, "Loss and validation accuracy", 480, theme)


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


def capacity(
    layers: Sequence[Mapping[str, Any]], theme: Theme = "light", title: str = "Used capacity, by task"
) -> go.Figure:
    """How much of each hidden layer each task has claimed, and what is free (Figs. 3, 4b, 5b).

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, from the input upwards: name, width (neurons it has now, also if it has grown), claimed
        (neurons claimed by task 1, 2, ...), reused (earlier tasks' neurons active for task 1, 2, ...).
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
    border = {"color": _BACKGROUND[theme], "width": 1}
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
                "and uses %{customdata[2]} of earlier tasks<extra>%{x}</extra>"
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
    return _figure(bars, layout, title, 420, theme)


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
    cells_drawn = {
        "type": "heatmap",
        "x": numbers,
        "y": numbers,
        "z": cells,
        "zmin": min(90.0, 10 * np.floor(lowest / 10)),
        "zmax": 100,
        "colorscale": _ACCURACIES,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "texttemplate": "%{z:.1f}" if size <= _MOST_NUMBERED_TASKS else None,
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
    ticks = {"tick0": 1, "dtick": -(-size // _MOST_NUMBERED_TASKS), "showgrid": False}
    layout = {
        "xaxis": {"title": {"text": "Accuracy on task"}, "range": [0.5, size + 0.5], **ticks},
        "yaxis": {"title": {"text": "After learning task"}, "range": [size + 0.5, 0.5], **ticks},
    }
    return _figure([cells_drawn], layout, "Accuracy matrix", 420, theme)


def trade_off(
    points: pd.DataFrame,
    band: tuple[float, float] | None = None,
    chosen: Mapping[str, Any] | None = None,
    selected: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Validation accuracy against sparsity, a line for each candidate as θ rises, and the Pareto front over all λ.

    Parameters
    ----------
    points : table
        Candidates at every shared θ, as `TradeOff.table` gives them: candidate (its number), lambda, theta, sparsity,
        accuracy, front and the claimed neurons of the layers; of the selected candidate alone may have
        test_accuracy.
    band : tuple of float, optional
        The least accuracy within the margin, and the best of all candidates.
    chosen, selected, kept : mapping, optional
        What the margin rule chooses, what is looked at, and what the run made of the task: sparsity, accuracy, and
        about, some words. The selected one may have test_accuracy, and has the number of its candidate.
    theme : {"light", "dark"}
    """
    colours = _TRADE_OFF[theme]
    whose = None if selected is None else selected["candidate"]
    others, own = points[points["candidate"] != whose], points[points["candidate"] == whose]
    thick, dotted = {"color": colours["own"], "width": 2}, {"color": colours["own"], "width": 1.5, "dash": "dot"}
    traces = [_curves(others, "other λ", {"line": {"color": colours["other"], "width": 1}})]
    if len(own):
        traces.append(_curves(own, "this λ", {"line": thick}))
        if "test_accuracy" in own and own["test_accuracy"].notna().all():
            tested = own.assign(accuracy=own["test_accuracy"])
            traces.append(_curves(tested, "this λ, test images", {"line": dotted}))
    mark = {"size": 7, "color": colours["front"], "line": {"width": 1, "color": _BACKGROUND[theme]}}
    front = points[points["front"]].sort_values("sparsity")
    traces.append(_curves(front, "Pareto front", {"mode": "markers", "marker": mark}))
    ink, blue = INK[theme], colours["own"]
    for name, point, accuracy, symbol, size, border in (
        ("what the run kept", kept, "accuracy", "x-thin", 11, ink),
        ("the margin's choice", chosen, "accuracy", "diamond-open", 17, blue),
        ("selected", selected, "accuracy", "circle", 13, ink),
        ("selected, test images", selected, "test_accuracy", "circle-open", 13, blue),
    ):
        if point and point.get(accuracy) is not None:
            look = {"symbol": symbol, "size": size, "color": blue, "line": {"width": 2, "color": border}}
            traces.append(_mark(point, accuracy, name, look))
    floor, best = band or (points["accuracy"].max(),) * 2
    lowest = best - max(_LEAST_DEPTH, 2.5 * (best - floor))
    shown = points[points["accuracy"] >= lowest]["sparsity"]
    layout = {
        "xaxis": {
            "title": {"text": "Sparsity: neurons not claimed (%)"},
            "range": [100 * shown.min() - 1, min(101, 100 * shown.max() + 1)],
        },
        "yaxis": {"title": {"text": "Validation accuracy (%)"}, "range": [100 * lowest, 100 * best + 1]},
        "shapes": [_margin_band(floor, best)],
        "annotations": [
            {
                "text": f"within m = {100 * (best - floor):.4g} points of the best" if band else "",
                "xref": "paper",
                "x": 0.005,
                "xanchor": "left",
                "y": 100 * best,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": colours["own"]},
            }
        ],
        **_merged(_UNTITLED_LEGEND, {"legend": {"y": -0.28}}),
        "hovermode": "closest",
    }
    return _figure(traces, layout, "Accuracy against sparsity", 430, theme)


_TRADE_OFF = {
    "light": {"other": "#B9BEC8", "own": "#0072B2", "front": "#E69F00"},
    "dark": {"other": "#5A6170", "own": "#56B4E9", "front": "#E69F00"},
}
_LEAST_DEPTH = 0.06  # of accuracy below the best that is shown at first
_UNTITLED_LEGEND = {"legend": {"title": {"text": ""}, "itemclick": False, "itemdoubleclick": False}}


def _margin_band(floor: float, best: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 100 * floor,
        "y1": 100 * best,
        "fillcolor": ACTIVE,
        "opacity": 0.12,
        "line": {"width": 0},
        "layer": "below",
    }


def _curves(points: pd.DataFrame, name: str, look: Mapping[str, Any]) -> dict[str, Any]:
    """Candidates as one line that is broken between them. A point's customdata begin with its candidate and θ."""
    claimed = [column for column in points if column.endswith(" claimed")]
    breaks = np.flatnonzero(np.diff(points["candidate"])) + 1 if "line" in look else np.array([], int)
    lambdas = [" / ".join(f"{value:g}" for value in values) for values in points["lambda"]]
    columns = (points["candidate"], points["theta"], lambdas, *(points[column] for column in claimed))
    told = np.empty((len(points), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        told[:, place] = list(column)
    layers = ", ".join(f"%{{customdata[{place}]}} in {each[:-8]}" for place, each in enumerate(claimed, start=3))
    return {
        "type": "scatter",
        "x": np.insert(100 * points["sparsity"].to_numpy(float), breaks, np.nan),
        "y": np.insert(100 * points["accuracy"].to_numpy(float), breaks, np.nan),
        "customdata": np.insert(told, breaks, None, axis=0),
        "name": name,
        "mode": "lines",
        **look,
        "hovertemplate": (
            f"<b>{name}</b><br>λ %{{customdata[2]}}<br>θ = %{{customdata[1]:.4g}}: accuracy %{{y:.2f}} %, "
            f"sparsity %{{x:.1f}} %<br>claims {layers}<extra></extra>"
        ),
    }


def _mark(point: Mapping[str, Any], accuracy: str, name: str, look: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [100 * point["sparsity"]],
        "y": [100 * point[accuracy]],
        "name": name,
        "mode": "markers",
        "marker": look,
        "hovertemplate": (
            f"<b>{name}</b><br>{point['about']}<br>accuracy %{{y:.2f}} %, sparsity %{{x:.1f}} %<extra></extra>"
        ),
    }


def activities(counts: pd.DataFrame, ranked: np.ndarray, theta: float, theme: Theme = "light") -> go.Figure:
    """How active the neurons of one hidden layer are: histogram, sorted curve, and θ as a line that a page lets drag.

    Parameters
    ----------
    counts : table
        The layer's rows of `TradeOff.distribution`: layer, low, high, given_back, claimed, earlier.
    ranked : float array
        Activity of the neurons that the task trained, the greatest first.
    theta : float
        Of this layer: neurons above it are claimed.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        Its x axis is the logarithm to base 10 of the activity; neurons of activity 0 stand at its left end. The line is
        shape 0.
    """
    positive = counts[counts["high"] > 0]
    edges = np.log10([*positive["low"], positive["high"].iloc[-1]])
    low, high, step = edges[0], edges[-1], edges[1] - edges[0]
    dead = low - 2 * step
    spans = [
        "0",
        f"up to {positive['high'].iloc[0]:.3g}",
        *(f"{bin.low:.3g} to {bin.high:.3g}" for bin in positive.iloc[1:].itertuples()),
    ]
    bars = [
        {
            "type": "bar",
            "x": np.append(dead, edges[:-1] + step / 2),
            "y": counts[group],
            "width": step,
            "name": about,
            "marker": {"color": colour, "line": {"width": 0}},
            "customdata": spans,
            "hovertemplate": f"%{{y}} neurons {about}: mean activity %{{customdata}}<extra></extra>",
        }
        for group, about, colour in (
            ("given_back", "given back", FREE[theme]),
            ("claimed", "claimed", _TRADE_OFF[theme]["own"]),
            ("earlier", "of earlier tasks", _TRADE_OFF[theme]["front"]),
        )
        if group != "earlier" or counts[group].any()
    ]
    sorted_curve = {
        "type": "scatter",
        "x": np.where(ranked > 0, np.log10(np.maximum(ranked, 10**low)), dead),
        "y": np.arange(1, len(ranked) + 1),
        "yaxis": "y2",
        "name": "more active (right)",
        "mode": "lines",
        "line": {"color": INK[theme], "width": 1.5, "shape": "hv"},
        "customdata": ranked,
        "hovertemplate": "the %{y} most active neurons: activity of at least %{customdata:.3g}<extra></extra>",
    }
    # The dead are often more than all bins together; they are counted in words, so that the others can be told apart.
    heights = counts[["given_back", "claimed", "earlier"]].sum(axis=1)
    told = {"yref": "paper", "y": 1, "showarrow": False}
    bold = {"color": _THETA[theme], "weight": 600}
    place = np.log10(theta) if theta >= 10**low else (low + dead) / 2
    line = {"color": _THETA[theme], "width": 3}
    powers = range(int(np.ceil(low)), int(np.floor(high)) + 1)
    layout = {
        "barmode": "stack",
        "bargap": 0,
        "xaxis": {
            "title": {"text": "Mean activity"},
            "range": [dead - step, high + step],
            "tickvals": [dead, *powers],
            "ticktext": ["0", *(f"10<sup>{power}</sup>" for power in powers)],
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "Neurons"}, "range": [0, 1.15 * max(1, heights.iloc[1:].max())]},
        "yaxis2": {
            "overlaying": "y",
            "side": "right",
            "tickmode": "auto",
            "range": [0, 1.05 * max(1, len(ranked))],
            "showgrid": False,
        },
        "shapes": [{"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "paper", "line": line}],
        "annotations": [
            told | {"x": place, "yanchor": "bottom", "text": f"θ = {theta:.3g}", "font": bold},
            told | {"x": dead + step, "xanchor": "left", "yanchor": "top", "text": f"{heights.iloc[0]} dead"},
        ],
        "margin": {"r": 34},
        **_merged(_UNTITLED_LEGEND, {"legend": {"y": -0.3}}),
    }
    return _figure([*bars, sorted_curve], layout, f"Activity, {counts['layer'].iloc[0]}", 420, theme)


_THETA = {"light": "#D55E00", "dark": "#FF8A3D"}


def sweep(frame: pd.DataFrame, axes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Final mean accuracy against capacity used, a mark for each sequence of a sweep.

    Parameters
    ----------
    frame : table
        A row per sequence: the axes, run, mean_accuracy and capacity_used (fractions), and tasks_fitted. Sequences of
        which one of these is not known are left out.
    axes : sequence of str
        The columns in which sequences differ, named as a person would. The first in which they do is told by colour,
        the second by the shape of the mark, and all by the hover text, along with sequences under the same mark.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        A point's customdata are the id of its run, and the hover text.
    """
    coloured, shaped, *_ = [*(axis for axis in axes if frame[axis].nunique() > 1), None, None]
    symbols = dict(zip(frame[shaped].unique(), cycle(_SYMBOLS), strict=False)) if shaped else {}
    drawn = frame.dropna(subset=["mean_accuracy", "capacity_used"])
    lines = [_sequence_in_words(row, axes) for row in drawn.to_dict("records")]
    drawn = drawn.assign(words=lines)
    drawn["words"] = drawn.groupby(["capacity_used", "mean_accuracy"])["words"].transform("<br>".join)
    marks = []
    for number, value in enumerate(frame[coloured].unique() if coloured else [None], start=1):
        rows = drawn[drawn[coloured] == value] if coloured else drawn
        marks.append(
            {
                "x": 100 * rows["capacity_used"],
                "y": 100 * rows["mean_accuracy"],
                "customdata": rows[["run", "words"]].to_numpy(),
                "name": _in_short(value),
                "marker": {
                    "size": 11,
                    "color": task_colour(number, theme),
                    "symbol": [symbols[each] for each in rows[shaped]] if shaped else "circle",
                    "line": {"width": 1, "color": _BACKGROUND[theme]},
                },
                "hovertemplate": (
                    "mean accuracy %{y:.2f} %, capacity used %{x:.1f} %<br>%{customdata[1]}<extra></extra>"
                ),
                "legendgroup": "colour",
                "legendgrouptitle": {"text": coloured},
                "showlegend": coloured is not None,
            }
        )
    shapes = [
        {
            "x": [None],
            "y": [None],
            "name": _in_short(value),
            "marker": {"size": 10, "color": INK[theme], "symbol": f"{symbol}-open"},
            "legendgroup": "shape",
            "legendgrouptitle": {"text": shaped},
        }
        for value, symbol in symbols.items()
    ]
    nowhere = {"range": [0, 100]} if drawn.empty else {}
    layout = {
        "xaxis": {"title": {"text": "Capacity used (%)"}, **nowhere},
        "yaxis": {"title": {"text": "Mean accuracy at the end (%)"}, **nowhere},
        "legend": {"title": {"text": ""}, "traceorder": "grouped", "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
    }
    traces = [{"type": "scatter", "mode": "markers", **trace} for trace in marks + shapes]
    return _figure(traces, layout, "What each sequence came to", 500, theme)


_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")


def _sequence_in_words(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    settings = " · ".join(f"{axis} = {_in_short(row[axis])}" for axis in axes)
    return f"{settings} · {row['tasks_fitted']} task{'s' * (row['tasks_fitted'] != 1)} · {row['run']}"


def _in_short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


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
    widths = [row["width"] for row in by_width]
    figure.update_xaxes(title_text="Neurons of each hidden layer", type="log", tickvals=widths, col=1)
    figure.update_yaxes(type="log", dtick="D2", col=1)
    figure.update_xaxes(title_text="Task", dtick=1, col=2)
    drawn = figure.to_plotly_json()
    layout = drawn["layout"] | {"legend": {"title": {"text": ""}}}
    return _figure(drawn["data"], layout, "Time of a training epoch", 420, theme)


def _figure(
    traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], title: str, height: int, theme: Theme
) -> go.Figure:
    """A figure with what all figures share: title, legend, font, colours of the theme.

    Put together as plain data, for plotly checks everything anew with each change to a figure.
    """
    ink, rule = INK[theme], _RULE[theme]
    axis = {"gridcolor": rule, "linecolor": rule, "zeroline": False, "automargin": True}
    axes = {name: axis for name in ("xaxis", "yaxis", *layout) if name[1:5] == "axis"}
    shared = {
        "title": {"text": title, "x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 16, "weight": 600}},
        "height": height,
        "margin": {"l": 58, "r": 12, "t": 64, "b": 100},
        "font": {"family": _FONT, "size": 13, "color": ink},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "legend": {
            "title": {"text": "Task"},
            "orientation": "h",
            "y": -0.2,
            "yanchor": "top",
            "x": 0,
            "traceorder": "normal",
        },
        "hoverlabel": {"font": {"family": _FONT, "size": 13}},
        "modebar": {"bgcolor": "rgba(0, 0, 0, 0)", "color": FREE[theme], "activecolor": ink},
        **{name: axis | ({"title": {"standoff": 8}} if name[0] == "x" else {}) for name, axis in axes.items()},
    }
    return go.Figure({"data": traces, "layout": _merged(shared, layout) | {"template": "none"}})


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Both, one level in another; where they differ what is one's own holds."""
    merged = {**shared, **own}
    for name in shared.keys() & own.keys():
        if isinstance(shared[name], dict) and isinstance(own[name], dict):
            merged[name] = _merged(shared[name], own[name])
    return merged
