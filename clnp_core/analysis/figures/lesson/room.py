"""Draws the capacity that tasks take: the neurons one needs, the partition, networks that shrink and that fill up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import (
    ACTIVE,
    BACKGROUND,
    DASHES,
    FREE,
    HUES,
    INK,
    INTERFERENCE,
    SYMBOLS,
    TRADE_OFF,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    layer_colour,
    merged,
    themed,
)


@themed
def neurons_needed(candidates: pd.DataFrame, place: int, theme: Theme = "light") -> go.Figure:
    """Draw the accuracy and the neurons it takes, for each λ.

    Parameters
    ----------
    candidates : table
        A row for each λ: lambda, accuracy (validation, a fraction) and the neurons of each hidden layer, in a column
        with the layer's name.
    place : int
        Index of the selected one.
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
                "pattern": {"shape": pattern, "fgcolor": BACKGROUND[theme], "fillmode": "overlay"},
                "line": {"width": 0},
            },
            "text": candidates[name],
            "textposition": "outside",
            "textangle": 0,
            "constraintext": "none",
            "cliponaxis": False,
            "hovertemplate": f"λ = %{{x}}: %{{y}} neurons of {name}<extra></extra>",
        }
        for name, colour, pattern in zip(names, (ACTIVE, HUES[4]), ("", "/"), strict=False)
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
        **UNTITLED_LEGEND,
    }
    return as_figure([curve, *bars], layout, "Accuracy, and the neurons it takes", 460, theme)


@themed
def partition_sketch(
    sizes: Sequence[int],
    claimed: Sequence[int],
    active: Sequence[Sequence[float]],
    theta: float,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the partition as a small diagram of some neurons of each layer and the weights between them (Fig. 1).

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of neurons of each hidden layer, and of outputs.
    claimed : sequence of int
        Number of active neurons among all of each hidden layer.
    active : sequence of sequence of float
        Mean activity of the neurons shown, per hidden layer.
    theta : float
        Neurons with activity above it are active.
    theme : {"light", "dark"}
    """
    hidden = [np.asarray(layer) > theta for layer in active]
    # Inputs and outputs count as active.
    layers = [np.ones(_SKETCHED_ENDS, bool), *hidden, np.ones(_SKETCHED_ENDS, bool)]
    heights = [np.linspace(1, 0, len(layer)) if len(layer) > 1 else np.array([0.5]) for layer in layers]
    edges: dict[str, list[tuple[int, int, int]]] = {"free": [], "active": [], "interference": []}
    for place, (source, target) in enumerate(pairwise(layers)):
        for below, above in product(range(len(source)), range(len(target))):
            kind = "free" if not target[above] else "active" if source[below] else "interference"
            edges[kind].append((place, below, above))
    counts = _weights_by_class(sizes, claimed)
    colours = {"free": TRADE_OFF[theme]["other"], "active": TRADE_OFF[theme]["own"], "interference": INTERFERENCE}
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
        places, shown, about, _ = zip(*(each for each in neurons if each[-1] == wanted), strict=True)
        look = {"size": 19, "symbol": symbol, "line": {"width": 1.5, "color": INK[theme]}}
        traces.append(
            {
                "x": places,
                "y": shown,
                "mode": "markers",
                "name": f"{name} neuron",
                "marker": look | {"color": TRADE_OFF[theme]["own"] if wanted else FREE[theme]},
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
                f"{name}<br>{size}" if count is None else f"{name}<br>{count}/{size} active"
                for name, size, count in zip(names, sizes, (None, *claimed, None), strict=True)
            ],
            "range": [-0.2, len(layers) - 0.8],
            "showgrid": False,
        },
        "yaxis": {"visible": False, "range": [-0.08, 1.08]},
        "hovermode": "closest",
        "margin": {"l": 12, "b": 130},
        **merged(UNTITLED_LEGEND, {"legend": {"y": -0.26}}),
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return as_figure(traces, layout, "The partition", 470, theme)


_SKETCHED_ENDS = 5
_MEANINGS = {
    "free": "into an inactive neuron; the next task trains it",
    "active": "between active neurons; frozen from now on",
    "interference": "from an inactive neuron into an active one; to be cut",
}


def _weights_by_class(sizes: Sequence[int], claimed: Sequence[int]) -> dict[str, int]:
    """Count the weights by class, for a network that has learned one task and has outputs for it alone."""
    active = [sizes[0], *claimed, sizes[-1]]
    counts = {"free": 0, "active": 0, "interference": 0}
    for (below, size_below), (above, size_above) in pairwise(zip(active, sizes, strict=True)):
        counts["free"] += (size_above - above) * size_below
        counts["active"] += above * below
        counts["interference"] += above * (size_below - below)
    return counts


@themed
def shrinking(
    trainings: Mapping[str, Mapping[str, Any]], layers: Sequence[str], place: int, theme: Theme = "light"
) -> go.Figure:
    """Draw how networks shrink while they train: accuracy over the epochs, and the neurons left after one of them.

    Parameters
    ----------
    trainings : mapping
        By name: accuracy (validation, after each epoch and, last, pruned; fractions) and neurons (of each hidden layer,
        as many times).
    layers : sequence of str
        Names of the hidden layers.
    place : int
        Index of the selected epoch.
    theme : {"light", "dark"}
    """
    traces: list[dict[str, Any]] = []
    looks = ((TRADE_OFF[theme]["own"], "solid", "circle", ""), (layer_colour(1, 2, theme), "dot", "diamond", "/"))
    for (name, training), (colour, dash, symbol, pattern) in zip(trainings.items(), looks, strict=True):
        accuracy = 100 * np.asarray(training["accuracy"])
        curve = {
            "type": "scatter",
            "name": name,
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"color": colour, "size": 11, "symbol": symbol, "line": {"width": 1, "color": INK[theme]}},
            "showlegend": False,
            "hovertemplate": f"{name}, %{{customdata}}: validation accuracy %{{y:.1f}} %<extra></extra>",
        }
        epochs = _places(len(accuracy))
        told = [*(f"epoch {epoch}" for epoch in range(1, len(accuracy))), "then pruned to the margin"]
        traces += [
            curve | {"mode": "lines", "x": epochs, "y": accuracy, "customdata": told},
            curve | {"mode": "markers", "x": [epochs[place]], "y": [accuracy[place]], "customdata": [told[place]]},
            {
                "type": "bar",
                "orientation": "h",
                "x": training["neurons"][place],
                "y": list(layers),
                "xaxis": "x2",
                "yaxis": "y2",
                "name": name,
                "marker": {
                    "color": colour,
                    "pattern": {"shape": pattern, "fgcolor": BACKGROUND[theme], "fillmode": "overlay"},
                    "line": {"width": 0},
                },
                "text": training["neurons"][place],
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": f"{name}: %{{x}} neurons of %{{y}} left<extra></extra>",
            },
        ]
    most = max(max(training["neurons"][0]) for training in trainings.values())
    ticks = range(_TICK_EPOCHS, epochs[-2], _TICK_EPOCHS)
    here = {"type": "line", "x0": epochs[place], "x1": epochs[place], "y0": 0, "y1": 1, "yref": "y domain"}
    layout: dict[str, Any] = {
        "xaxis": {
            "title": {"text": "Epoch"},
            "anchor": "y",
            "tickvals": [*ticks, epochs[-1]],
            "ticktext": [*map(str, ticks), "pruned"],
            "tickangle": 0,
            "range": [0, 1.06 * epochs[-1]],
            "showgrid": False,
        },
        "xaxis2": {"title": {"text": "Neurons left"}, "anchor": "y2", "range": [0, 1.12 * most]},
        "yaxis": {"title": {"text": "Accuracy (%)"}, "domain": [0.6, 1]},
        "yaxis2": {"title": {"text": "Layer"}, "domain": [0, 0.38], "showgrid": False},
        "shapes": [here | {"line": {"color": INK[theme], "width": 1}}],
        "bargap": 0.3,
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "A network that shrinks", 480, theme)


_TICK_EPOCHS = 20


def _places(count: int) -> list[int]:
    """Where epochs stand, and a little apart from them the last, pruned network."""
    return [*range(1, count), count + count // 12]


@themed
def filling(sequences: Sequence[Mapping[str, Any]], place: int, theme: Theme = "light") -> go.Figure:
    """Draw how a network fills with tasks: the accuracy of each, and the share of neurons free after it.

    Parameters
    ----------
    sequences : sequence of mapping
        One for each m: margin (a fraction), accuracy (test accuracy on task 1, 2, ..., fractions) and layers, as in a
        summary: name, width and free_after.
    place : int
        Index of the selected one.
    theme : {"light", "dark"}
    """
    traces = []
    order = [*(each for each in range(len(sequences)) if each != place), place]  # the selected one on top
    for number in order:
        sequence, is_own = sequences[number], number == place
        last = sequence["layers"][-1]
        tasks = list(range(1, len(sequence["accuracy"]) + 1))
        colours = TRADE_OFF[theme]
        look = {
            "x": tasks,
            "name": f"m = {100 * sequence['margin']:g}",
            "legendgroup": f"{number}",
            "legendrank": number,
            "mode": "lines+markers",
            "line": {
                "color": colours["own"] if is_own else colours["other"],
                "width": 3 if is_own else 1.25,
                "dash": ("solid", *DASHES)[number],
            },
            "marker": {"symbol": SYMBOLS[number], "size": 9 if is_own else 5},
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
        **merged(UNTITLED_LEGEND, {"legend": {"title": {"text": "Points"}}}),
    }
    traces = [{"type": "scatter", **trace} for trace in traces]
    return as_figure(traces, layout, "Filling a network", 480, theme)
