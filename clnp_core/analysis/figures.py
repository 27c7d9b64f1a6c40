"""Every figure, once: pure functions from tidy data to Plotly figures, for the dashboard and the notebooks alike.

Imports no torch. Backgrounds are transparent; `theme` chooses what stands on them, "light" or "dark". Accuracies
come in as fractions and are drawn in per cent. A task keeps its colour through all figures of a theme.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import cycle, pairwise, product
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from clnp_core.analysis.anatomy import INPUT, SHARED, Kind, Related, by_owner, kinds
from clnp_core.analysis.metrics import AccuracyMatrix
from clnp_core.analysis.reuse import share_reused
from clnp_core.networks.partition import FREE_OWNER
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


def activities(counts: pd.DataFrame, ranked: Sequence[float], theta: float, theme: Theme = "light") -> go.Figure:
    """How active the neurons of one hidden layer are: histogram, sorted curve, and θ as a line that a page lets drag.

    Parameters
    ----------
    counts : table
        The layer's rows of `TradeOff.distribution`: layer, low, high, given_back, claimed, earlier.
    ranked : sequence of float
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
    positive, ranked = counts[counts["high"] > 0], np.asarray(ranked, dtype=float)
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
    """A number as a person writes it: 1e-4, not 1e-04."""
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def accuracy_by_task(accuracies: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Test accuracy on every task at the end, bars side by side with one standard deviation (Figs. 4a, 5a).

    Parameters
    ----------
    accuracies : table
        As `compare.by_task` gives it: group, task, seeds, accuracy (a fraction) and std (nan for a single seed).
    theme : {"light", "dark"}
    """
    bars = [
        {
            "type": "bar",
            "x": rows["task"],
            "y": 100 * rows["accuracy"],
            "name": name,
            "marker": {
                "color": colour,
                "line": {"width": 0},
                "pattern": {"shape": pattern, "fillmode": "overlay", "fgcolor": _BACKGROUND[theme], "size": 6},
            },
            "error_y": _error_bars(rows, theme),
            "customdata": _over_seeds(rows),
            "hovertemplate": f"<b>{name}</b><br>task %{{x}}: %{{y:.2f}}%{{customdata}}<extra></extra>",
        }
        for name, rows, colour, pattern, _ in _compared(accuracies, theme)
    ]
    layout = {
        "barmode": "group",
        "bargap": 0.25,
        "xaxis": {"title": {"text": "Task"}, "dtick": _task_ticks(accuracies), "showgrid": False},
        "yaxis": {"title": {"text": "Test accuracy at the end (%)"}, "range": [0, 100]},
        "showlegend": True,
        **_UNTITLED_LEGEND,
    }
    return _figure(bars, layout, "Accuracy by task", _height(len(bars)), theme)


def mean_accuracies(accuracies: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Mean test accuracy over the tasks learned so far, after each task, in a band of one standard deviation.

    Parameters
    ----------
    accuracies : table
        As `compare.after_each_task` gives it: group, task, seeds, mean_accuracy (a fraction) and std (nan for a single
        seed).
    theme : {"light", "dark"}
    """
    bands, lines = [], []
    for name, rows, colour, _, (dash, symbol) in _compared(accuracies, theme):
        means, deviations = 100 * rows["mean_accuracy"], 100 * rows["std"]
        spread = ~np.isnan(deviations)
        if spread.sum() > 1:
            low, high, tasks = (each[spread] for each in (means - deviations, means + deviations, rows["task"]))
            bands.append(
                {
                    "x": np.concatenate([tasks, tasks[::-1]]),
                    "y": np.concatenate([low, high[::-1]]),
                    "name": f"{name}, within one standard deviation",
                    "mode": "lines",
                    "line": {"width": 0},
                    "fill": "toself",
                    "fillcolor": colour,
                    "opacity": 0.18,
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
        lines.append(
            {
                "x": rows["task"],
                "y": means,
                "error_y": _error_bars(rows, theme) if len(means) == 1 else None,
                "name": name,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2, "dash": dash},
                "marker": {"symbol": symbol, "size": 8},
                "customdata": _over_seeds(rows),
                "hovertemplate": f"<b>{name}</b><br>after task %{{x}}: %{{y:.2f}}%{{customdata}}<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "After learning task"}, "dtick": _task_ticks(accuracies), "showgrid": False},
        "yaxis": {"title": {"text": "Mean test accuracy so far (%)"}},
        "showlegend": True,
        **_UNTITLED_LEGEND,
    }
    traces = [{"type": "scatter", **trace} for trace in bands + lines]
    return _figure(traces, layout, "Mean accuracy after each task", _height(len(lines)), theme)


_PATTERNS = ("", "/", ".", "x", "-", "\\", "+", "|")


def _compared(
    rows: pd.DataFrame, theme: Theme
) -> Iterator[tuple[str, dict[str, np.ndarray], str, str, tuple[str, str]]]:
    """Each group's name and columns, and its colour, pattern of bars, dash of lines and symbol of points."""
    looks = zip(cycle(_PATTERNS), cycle(("solid", *_DASHES)), cycle(_SYMBOLS), strict=False)
    columns = {name: rows[name].to_numpy() for name in rows}
    names = dict.fromkeys(columns["group"])
    for number, (name, (pattern, dash, symbol)) in enumerate(zip(names, looks, strict=False), start=1):
        of_group = columns["group"] == name
        own = {column: values[of_group] for column, values in columns.items()}
        yield name, own, task_colour(number, theme), pattern, (dash, symbol)


def _error_bars(rows: Mapping[str, np.ndarray], theme: Theme) -> dict[str, Any] | None:
    """None where there is a single seed."""
    if np.isnan(rows["std"]).all():
        return None
    return {"type": "data", "array": 100 * rows["std"], "color": INK[theme], "thickness": 1.5, "width": 3}


def _over_seeds(rows: Mapping[str, np.ndarray]) -> list[str]:
    """What follows a mean, in words."""
    return [
        " %" if np.isnan(std) else f" ± {100 * std:.2f} %, {seeds} seeds"
        for std, seeds in zip(rows["std"], rows["seeds"], strict=True)
    ]


def _height(groups: int) -> int:
    """On a small screen each group is a line of the legend."""
    return 400 + 20 * groups


def _task_ticks(rows: pd.DataFrame) -> int:
    """So many that their numbers fit."""
    return -(-int(rows["task"].max()) // _MOST_NUMBERED_TASKS)


def used_capacity(layers: Sequence[Mapping[str, Any]], tasks: int | None = None, theme: Theme = "light") -> go.Figure:
    """How full each hidden layer is after each task, and when it would be full at the pace of the last tasks (Fig. 3).

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, from the input upwards, as in a summary: name, claimed (neurons claimed by task 1, 2,
        ...), free_after (neurons nobody has claimed after task 1, 2, ...) and tasks_left, as `capacity.forecast` tells.
    tasks : int, optional
        Tasks there will be, so that the axes stand still while the run goes on; as many as learned if not given.
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
        colour = _layer_colour(place, len(layers), theme)
        shared = {"type": "scatter", "legendgroup": layer["name"], "name": layer["name"].capitalize()}
        traces.append(
            shared
            | {
                "x": np.arange(learned + 1),
                "y": percent,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2},
                "marker": {"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 8},
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
                    "marker": {"symbol": f"{_SYMBOLS[place % len(_SYMBOLS)]}-open", "size": [0, 9]},
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
    return _figure(traces, layout, "Used capacity after each task", 420, theme)


_FORECAST_TIMES = 3.5  # as far as the tasks there are: a layer may be forecast to last for hundreds


def _layer_colour(place: int, layers: int, theme: Theme) -> str:
    """Of a hidden layer: the theme's ink, paler from the input upwards, for hues belong to tasks."""
    share = 0.55 * place / max(1, layers - 1)
    mixed = (1 - share) * np.array(hex_to_rgb(INK[theme])) + share * np.array(hex_to_rgb(_BACKGROUND[theme]))
    return "#{:02X}{:02X}{:02X}".format(*mixed.round().astype(int))


def neurons_in_use(reuse: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Neurons that each task uses, layer below layer: those it claimed itself, and earlier tasks' in their colours.

    Parameters
    ----------
    reuse : table
        As `clnp_core.runs.reuse.reuse` gives it: task, layer, owner, neurons, used; of a task at least.
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
            "title": {"text": "Task (hatched: used again)"},
            "anchor": axis,
            "dtick": -(-reuse["task"].max() // _MOST_NUMBERED_TASKS),
            "showgrid": False,
        },
        **axes,
        "legend": {"title": {"text": "Claimed by"}, "y": -54 / (_ROW_PIXELS * len(names))},
    }
    return _figure(traces, layout, "Neurons in use: new, and used again (%)", 164 + _ROW_PIXELS * len(names), theme)


_ROW_PIXELS = 130  # a layer


def _bars_of_owner(layer: str, owner: int, rows: pd.DataFrame, theme: Theme) -> dict[str, Any]:
    """What each task uses of the neurons of one owner: solid where that is the task itself."""
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
            "line": {"color": _BACKGROUND[theme], "width": 1},
            "pattern": {"shape": ["" if own else "/" for own in is_own], "size": 6, "solidity": 0.4},
        },
        "customdata": np.stack([rows["neurons"], about], axis=1),
        "hovertemplate": (
            f"{layer}, task %{{x}}: %{{customdata[1]}} %{{y}} of %{{customdata[0]}} neurons<extra></extra>"
        ),
    }


def _shares_used_again(layer: str, rows: pd.DataFrame, totals: pd.Series) -> dict[str, Any]:
    """Above each task's neurons, which share of them is not its own."""
    own = rows[rows["owner"] == rows["task"]].set_index("task")["used"]
    again = 1 - own / totals.where(totals > 0)
    return {
        "type": "scatter",
        "x": totals.index,
        "y": totals,
        "name": f"{layer}, in use",
        "mode": "text",
        "text": [f"{each:.0%}" if each > 0 and len(totals) <= _MOST_NUMBERED_TASKS else "" for each in again],
        "textposition": "top center",
        "textfont": {"size": 11},
        "hoverinfo": "skip",
        "showlegend": False,
        "cliponaxis": False,
    }


def reuse_matrix(reuse: pd.DataFrame, layer: str, theme: Theme = "light") -> go.Figure:
    """Whose neurons of one hidden layer each task uses, in per cent of what the owner claimed.

    Parameters
    ----------
    reuse : table
        As `clnp_core.runs.reuse.reuse` gives it: task, layer, owner, neurons, used; of a task at least.
    layer : str
        Its name.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        On its diagonal stands how many neurons the task claimed itself.
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
    numbers, is_numbered = list(range(1, size + 1)), size <= _MOST_NUMBERED_TASKS
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
            # Of a task that claimed nothing there is no share.
            "z": np.where(below, 100 * used / neurons.where(neurons > 0), np.nan),
            "name": "used again (%)",
            "zmin": 0,
            "zmax": 100,
            "colorscale": _ACCURACIES,
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
    ticks = {"tick0": 1, "dtick": -(-size // _MOST_NUMBERED_TASKS), "showgrid": False}
    layout = {
        "xaxis": {"title": {"text": "Neurons claimed by task"}, "range": [0.5, size + 0.5], **ticks},
        "yaxis": {"title": {"text": "Used by task"}, "range": [size + 0.5, 0.5], **ticks},
    }
    return _figure(cells, layout, f"Whose neurons a task uses, {layer}", 420, theme)


def reuse_by_layer(reuse: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Which share of earlier tasks' neurons is used again, layer by layer: how well a layer's features transfer.

    Parameters
    ----------
    reuse : table
        As `clnp_core.runs.reuse.reuse` gives it: task, layer, owner, neurons, used. A layer without rows of earlier
        owners is said to be masked.
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
                    "line": {"width": 1, "color": _BACKGROUND[theme]},
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
    return _figure(traces, layout, "Used again, by layer", 420, theme)


def accuracy_over_tasks(
    matrix: AccuracyMatrix, alone: Sequence[float | None] = (), tasks: int | None = None, theme: Theme = "light"
) -> go.Figure:
    """Test accuracy on each task as later ones are learned, a line for each task, from when it was learned.

    Parameters
    ----------
    matrix : sequence of sequence of float
        As for `accuracy_matrix`.
    alone : sequence of float or None
        Test accuracy of each task trained by itself, where it was measured.
    tasks : int, optional
        Tasks there will be, so that the axes stand still while the run goes on; as many as learned if not given.
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
                # Beside the first mark, and clear of one of the task alone that may stand there too.
                "text": [f"{place + 1}{2 * _SPACE}"] if size <= _MOST_NUMBERED_TASKS else None,
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
        "xaxis": _task_axis(size),
        "yaxis": {"title": {"text": "Test accuracy (%)"}, "range": None if traces else [0, 100]},
        "hovermode": "closest",
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return _figure(traces, layout, "Each task, as later ones are learned", 420, theme)


def mean_accuracy(
    matrix: AccuracyMatrix, alone: Sequence[float | None] = (), tasks: int | None = None, theme: Theme = "light"
) -> go.Figure:
    """Mean test accuracy on the tasks so far, after each task, beside that of the same tasks each trained alone.

    Parameters
    ----------
    matrix : sequence of sequence of float
        As for `accuracy_matrix`.
    alone : sequence of float or None
        Test accuracy of each task trained by itself, where it was measured; drawn up to the first that is missing.
    tasks : int, optional
        Tasks there will be, so that the axes stand still while the run goes on; as many as learned if not given.
    theme : {"light", "dark"}
    """
    size = max(tasks or 0, len(matrix), 1)
    means = [(after, np.mean(row)) for after, row in enumerate(matrix, start=1) if len(row)]
    measured = next((place for place, each in enumerate(alone) if each is None), len(alone))
    references = [(after, np.mean(alone[:after])) for after in range(1, measured + 1)]
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
            ("the same tasks, each alone", references, _layer_colour(1, 2, theme), "dash", "diamond-open"),
        )
        if points
    ]
    layout = {
        "xaxis": _task_axis(size),
        "yaxis": {"title": {"text": "Mean test accuracy (%)"}, "range": None if traces else [0, 100]},
        "legend": {"title": {"text": ""}, "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
    }
    return _figure(traces, layout, "Mean accuracy after each task", 420, theme)


_SPACE = "\N{NO-BREAK SPACE}"


def _task_axis(size: int) -> dict[str, Any]:
    """An x axis of tasks 1 to `size`, along which they are learned."""
    return {
        "title": {"text": "After learning task"},
        "range": [0.5, size + 0.5],
        "tick0": 1,
        "dtick": -(-size // _MOST_NUMBERED_TASKS),
        "showgrid": False,
    }


def partition_graph(
    neurons: pd.DataFrame,
    bundles: pd.DataFrame,
    related: Related | None = None,
    theme: Theme = "light",
    *,
    before: bool = False,
    title: str = "The partition",
) -> go.Figure:
    """The network as neurons, sorted by owner, and weights bundled by kind (Fig. 1, alive).

    Parameters
    ----------
    neurons, bundles : table
        As `Anatomy.neurons` and `Anatomy.bundles` give them. Of a layer of more than 2000 neurons only some are
        drawn.
    related : Related, optional
        The neuron that is looked at, with its ancestors and descendants; all others step back.
    theme : {"light", "dark"}
    before : bool
        Whether to draw the interference that the last task's pruning cut.
    title : str

    Returns
    -------
    Figure
        The customdata of a hidden neuron are its layer and its place there, such as "2:17".
    """
    names = neurons.drop_duplicates("layer").set_index("layer")["name"]
    columns = {layer: _column(rows) for layer, rows in neurons.groupby("layer")}
    drawn = bundles[~bundles["kind"].isin([Kind.SEVERED, Kind.INTERFERENCE])]
    if before:
        drawn = pd.concat([drawn, bundles[bundles["cut"] > 0]])
    shown = pd.concat(columns.values(), ignore_index=True)
    pale = 0.3 if related else 1.0
    most = bundles["weights"].max()
    order = drawn["kind"].map(_DRAWN_FIRST.index).argsort(kind="stable")
    traces = [_inputs(columns[0], theme)]
    traces += [_bundle(row, columns, most, theme, pale) for row in drawn.iloc[order].to_dict("records")]
    if related:
        traces += [_link(row, columns, theme) for row in related.links.to_dict("records")]
    shown = shown[shown["layer"] > 0]
    shown = shown.assign(opacity=_stepped_back(shown, related))
    last = names.index.max()
    traces += [_neurons(rows, owner, last, theme) for owner, rows in shown.groupby("owner", sort=False)]
    if related:
        traces.append(_ring(related, columns, theme))
    traces += [_kind_in_legend(kind, theme) for kind in _DRAWN_FIRST if kind is not Kind.INTERFERENCE or before]
    layout = {
        "xaxis": {
            "title": {"text": "Layer"},
            "tickvals": list(names.index),
            "ticktext": [
                f"{name.capitalize()}<br>{size}"
                for name, size in zip(names, neurons.groupby("layer")["size"].sum(), strict=True)
            ],
            "range": [-0.2, last + 0.2],
            "showgrid": False,
        },
        "yaxis": {
            "title": {"text": "Neurons, by the task that claimed them"},
            "range": [1.02, -0.02],
            "showticklabels": False,
            "showgrid": False,
        },
        "annotations": _owner_numbers(columns, theme),
        "legend": {"title": {"text": ""}, "y": -0.17, "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
        "hoverdistance": 8,
        "margin": {"l": 40},
    }
    return _figure(traces, layout, title, 620, theme)


_MOST_DOTS = 2000  # of a layer
_MOST_IN_LINE = 60  # neurons of a layer under each other; more stand in rows
_MOST_ROWS = 100
_BLOCK = 0.13  # half the width of a layer's neurons, where layers are 1 apart
_GRAPH_PIXELS = 430  # about the height of the neurons
_BLOCK_PIXELS = 70  # and the width of a layer's, of few layers on a large screen
_CUT = {"light": "#D55E00", "dark": "#FF7A45"}
_OUTPUT = {"light": "#6B7280", "dark": "#A3A8B4"}
_TRANSFER = {"light": "#7A808C", "dark": "#9AA0AC"}
_DRAWN_FIRST = [Kind.FREE, Kind.TRANSFER, Kind.ACTIVE, Kind.REUSE, Kind.INTERFERENCE]


def _column(rows: pd.DataFrame) -> pd.DataFrame:
    """A layer's neurons with where they are drawn, x and y, half the width of all, and the size of a dot."""
    step = -(-len(rows) // _MOST_DOTS)
    groups = [group.iloc[::step] for _, group in rows.groupby(_claimed_first(rows["owner"]))]
    dots = sum(map(len, groups))
    wide = 1 if dots <= _MOST_IN_LINE else -(-dots // min(_MOST_ROWS, round((6 * dots) ** 0.5)))
    lines = [-(-len(group) // wide) for group in groups]
    gap = sum(lines) / 60
    high = sum(lines) + gap * (len(lines) - 1)
    drawn, top = [], 0.0
    for group, line in zip(groups, lines, strict=True):
        place = np.arange(len(group))
        across = (place % wide + 0.5) / wide * 2 - 1 if wide > 1 else 0.0
        drawn.append(group.assign(x=group["layer"] + _BLOCK * across, y=(top + place // wide + 0.5) / high))
        top += line + gap
    size = 0.86 * min(_GRAPH_PIXELS / high, _BLOCK_PIXELS / wide)
    return pd.concat(drawn).assign(dot=min(11.0, max(2.0, size)), half=_BLOCK if wide > 1 else _BLOCK / 4)


def _claimed_first(owners: pd.Series) -> pd.Series:
    """Owners in the order in which they stand below each other: those of nobody last."""
    return owners.astype(int).where(owners != FREE_OWNER, np.iinfo(np.int32).max)


def _inputs(column: pd.DataFrame, theme: Theme) -> dict[str, Any]:
    inputs = column.iloc[0]
    half = inputs["half"]
    return {
        "type": "scatter",
        "x": [-half, half, half, -half, -half],
        "y": [0.2, 0.2, 0.8, 0.8, 0.2],
        "mode": "lines",
        "fill": "toself",
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": f"{inputs['size']} inputs, which every neuron of the first layer reads",
        "name": "input",
        "line": {"width": 0},
        "fillcolor": _OUTPUT[theme],
        "showlegend": False,
    }


def _bundle(
    row: Mapping[str, Any], columns: Mapping[int, pd.DataFrame], most: int, theme: Theme, opacity: float
) -> dict[str, Any]:
    """A bundle of weights as one curve, as wide as they are many."""
    kind, below, above = Kind(row["kind"]), columns[row["layer"] - 1], columns[row["layer"]]
    # Where several bundles meet the same neurons they part a little.
    leave, arrive = _MEETS[kind]
    high = _along(above, row["target"], row["target"], arrive)
    low = 0.25 + 0.5 * high if row["low"] == INPUT else _along(below, row["low"], row["high"], leave)
    if row["target"] == SHARED:
        high = 0.25 + 0.5 * low
    begin = row["layer"] - 1 + below["half"].iloc[0] + _FROM_BLOCK
    end = row["layer"] - above["half"].iloc[0] - _TO_BLOCK
    along = np.linspace(0, 1, _CURVE_POINTS)
    return {
        "type": "scatter",
        "x": begin + (end - begin) * along,
        "y": low + (high - low) * along * along * (3 - 2 * along),
        "mode": "lines",
        "name": _KINDS[kind],
        "line": {"width": 1 + 7 * (row["weights"] / most) ** 0.5, **_bundle_look(kind, row, theme)},
        "opacity": opacity * (0.85 if kind is Kind.INTERFERENCE else 0.6),
        "text": [_bundle_in_words(row, kind)] * _CURVE_POINTS,
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }


def _along(column: pd.DataFrame, low: int, high: int, share: float) -> float:
    """A place beside the neurons of some owners, from 0 at their top to 1 at their bottom."""
    places = column["y"][column["owner"].between(low, high)]
    return places.min() + share * (places.max() - places.min())


def _bundle_look(kind: Kind, row: Mapping[str, Any], theme: Theme) -> dict[str, Any]:
    owner = row["target"] if row["target"] > FREE_OWNER else row["low"]
    return {
        Kind.FREE: {"color": FREE[theme]},
        Kind.TRANSFER: {"color": _TRANSFER[theme], "dash": "dot"},
        Kind.INTERFERENCE: {"color": _CUT[theme], "dash": "dash"},
    }.get(kind) or {"color": task_colour(max(owner, 1), theme), "dash": "dashdot" if kind is Kind.REUSE else "solid"}


def _bundle_in_words(row: Mapping[str, Any], kind: Kind) -> str:
    owners = _owners_in_words(row["low"], row["high"])
    to = {FREE_OWNER: "free neurons", SHARED: "the output"}.get(row["target"], f"neurons of task {row['target']}")
    text = f"<b>{_KINDS[kind]}</b><br>{row['weights']:,} weights from {owners} to {to}"
    if kind is Kind.INTERFERENCE:
        text += f"<br>{row['cut']:,} links were not 0 when they were cut, together |w| = {row['cut_sum']:.3g}"
    return text


def _owners_in_words(low: int, high: int) -> str:
    if low == INPUT:
        return "the input"
    if low == FREE_OWNER:
        return "free neurons"
    return f"neurons of task {low}" if low == high else f"neurons of tasks {low} to {high}"


def _kind_in_legend(kind: Kind, theme: Theme) -> dict[str, Any]:
    look = _bundle_look(kind, {"target": FREE_OWNER, "low": 1}, theme)
    if kind in (Kind.ACTIVE, Kind.REUSE):
        look["color"] = INK[theme]
    nowhere = {"type": "scatter", "x": [None], "y": [None], "mode": "lines"}
    return nowhere | {"name": _KINDS[kind], "line": {"width": 3, **look}}


def _neurons(rows: pd.DataFrame, owner: int, output: int, theme: Theme) -> dict[str, Any]:
    """The neurons of one owner, in all layers."""
    whose = {FREE_OWNER: (FREE[theme], "free", "circle"), SHARED: (_OUTPUT[theme], "output", "square")}
    colour, name, symbol = whose.get(owner) or (task_colour(owner, theme), f"task {owner}", "circle")
    about = {FREE_OWNER: "<br>no task has claimed it", SHARED: "<br>read by all tasks"}.get(owner, "")
    return {
        "type": "scatter",
        "x": rows["x"],
        "y": rows["y"],
        "mode": "markers",
        "name": name,
        "marker": {
            "color": colour,
            "size": rows["dot"],
            "symbol": symbol,
            "opacity": rows["opacity"],
            "line": {"width": 0},
        },
        "customdata": [
            None if layer == output else f"{layer}:{neuron}"
            for layer, neuron in zip(rows["layer"], rows["neuron"], strict=True)
        ],
        "hoverlabel": {"align": "left"},
        "text": list(map(_neuron_in_words, *(rows[column].tolist() for column in _TOLD))),
        "hovertemplate": f"%{{text}}{about}<extra></extra>",
        "showlegend": False,
    }


_TOLD = ("name", "neuron", "owner", "activity", "inputs", "sketch")


def _neuron_in_words(name: str, neuron: int, owner: int, activity: str, inputs: str, sketch: str) -> str:
    lines = [f"<b>{name}, neuron {neuron}</b>"]
    if owner > FREE_OWNER:
        lines.append(f"claimed by task {owner}")
    if activity:
        lines += ["mean activity", *_broken(activity), "strongest inputs", *_broken(inputs)]
    if sketch:
        lines += ["looks at", sketch]
    return "<br>".join(lines)


def _broken(text: str) -> list[str]:
    """A list in words, three to a line."""
    parts = text.split(", ")
    return [", ".join(parts[place : place + 3]) for place in range(0, len(parts), 3)]


def _stepped_back(shown: pd.DataFrame, related: Related | None) -> np.ndarray | float:
    """How opaque each neuron is: those that have nothing to do with the one that is looked at are pale."""
    if related is None:
        return 1.0
    family = [above | below for above, below in zip(related.ancestors, related.descendants, strict=True)]
    family[related.layer][related.neuron] = True
    is_of_it = [family[layer][neuron] for layer, neuron in zip(shown["layer"], shown["neuron"], strict=True)]
    return np.where(is_of_it, 1.0, 0.18)


def _place_of(layer: int, neuron: int, columns: Mapping[int, pd.DataFrame]) -> tuple[float, float]:
    """Where a neuron is drawn; of one left out, the nearest that stands for it."""
    column = columns[layer]
    if layer == 0:
        return 0.0, 0.5
    nearest = (column["neuron"] - neuron).abs().argmin()
    return column["x"].iloc[nearest], column["y"].iloc[nearest]


def _link(row: Mapping[str, Any], columns: Mapping[int, pd.DataFrame], theme: Theme) -> dict[str, Any]:
    ends = ((int(row[f"{end}layer"]), int(row[f"{end}neuron"])) for end in ("from_", ""))
    (left, low), (right, high) = (_place_of(layer, neuron, columns) for layer, neuron in ends)
    return {
        "type": "scatter",
        "x": [left, right],
        "y": [low, high],
        "mode": "lines",
        "name": "strongest links",
        "line": {"width": 1.25, "color": INK[theme]},
        "opacity": 0.55,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _ring(related: Related, columns: Mapping[int, pd.DataFrame], theme: Theme) -> dict[str, Any]:
    x, y = _place_of(related.layer, related.neuron, columns)
    return {
        "type": "scatter",
        "x": [x],
        "y": [y],
        "mode": "markers",
        "name": f"neuron {related.neuron}",
        "marker": {"symbol": "circle-open", "size": 17, "color": INK[theme], "line": {"width": 3}},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _owner_numbers(columns: Mapping[int, pd.DataFrame], theme: Theme) -> list[dict[str, Any]]:
    """The tasks' numbers beside their neurons, where there is room: colour is not the only sign."""
    numbers = []
    for layer, column in columns.items():
        last = -1.0
        for owner, places in column.groupby("owner")["y"]:
            middle = (places.min() + places.max()) / 2
            if owner in (INPUT, SHARED) or abs(middle - last) < _LEAST_APART:
                continue
            last = middle
            numbers.append(
                {
                    "x": layer - column["half"].iloc[0],
                    "y": middle,
                    "xanchor": "right",
                    "text": f"{owner}" if owner else "free",
                    "font": {"size": 11, "weight": 600, "color": task_colour(owner, theme) if owner else INK[theme]},
                    "showarrow": False,
                }
            )
    return numbers


def weight_classes(
    target: Sequence[int],
    source: Sequence[int],
    names: Sequence[str],
    layer: int,
    theme: Theme = "light",
    *,
    not_cut: int | None = None,
) -> go.Figure:
    """The weights between two layers as a matrix, coloured by what they are; neurons sorted by owner (section 2.1).

    Colours are those of the tasks that own the weights, hatched ones are exactly 0. The matrix is one image, so that
    2000 x 2000 weights are drawn at once.

    Parameters
    ----------
    target, source : int arrays [n], [k]
        Owners of the upper and the lower layer, as `Anatomy.owners_at` gives them.
    names : sequence of str
        Of all layers, the input first.
    layer : int
        The place of the upper one among them.
    theme : {"light", "dark"}
    not_cut : int, optional
        The task whose interference is shown as it was before it was severed.

    Returns
    -------
    Figure
        The customdata of the strips along the edges are the hidden neurons' layers and places there, such as "2:17".
    """
    target, source = np.asarray(target), np.asarray(source)
    rows, columns = by_owner(target), by_owner(source)
    upper, lower = names[layer], names[layer - 1]
    height, width = max(len(target), 1), max(len(source), 1)
    picture = {
        "source": _weights_picture(target[rows], source[columns], theme, not_cut),
        "xref": "x",
        "yref": "y",
        "x": 0,
        "y": 0,
        "sizex": width,
        "sizey": height,
        "sizing": "stretch",
        "layer": "below",
    }
    traces = [
        _blocks(target[rows], source[columns], (upper, lower), not_cut)
        | {"hoverlabel": {"align": "left", "bgcolor": _BACKGROUND[theme], "font": {"color": INK[theme]}}},
        _strip(source, columns, names, layer - 1, theme) | {"yaxis": "y2"},
        _turned(_strip(target, rows, names, layer, theme)) | {"xaxis": "x2"},
        *(_class_in_legend(kind, zero, theme) for kind, zero in _in_legend(target, source, not_cut)),
    ]
    bare = {"showgrid": False, "showticklabels": False, "ticks": ""}
    across, down = (_axis_of(name, size) for name, size in ((lower, len(source)), (upper, len(target))))
    layout = {
        "xaxis": {"title": {"text": across}, "domain": [0.03, 1], "range": [0, width], **bare},
        "yaxis": {"title": {"text": down}, "domain": [0, 0.955], "range": [height, 0], **bare},
        "xaxis2": {"domain": [0, 0.02], "fixedrange": True, "range": [0, 1], **bare},
        "yaxis2": {"domain": [0.97, 1], "fixedrange": True, "range": [0, 1], **bare},
        "images": [picture],
        "legend": {"title": {"text": ""}, "y": -0.12, "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
        "barmode": "overlay",
        "margin": {"l": 40},
    }
    return _figure(traces, layout, f"Weights into {upper}, by class", 560, theme)


_KINDS = {
    Kind.ACTIVE: "active, frozen",
    Kind.FREE: "free",
    Kind.INTERFERENCE: "interference",
    Kind.SEVERED: "severed",
    Kind.REUSE: "reuse of earlier tasks",
    Kind.TRANSFER: "free, reads active neurons (transfer)",
}
_MEETS = {  # where a bundle leaves and reaches neurons, as shares of their span
    Kind.ACTIVE: (0.5, 0.35),
    Kind.REUSE: (0.5, 0.65),
    Kind.INTERFERENCE: (0.3, 0.5),
    Kind.TRANSFER: (0.5, 0.4),
    Kind.FREE: (0.6, 0.6),
}
_CURVE_POINTS = 16
_FROM_BLOCK, _TO_BLOCK = 0.02, 0.1  # from the neurons to a bundle's ends, with room for the owner's number
_LEAST_APART = 0.026  # of two numbers, of the height
_ZERO = (Kind.INTERFERENCE, Kind.SEVERED)
_HATCHES = {Kind.INTERFERENCE: "/", Kind.SEVERED: "\\", Kind.REUSE: "-", Kind.TRANSFER: "."}
_LEAST_PIXELS = 600  # of an edge of the image: fewer would be blurred where they are enlarged
_CELLS = (64, 96)  # of a hatch, down and across
_TURNS = len(_HUES) * len(_INK_SHARES)
# Colours of the image by their place in its palette, those of the tasks after five others: of the ground, and of lines.
_PLAIN = 5
_GROUNDS = {Kind.FREE: 1, Kind.TRANSFER: 1}
_LINES = {Kind.TRANSFER: 2, Kind.INTERFERENCE: 3, Kind.SEVERED: 4}
_DOWN, _ACROSS = np.ogrid[: _CELLS[0], : _CELLS[1]]
_HATCHED = {
    Kind.INTERFERENCE: (_DOWN + _ACROSS) % 3 == 0,
    Kind.SEVERED: (_DOWN - _ACROSS) % 3 == 0,
    Kind.REUSE: (_DOWN % 2 == 0) & (_ACROSS >= 0),
    Kind.TRANSFER: (_DOWN % 2 == 0) & (_ACROSS % 2 == 0),
}


def _axis_of(name: str, neurons: int) -> str:
    return f"{name.capitalize()}: {neurons} {'inputs' if name == 'input' else 'neurons'}, sorted by owner"


def _weights_picture(target: np.ndarray, source: np.ndarray, theme: Theme, not_cut: int | None) -> str:
    """The matrix of sorted neurons as a PNG in a data URI; colours by a palette, so that it is small."""
    tall, wide = (max(1, -(-_LEAST_PIXELS // max(len(each), 1))) for each in (target, source))
    pixels = np.zeros((len(target) * tall, len(source) * wide), np.uint8)
    (rows, tops, _), (columns, lefts, _) = _runs(target), _runs(source)
    kind = kinds(rows, columns)
    # The hatches have so many lines, however many weights there are.
    cells = [np.arange(size) * count // size for size, count in zip(pixels.shape, _CELLS, strict=True)]
    hatches = {which: hatch[cells[0]][:, cells[1]] for which, hatch in _HATCHED.items() if (kind == which).any()}
    for at, to in np.ndindex(kind.shape):
        place = np.s_[tops[at] * tall : tops[at + 1] * tall, lefts[to] * wide : lefts[to + 1] * wide]
        which = Kind(kind[at, to])
        if which is Kind.INTERFERENCE and rows[at] == not_cut:
            pixels[place] = _LINES[which]
            continue
        owner = columns[to] if rows[at] == SHARED else rows[at]
        own = _PLAIN + (owner - 1) % _TURNS
        pixels[place] = own if which is Kind.ACTIVE else _GROUNDS.get(which, 0)
        if which in hatches:
            np.copyto(pixels[place], np.uint8(_LINES.get(which, own)), where=hatches[which][place])
    image = Image.fromarray(pixels, "P")
    plain = [_BACKGROUND, FREE, _READING, _CUT, _SEVERED]
    tasks = [task_colour(task, theme) for task in range(1, _TURNS + 1)]
    image.putpalette([part for colour in [*(each[theme] for each in plain), *tasks] for part in hex_to_rgb(colour)])
    file = BytesIO()
    image.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


_SEVERED = {"light": "#9AA0AC", "dark": "#6B7280"}
_READING = {"light": "#AEB4BF", "dark": "#7A8190"}


def _blocks(target: np.ndarray, source: np.ndarray, names: tuple[str, str], not_cut: int | None) -> dict[str, Any]:
    """What the mouse finds over the image: one cell for each pair of owners, which cannot be seen itself."""
    (rows, tops, tall), (columns, lefts, wide) = (_runs(owners) for owners in (target, source))
    kind = kinds(rows, columns)
    words = [
        [
            _block_in_words(Kind(kind[at, to]), row, column, tall[at] * wide[to], names, not_cut)
            for to, column in enumerate(columns.tolist())
        ]
        for at, row in enumerate(rows.tolist())
    ]
    return {
        "type": "heatmap",
        "x": lefts,
        "y": tops,
        "z": np.outer(tall, wide),
        "opacity": 0,
        "showscale": False,
        "name": "weights",
        "text": words,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _runs(owners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted owners as runs: who, the edges between them, and how long they are."""
    edges = np.concatenate(([0], np.flatnonzero(np.diff(owners)) + 1, [len(owners)]))
    return owners[edges[:-1]], edges, np.diff(edges)


def _block_in_words(
    kind: Kind, target: int, source: int, links: int, names: tuple[str, str], not_cut: int | None
) -> str:
    upper, lower = names
    to = {FREE_OWNER: "free neurons", SHARED: "all outputs"}.get(target, f"neurons of task {target}")
    of_lower = "" if source == INPUT else f" of {lower}"
    text = f"<b>{_KINDS[kind]}</b><br>{links:,} links from {_owners_in_words(source, source)}{of_lower}"
    text += f"<br>to {to} of {upper}"
    if kind is Kind.INTERFERENCE and target == not_cut:
        return f"{text}<br>as training left them, before they are cut"
    return f"{text}<br>exactly 0" if kind in _ZERO else text


def _strip(owners: np.ndarray, places: np.ndarray, names: Sequence[str], layer: int, theme: Theme) -> dict[str, Any]:
    """Who owns a layer's neurons, in the order of `places`, as a strip to be hovered and clicked neuron by neuron."""
    colours = [_OUTPUT[theme], FREE[theme], *(task_colour(task, theme) for task in range(1, _TURNS + 1))]
    owners, is_hidden = owners[places], 0 < layer < len(names) - 1
    shade = np.where(owners < FREE_OWNER, 0, np.where(owners == FREE_OWNER, 1, 2 + (owners - 1) % _TURNS))
    steps = [(edge / len(colours), colour) for place, colour in enumerate(colours) for edge in (place, place + 1)]
    whose = [_owner_in_words(owner) for owner in owners.tolist()]
    return {
        "type": "heatmap",
        "x": np.arange(len(owners)) + 0.5,
        "y": [0.5],
        "z": [shade],
        "zmin": -0.5,
        "zmax": len(colours) - 0.5,
        "colorscale": steps,
        "showscale": False,
        "name": names[layer],
        "customdata": [[f"{layer}:{place}" if is_hidden else None for place in places.tolist()]],
        "text": [[f"{place}: {who}" for place, who in zip(places.tolist(), whose, strict=True)]],
        "hovertemplate": f"{names[layer]}, {'neuron' if is_hidden else 'number'} %{{text}}<extra></extra>",
        "hoverlabel": {"bgcolor": _BACKGROUND[theme], "font": {"color": INK[theme]}},
    }


def _turned(strip: Mapping[str, Any]) -> dict[str, Any]:
    """The same strip upright."""
    cells = {name: [[each] for each in strip[name][0]] for name in ("z", "customdata", "text")}
    return {**strip, "x": strip["y"], "y": strip["x"], **cells}


def _owner_in_words(owner: int) -> str:
    return {INPUT: "nobody's", FREE_OWNER: "free", SHARED: "read by all tasks"}.get(owner, f"task {owner}")


def _in_legend(target: np.ndarray, source: np.ndarray, not_cut: int | None) -> list[tuple[Kind, bool]]:
    """Which kinds there are, and whether they are 0."""
    (rows, *_), (columns, *_) = (np.unique(owners, return_index=True) for owners in (target, source))
    there = kinds(rows, columns)
    shown = [(kind, kind in _ZERO) for kind in Kind if (there == kind).any()]
    if not_cut and (there[rows == not_cut] == Kind.INTERFERENCE).any():
        shown.append((Kind.INTERFERENCE, False))
    return shown


def _class_in_legend(kind: Kind, zero: bool, theme: Theme) -> dict[str, Any]:
    colour = {
        Kind.FREE: FREE,
        Kind.TRANSFER: _READING,
        Kind.INTERFERENCE: _CUT,
        Kind.SEVERED: _SEVERED,
    }.get(kind, {theme: ACTIVE})[theme]
    hatch = _HATCHES.get(kind, "") if zero or kind not in _ZERO else ""
    ground = FREE[theme] if kind is Kind.TRANSFER else _BACKGROUND[theme]
    return {
        "type": "bar",
        "x": [None],
        "y": [None],
        "name": _KINDS[kind] + (" (exactly 0)" if zero else ", not cut yet" if kind in _ZERO else ""),
        "marker": {
            "color": ground if hatch else colour,
            "pattern": {"shape": hatch, "fgcolor": colour, "bgcolor": ground, "size": 5},
            "line": {"color": colour, "width": 1},
        },
    }


def neuron_activity(activity: Sequence[float], owner: int, theme: Theme = "light") -> go.Figure:
    """Mean activity of one neuron on the training images of each task that can read it.

    Parameters
    ----------
    activity : sequence of float
        Per task, nan where the task's network does not have the neuron.
    owner : int
        The task that claimed it, 0 if none did.
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
            "dtick": -(-max(len(tasks), 1) // _MOST_NUMBERED_TASKS),
            "range": [0.4, len(tasks) + 0.6],
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "Mean activity"}, "rangemode": "tozero"},
        "margin": {"t": 44, "b": 44},
    }
    return _figure([bars], layout, "Activity per task", 220, theme)


def looks_at(image: np.ndarray, theme: Theme = "light", *, signed: bool = True) -> go.Figure:
    """What a neuron looks at.

    Parameters
    ----------
    image : float array [channels, height, width]
        As `Anatomy.looks_at` gives it; channels are drawn side by side.
    theme : {"light", "dark"}
    signed : bool
        Whether these are weights, which excite or inhibit; else magnitudes.
    """
    channels, height, width = image.shape
    tiles = np.full((height, channels * (width + 1) - 1), np.nan)
    for channel, tile in enumerate(image):
        tiles[:, channel * (width + 1) : channel * (width + 1) + width] = tile
    most = float(np.abs(image).max()) or 1.0
    ground = _BACKGROUND[theme]
    weights = {"zmin": -most, "colorscale": [(0, "#D55E00"), (0.5, ground), (1, "#0072B2")]}
    magnitudes = {"zmin": 0.0, "colorscale": [(0, ground), (1, _TRADE_OFF[theme]["own"])]}
    cells = {
        "type": "heatmap",
        "z": tiles,
        "zmax": most,
        **(weights if signed else magnitudes),
        "name": "weight" if signed else "magnitude",
        "hoverongaps": False,
        "hovertemplate": "row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        "colorbar": {"thickness": 8, "outlinewidth": 0, "nticks": 3, "tickformat": ".2~g"},
    }
    bare = {"showgrid": False, "ticks": "", "showticklabels": False}
    layout = {
        "xaxis": {"title": {"text": "Red, green, blue" if channels == 3 else "Column"}, "constrain": "domain", **bare},
        "yaxis": {"title": {"text": "Row"}, "autorange": "reversed", "scaleanchor": "x", "constrain": "domain", **bare},
        "margin": {"t": 44, "b": 36, "l": 40},
    }
    return _figure([cells], layout, "What it looks at", 270, theme)


def permuted_images(
    images: Sequence[Sequence[float]], permutations: Sequence[Sequence[int]], task: int, theme: Theme = "light"
) -> go.Figure:
    """The same square images as task 1 sees them and as another task does.

    Parameters
    ----------
    images : [N, pixels]
        One of each class, in the order of the classes; 0 is the ground.
    permutations : [tasks, pixels]
        Task t sees pixel permutations[t - 1][i] at place i.
    task : int
    theme : {"light", "dark"}
    """
    pixels = np.asarray(images, dtype=float)
    count, side = len(pixels), int(np.sqrt(pixels.shape[1]))
    step = side + 1  # an empty pixel between two images
    cells = np.full((2 * step - 1, count * step - 1), np.nan)
    for row, number in enumerate((1, task)):
        for column, image in enumerate(pixels):
            seen = image[np.asarray(permutations[number - 1])].reshape(side, side)
            cells[row * step :, column * step :][:side, :side] = seen
    ground, ink = FREE[theme] if theme == "light" else "#262A33", INK[theme]
    drawn = {
        "type": "heatmap",
        "z": cells,
        "name": "brightness",
        "colorscale": ((0.0, ground), (1.0, ink)),
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "brightness %{z}<extra></extra>",
    }
    middle = (side - 1) / 2
    layout = {
        "xaxis": {
            "title": {"text": "Digit"},
            "tickvals": [middle + step * place for place in range(count)],
            "ticktext": [str(place) for place in range(count)],
            "constrain": "domain",
            "showgrid": False,
        },
        "yaxis": {
            "title": {"text": "As seen by"},
            "tickvals": [middle, middle + step],
            "ticktext": ["task 1", f"task {task}"],
            "range": [2 * step - 1.5, -0.5],
            "scaleanchor": "x",
            "constrain": "domain",
            "showgrid": False,
        },
        "margin": {"l": 70, "b": 60},
    }
    return _figure([drawn], layout, "The same digits, seen by two tasks", 320, theme)


def accuracy_on_first(
    curves: Mapping[str, Sequence[float]],
    bet: float | None = None,
    tasks: int | None = None,
    lowest: float = 0.0,
    theme: Theme = "light",
) -> go.Figure:
    """Accuracy on task 1 after every task.

    Parameters
    ----------
    curves : mapping
        What they are → test accuracy, a fraction, after task 1, 2, ...
    bet : float, optional
        What somebody expects after the last task, a fraction.
    tasks : int, optional
        Tasks there will be; as many as the longest curve has if not given.
    lowest : float
        Where the axis begins, a fraction.
    theme : {"light", "dark"}
    """
    last = tasks or max(map(len, curves.values()))
    looks = zip((_TRADE_OFF[theme]["own"], INTERFERENCE), ("solid", "dash"), ("circle", "diamond"), strict=True)
    traces = [
        {
            "x": list(range(1, len(reached) + 1)),
            "y": 100 * np.asarray(reached),
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 2.5, "dash": dash},
            "marker": {"size": 9, "symbol": symbol},
            "hovertemplate": f"{name}<br>after task %{{x}}: %{{y:.1f}} % of task 1's images are right<extra></extra>",
        }
        for (name, reached), (colour, dash, symbol) in zip(curves.items(), looks, strict=False)
    ]
    if bet is not None:
        traces.append(
            {
                "x": [last],
                "y": [100 * bet],
                "name": "your bet",
                "mode": "markers",
                "marker": {"size": 16, "symbol": "star", "color": _THETA[theme]},
                "hovertemplate": "your bet: %{y:.0f} %<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "After learning task"}, "range": [0.8, last + 0.2], "dtick": 1, "showgrid": False},
        "yaxis": {"title": {"text": "Test accuracy on task 1 (%)"}, "range": [100 * lowest, 100 + 2 * (1 - lowest)]},
        "hovermode": "closest",
        "showlegend": True,
        **_UNTITLED_LEGEND,
    }
    return _figure([{"type": "scatter", **trace} for trace in traces], layout, "What is left of task 1", 420, theme)


def between_tasks(line: Mapping[str, Any], place: int, theme: Theme = "light") -> go.Figure:
    """Accuracy on tasks 1 and 2 of networks on the straight line between the weights of the one and of the other.

    Parameters
    ----------
    line : mapping
        share (of the way, 0 to 1), task_1 and task_2 (test accuracies, fractions), all of the same length.
    place : int
        Which of them is looked at.
    theme : {"light", "dark"}
    """
    way = 100 * np.asarray(line["share"])
    traces = []
    for task, dash, symbol in ((1, "solid", "circle"), (2, "dash", "diamond")):
        reached = 100 * np.asarray(line[f"task_{task}"])
        colour = task_colour(task, theme)
        hover = f"%{{x:.0f}} % of the way: %{{y:.1f}} % of task {task}'s images are right<extra></extra>"
        shared = {"type": "scatter", "legendgroup": f"{task}", "hovertemplate": hover}
        look = {"color": colour, "width": 2.5, "dash": dash}
        traces.append(shared | {"x": way, "y": reached, "name": f"{task}", "mode": "lines", "line": look})
        mark = {"size": 13, "symbol": symbol, "color": colour, "line": {"width": 2, "color": INK[theme]}}
        here = {"x": way[[place]], "y": reached[[place]], "mode": "markers", "marker": mark, "showlegend": False}
        traces.append(shared | here | {"name": f"{task}, here"})
    here = {"type": "line", "x0": way[place], "x1": way[place], "y0": 0, "y1": 1, "yref": "paper"}
    layout = {
        "xaxis": {"title": {"text": "Way from task 1's weights to task 2's (%)"}, "range": [-2, 102]},
        "yaxis": {"title": {"text": "Test accuracy (%)"}, "range": [0, 102]},
        "shapes": [here | {"line": {"color": _THETA[theme], "width": 2}, "layer": "below"}],
        "hovermode": "closest",
    }
    return _figure(traces, layout, "Between two tasks", 420, theme)


def neurons_needed(candidates: pd.DataFrame, place: int, theme: Theme = "light") -> go.Figure:
    """Accuracy and the neurons that it takes, for each λ.

    Parameters
    ----------
    candidates : table
        A row for each λ: lambda, accuracy (validation, a fraction) and for each hidden layer, in a column of its name,
        the neurons.
    place : int
        Which of them is looked at.
    theme : {"light", "dark"}
    """
    names = [name for name in candidates if name not in ("lambda", "accuracy")]
    ticks = [f"{value:g}" for value in candidates["lambda"]]
    sizes = np.where(np.arange(len(ticks)) == place, 15, 8)
    curve = {
        "type": "scatter",
        "x": ticks,
        "y": 100 * candidates["accuracy"],
        "name": "accuracy",
        "mode": "lines+markers",
        "line": {"color": INK[theme], "width": 1.5},
        "marker": {"size": sizes, "color": INK[theme]},
        "showlegend": False,
        "hovertemplate": "λ = %{x}: validation accuracy %{y:.1f} %<extra></extra>",
    }
    bars = [
        {
            "type": "bar",
            "x": ticks,
            "y": candidates[name],
            "yaxis": "y2",
            "name": name,
            "marker": {
                "color": colour,
                "opacity": np.where(np.arange(len(ticks)) == place, 1.0, 0.45),
                "pattern": {"shape": pattern, "fgcolor": _BACKGROUND[theme], "fillmode": "overlay"},
                "line": {"width": 0},
            },
            "text": candidates[name],
            "textposition": "outside",
            "textangle": 0,
            "constraintext": "none",
            "cliponaxis": False,
            "hovertemplate": f"λ = %{{x}}: %{{y}} neurons of {name}<extra></extra>",
        }
        for name, colour, pattern in zip(names, (ACTIVE, _HUES[4]), ("", "/"), strict=False)
    ]
    layout = {
        "xaxis": {"title": {"text": "λ of layer 2"}, "type": "category", "anchor": "y2", "showgrid": False},
        "yaxis": {"title": {"text": "Accuracy (%)"}, "domain": [0.64, 1], "range": [90, 100]},
        "yaxis2": {
            "title": {"text": "Neurons needed"},
            "domain": [0, 0.55],
            "range": [0, 1.15 * candidates[names].to_numpy().max()],
        },
        "barmode": "group",
        "bargap": 0.2,
        **_UNTITLED_LEGEND,
    }
    return _figure([curve, *bars], layout, "Accuracy, and the neurons it takes", 460, theme)


def partition_sketch(
    sizes: Sequence[int],
    claimed: Sequence[int],
    active: Sequence[Sequence[float]],
    theta: float,
    theme: Theme = "light",
) -> go.Figure:
    """The partition as a small diagram: some neurons of each layer, and the weights between them (Fig. 1).

    Parameters
    ----------
    sizes : sequence of int
        Inputs, neurons of each hidden layer, outputs.
    claimed : sequence of int
        Active neurons of each hidden layer, of all there are.
    active : sequence of sequence of float
        Mean activity of the neurons that are shown, per hidden layer.
    theta : float
        Neurons above it are active.
    theme : {"light", "dark"}
    """
    hidden = [np.asarray(layer) > theta for layer in active]
    # Inputs and outputs belong to what is active.
    layers = [np.ones(_SKETCHED_ENDS, bool), *hidden, np.ones(_SKETCHED_ENDS, bool)]
    heights = [np.linspace(1, 0, len(layer)) if len(layer) > 1 else np.array([0.5]) for layer in layers]
    edges: dict[str, list[tuple[int, int, int]]] = {"free": [], "active": [], "interference": []}
    for place, (source, target) in enumerate(pairwise(layers)):
        for below, above in product(range(len(source)), range(len(target))):
            kind = "free" if not target[above] else "active" if source[below] else "interference"
            edges[kind].append((place, below, above))
    counts = _weights_by_class(sizes, claimed)
    colours = {"free": _TRADE_OFF[theme]["other"], "active": _TRADE_OFF[theme]["own"], "interference": INTERFERENCE}
    traces = []
    for kind, dash, width in (("free", "solid", 0.75), ("active", "solid", 1.25), ("interference", "dash", 1.75)):
        x = [each for place, _, _ in edges[kind] for each in (place, place + 0.5, place + 1, None)]
        ends = [(heights[place][below], heights[place + 1][above]) for place, below, above in edges[kind]]
        y = [each for low, high in ends for each in (low, (low + high) / 2, high, None)]
        traces.append(
            {
                "x": x or [None],
                "y": y or [None],
                "mode": "lines",
                "name": f"{kind}: {counts[kind]:,} weights",
                "line": {"color": colours[kind], "width": width, "dash": dash},
                "hovertemplate": f"{kind} weight: {_MEANINGS[kind]}<extra></extra>",
            }
        )
    told = [["input"] * _SKETCHED_ENDS, *([f"activity {value:.3g}" for value in layer] for layer in active)]
    told.append(["output"] * _SKETCHED_ENDS)
    neurons = [
        (place, height, about, is_active)
        for place, layer in enumerate(zip(heights, told, layers, strict=True))
        for height, about, is_active in zip(*layer, strict=True)
    ]
    for wanted, name, symbol in ((True, "active", "circle"), (False, "inactive", "x")):
        x, y, about, _ = zip(*(each for each in neurons if each[-1] == wanted), strict=True)
        look = {"size": 19, "symbol": symbol, "line": {"width": 1.5, "color": INK[theme]}}
        traces.append(
            {
                "x": x,
                "y": y,
                "mode": "markers",
                "name": f"{name} neuron",
                "marker": look | {"color": _TRADE_OFF[theme]["own"] if wanted else FREE[theme]},
                "customdata": about,
                "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
            }
        )
    names = ["input", *(f"layer {number}" for number in range(1, len(hidden) + 1)), "output"]
    layout = {
        "xaxis": {
            "title": {"text": "Layer"},
            "tickvals": list(range(len(layers))),
            "ticktext": [
                f"{name}<br>{size}" if count is None else f"{name}<br>{count} of {size} active"
                for name, size, count in zip(names, sizes, (None, *claimed, None), strict=True)
            ],
            "range": [-0.2, len(layers) - 0.8],
            "showgrid": False,
        },
        "yaxis": {"visible": False, "range": [-0.08, 1.08]},
        "hovermode": "closest",
        "margin": {"l": 12, "b": 130},
        **_merged(_UNTITLED_LEGEND, {"legend": {"y": -0.26}}),
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return _figure(traces, layout, "The partition", 470, theme)


_SKETCHED_ENDS = 5
_MEANINGS = {
    "free": "into an inactive neuron; the next task trains it",
    "active": "between active neurons; frozen from now on",
    "interference": "from an inactive neuron into an active one; to be cut",
}


def _weights_by_class(sizes: Sequence[int], claimed: Sequence[int]) -> dict[str, int]:
    """All weights of a network that has learned one task, the outputs being the task's own."""
    active = [sizes[0], *claimed, sizes[-1]]
    counts = {"free": 0, "active": 0, "interference": 0}
    for (below, size_below), (above, size_above) in pairwise(zip(active, sizes, strict=True)):
        counts["free"] += (size_above - above) * size_below
        counts["active"] += above * below
        counts["interference"] += above * (size_below - below)
    return counts


def answers_compared(
    methods: Mapping[str, Sequence[Sequence[float]]], task: int, label: int, theme: Theme = "light"
) -> go.Figure:
    """What networks answer for one image of task 1: when they had learned it, and after a later task.

    Parameters
    ----------
    methods : mapping
        What they are, two of them → the outputs (logits) [tasks, classes] for the image after task 1, 2, ...
    task : int
        The later task.
    label : int
        What the image shows.
    theme : {"light", "dark"}
    """
    traces, notes = [], []
    spans = ((0.0, 0.47), (0.53, 1.0))
    for place, (name, answers) in enumerate(methods.items()):
        before, after = np.asarray(answers[0]), np.asarray(answers[task - 1])
        axis = f"x{place + 1 if place else ''}"
        classes = list(range(len(before)))
        shared = {"x": classes, "xaxis": axis, "showlegend": not place}
        traces.append(
            shared
            | {
                "type": "bar",
                "y": after,
                "name": f"after task {task}",
                "legendgroup": "after",
                "marker": {"color": _TRADE_OFF[theme]["own"], "line": {"width": 0}},
                "hovertemplate": f"{name}, after task {task}: output %{{x}} is %{{y:.4f}}<extra></extra>",
            }
        )
        traces.append(
            shared
            | {
                "type": "scatter",
                "y": before,
                "name": "when it had learned task 1",
                "legendgroup": "before",
                "mode": "markers",
                "marker": {"symbol": "line-ew", "size": 15, "line": {"width": 3, "color": _THETA[theme]}},
                "hovertemplate": f"{name}, after task 1: output %{{x}} is %{{y:.4f}}<extra></extra>",
            }
        )
        same = int(np.count_nonzero(before == after))
        notes.append(
            {
                "text": f"<b>{name}</b><br>{same} of {len(before)} the same, says {after.argmax()}",
                "xref": "paper",
                "x": spans[place][0],
                "xanchor": "left",
                "yref": "paper",
                "y": 1,
                "yanchor": "bottom",
                "align": "left",
                "showarrow": False,
            }
        )
    ticks = {"dtick": 1, "showgrid": False, "range": [-0.6, 9.6]}
    layout = {
        "xaxis": {"title": {"text": f"Output; the digit is a {label}"}, "domain": spans[0], **ticks},
        "xaxis2": {"title": {"text": "Output"}, "domain": spans[1], "anchor": "y", **ticks},
        "yaxis": {"title": {"text": "Logit"}, "range": _span([each for rows in methods.values() for each in rows])},
        "annotations": notes,
        "margin": {"t": 100},
        "hovermode": "closest",
        **_UNTITLED_LEGEND,
    }
    return _figure(traces, layout, "What is answered for one image of task 1", 440, theme)


def _span(values: Sequence[Sequence[float]]) -> list[float]:
    """A range that holds all of them and 0, with some room."""
    low, high = min(0.0, np.min(values)), max(0.0, np.max(values))
    return [low - 0.06 * (high - low), high + 0.06 * (high - low)]


def filling(sequences: Sequence[Mapping[str, Any]], place: int, theme: Theme = "light") -> go.Figure:
    """A network that is filled with tasks: how well each was learned, and how many neurons were free after it.

    Parameters
    ----------
    sequences : sequence of mapping
        One for each m: margin (a fraction), accuracy (test accuracy on task 1, 2, ..., fractions) and layers, as in a
        summary: name, width and free_after.
    place : int
        Which of them is looked at.
    theme : {"light", "dark"}
    """
    traces = []
    order = [*(each for each in range(len(sequences)) if each != place), place]  # what is looked at lies on top
    for number in order:
        sequence, is_own = sequences[number], number == place
        last = sequence["layers"][-1]
        tasks = list(range(1, len(sequence["accuracy"]) + 1))
        colours = _TRADE_OFF[theme]
        look = {
            "x": tasks,
            "name": f"m = {100 * sequence['margin']:g}",
            "legendgroup": f"{number}",
            "legendrank": number,
            "mode": "lines+markers",
            "line": {
                "color": colours["own"] if is_own else colours["other"],
                "width": 3 if is_own else 1.25,
                "dash": ("solid", *_DASHES)[number],
            },
            "marker": {"symbol": _SYMBOLS[number], "size": 9 if is_own else 5},
        }
        hover = f"m = {100 * sequence['margin']:g} points, task %{{x}}: "
        traces.append(
            look
            | {
                "y": 100 * np.asarray(sequence["accuracy"]),
                "hovertemplate": hover + "%{y:.1f} % right, then and ever after<extra></extra>",
            }
        )
        traces.append(
            look
            | {
                "x": [0, *tasks],
                "y": 100 * np.array([last["width"], *last["free_after"]]) / last["width"],
                "yaxis": "y2",
                "showlegend": False,
                "hovertemplate": hover + f"%{{y:.1f}} % of {last['name']} free<extra></extra>",
            }
        )
    most = max(len(sequence["accuracy"]) for sequence in sequences)
    layout = {
        "xaxis": {
            "title": {"text": "Task"},
            "anchor": "y2",
            "dtick": 1,
            "range": [-0.3, most + 0.3],
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "Accuracy (%)"}, "domain": [0.56, 1], "range": [0, 104]},
        "yaxis2": {"title": {"text": "Free, last layer (%)"}, "domain": [0, 0.46], "range": [-4, 104]},
        "hovermode": "closest",
        **_merged(_UNTITLED_LEGEND, {"legend": {"title": {"text": "Points"}}}),
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return _figure(traces, layout, "Filling a network", 480, theme)


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
