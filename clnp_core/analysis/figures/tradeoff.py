"""Draws what another θ, λ or m would have given for a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    ACTIVE,
    BACKGROUND,
    FREE,
    INK,
    THETA,
    TRADE_OFF,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    merged,
    themed,
)
from clnp_core.methods.training.settings import VALIDATION, Measure
from clnp_core.printing import brief


@themed
def trade_off(
    points: pd.DataFrame,
    band: tuple[float, float] | None = None,
    chosen: Mapping[str, Any] | None = None,
    selected: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
    theme: Theme = "light",
    *,
    path: pd.DataFrame | None = None,
    measure: Measure = "accuracy",
) -> go.Figure:
    """Draw validation accuracy against sparsity: a line for each candidate as θ rises, and the Pareto front.

    Parameters
    ----------
    points : table
        Candidates at every shared θ, as in `TradeOff.table`: candidate (its number), lambda, theta, sparsity,
        accuracy, front and the claimed neurons of each layer; optionally test_accuracy for the selected candidate.
    band : tuple of float, optional
        The lowest accuracy within the margin, and the best of all candidates.
    chosen, selected, kept : mapping, optional
        The outcome that the margin rule chooses, the one selected, and the one that the run kept: sparsity, accuracy
        and about (a description). The selected one also has candidate (its number) and may have test_accuracy.
    theme : {"light", "dark"}
    path : table, optional
        The way that the selected candidate's training took, as in `TradeOff.path`: epoch, sparsity, accuracy and
        neurons. Of what is far from the curves only the end is in view at first. With nothing selected it is that of a
        training that goes on, and in view as soon as it is accurate enough.
    measure : {"accuracy", "balanced"}
        What validation accuracy is, to be named.
    """
    colours = TRADE_OFF[theme]
    whose = None if selected is None else selected["candidate"]
    others, own = points[points["candidate"] != whose], points[points["candidate"] == whose]
    thick, dotted = {"color": colours["own"], "width": 2}, {"color": colours["own"], "width": 1.5, "dash": "dot"}
    traces = [_curves(others, "other λ", {"line": {"color": colours["other"], "width": 1}})]
    if path is not None and len(path):
        traces.append(_path(path, colours["own"]))
    if len(own):
        traces.append(_curves(own, "this λ", {"line": thick}))
        if "test_accuracy" in own and own["test_accuracy"].notna().all():
            tested = own.assign(accuracy=own["test_accuracy"])
            traces.append(_curves(tested, "this λ, test images", {"line": dotted}))
    mark = {"size": 7, "color": colours["front"], "line": {"width": 1, "color": BACKGROUND[theme]}}
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
    least, most = shown.min(), shown.max()
    if path is not None:
        near = path["sparsity"] >= least - max(_LEAST_PATH, most - least) if selected else path["accuracy"] >= lowest
        least = min([least, *path["sparsity"][near]])
    layout = {
        "xaxis": {
            "title": {"text": "Sparsity: neurons not claimed (%)"},
            "range": [100 * least - 1, min(101, 100 * most + 1)],
        },
        "yaxis": {
            "title": {"text": f"{VALIDATION[measure].capitalize()} (%)"},
            "range": [100 * lowest, 100 * best + 1],
        },
        "shapes": [_margin_band(floor, best)],
        "annotations": [
            {
                "text": _within(100 * (best - floor)) if band else "",
                "xref": "paper",
                "x": 0.005,
                "xanchor": "left",
                "y": 100 * best,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": colours["own"]},
            }
        ],
        **merged(UNTITLED_LEGEND, {"legend": {"y": -0.28}}),
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Accuracy against sparsity", 430, theme)


def _within(points: float) -> str:
    return f"within m = {points:.4g} point{'s' * (f'{points:.4g}' != '1')} of the best"


_LEAST_DEPTH = 0.06  # of accuracy below the best that is shown at first
_LEAST_PATH = 0.1  # of sparsity before the curves, for the way there


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
    """Draw candidates as one line broken between them. A point's customdata begins with its candidate and θ."""
    claimed = [column for column in points if column.endswith(" claimed")]
    breaks = np.flatnonzero(np.diff(points["candidate"])) + 1 if "line" in look else np.array([], int)
    lambdas = [" / ".join(map(brief, values)) for values in points["lambda"]]
    columns = (points["candidate"], points["theta"], lambdas, *(points[column] for column in claimed))
    told = np.empty((len(points), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        told[:, place] = list(column)
    layers = ", ".join(f"%{{customdata[{place}]}} in {each[:-8]}" for place, each in enumerate(claimed, start=3))
    return {
        "type": "scatter",
        "x": np.insert(100 * points["sparsity"].to_numpy(float), breaks, np.nan),
        "y": np.insert(100 * points["accuracy"].to_numpy(float), breaks, np.nan),
        "customdata": np.insert(told, breaks, np.array(None), axis=0),
        "name": name,
        "mode": "lines",
        **look,
        "hovertemplate": (
            f"<b>{name}</b><br>λ %{{customdata[2]}}<br>θ = %{{customdata[1]:.4g}}: accuracy %{{y:.2f}} %, "
            f"sparsity %{{x:.1f}} %<br>claims {layers}<extra></extra>"
        ),
    }


def _path(path: pd.DataFrame, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": 100 * path["sparsity"],
        "y": 100 * path["accuracy"],
        "text": [
            f"epoch {epoch}: {' / '.join(map(str, neurons))} neurons left"
            for epoch, neurons in zip(path["epoch"], path["neurons"], strict=True)
        ],
        "name": "this training, epoch by epoch",
        "mode": "lines+markers",
        "opacity": 0.6,
        "line": {"color": colour, "width": 1},
        "marker": {"color": colour, "size": 4},
        "hovertemplate": "%{text}<br>accuracy %{y:.2f} %, sparsity %{x:.1f} %<extra></extra>",
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


@themed
def activities(counts: pd.DataFrame, ranked: Sequence[float], theta: float, theme: Theme = "light") -> go.Figure:
    """Draw the activity of one hidden layer's neurons: a histogram, a sorted curve, and θ as a line to drag.

    Parameters
    ----------
    counts : table
        The layer's rows of `TradeOff.distribution`: layer, low, high, given_back, claimed, earlier.
    ranked : sequence of float
        Activity of the neurons that the task trained, in descending order.
    theta : float
        The layer's threshold: neurons with activity above it are claimed.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        Its x axis is the logarithm to base 10 of the activity, with neurons of activity 0 at the left end. The line of
        θ is shape 0.
    """
    positive, sorted_activity = counts[counts["high"] > 0], np.asarray(ranked, dtype=float)
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
            ("claimed", "claimed", TRADE_OFF[theme]["own"]),
            ("earlier", "of earlier tasks", TRADE_OFF[theme]["front"]),
        )
        if group != "earlier" or counts[group].any()
    ]
    sorted_curve = {
        "type": "scatter",
        "x": np.where(sorted_activity > 0, np.log10(np.maximum(sorted_activity, 10**low)), dead),
        "y": np.arange(1, len(sorted_activity) + 1),
        "yaxis": "y2",
        "name": "more active (right)",
        "mode": "lines",
        "line": {"color": INK[theme], "width": 1.5, "shape": "hv"},
        "customdata": sorted_activity,
        "hovertemplate": "the %{y} most active neurons: activity of at least %{customdata:.3g}<extra></extra>",
    }
    # Dead neurons often outnumber all bins together. A note counts them, so that the other bars stay legible.
    heights = counts[["given_back", "claimed", "earlier"]].sum(axis=1)
    told = {"yref": "paper", "y": 1, "showarrow": False}
    bold = {"color": THETA[theme], "weight": 600}
    place = np.log10(theta) if theta >= 10**low else (low + dead) / 2
    line = {"color": THETA[theme], "width": 3}
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
        **merged(UNTITLED_LEGEND, {"legend": {"y": -0.3}}),
    }
    return as_figure([*bars, sorted_curve], layout, f"Activity, {counts['layer'].iloc[0]}", 420, theme)
