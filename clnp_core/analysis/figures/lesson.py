"""Figures of the page Learn alone."""

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
    THETA,
    TRADE_OFF,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    merged,
    task_colour,
)


def permuted_images(
    images: Sequence[Sequence[float]], permutations: Sequence[Sequence[int]], task: int, theme: Theme = "light"
) -> go.Figure:
    """The same square images as task 1 sees them and as another task does.

    Parameters
    ----------
    images : [N, pixels]
        One of each class, in the order of the classes; 0 is the ground.
    permutations : [tasks, pixels]
        Task t sees pixel `permutations[t - 1][i]` at place i.
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
    return as_figure([drawn], layout, "The same digits, seen by two tasks", 320, theme)


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
    looks = zip((TRADE_OFF[theme]["own"], INTERFERENCE), ("solid", "dash"), ("circle", "diamond"), strict=True)
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
                "marker": {"size": 16, "symbol": "star", "color": THETA[theme]},
                "hovertemplate": "your bet: %{y:.0f} %<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "After learning task"}, "range": [0.8, last + 0.2], "dtick": 1, "showgrid": False},
        "yaxis": {"title": {"text": "Test accuracy on task 1 (%)"}, "range": [100 * lowest, 100 + 2 * (1 - lowest)]},
        "hovermode": "closest",
        "showlegend": True,
        **UNTITLED_LEGEND,
    }
    return as_figure([{"type": "scatter", **trace} for trace in traces], layout, "What is left of task 1", 420, theme)


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
        "shapes": [here | {"line": {"color": THETA[theme], "width": 2}, "layer": "below"}],
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Between two tasks", 420, theme)


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
        x, y, about, _ = zip(*(each for each in neurons if each[-1] == wanted), strict=True)
        look = {"size": 19, "symbol": symbol, "line": {"width": 1.5, "color": INK[theme]}}
        traces.append(
            {
                "x": x,
                "y": y,
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
                "marker": {"color": TRADE_OFF[theme]["own"], "line": {"width": 0}},
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
                "marker": {"symbol": "line-ew", "size": 15, "line": {"width": 3, "color": THETA[theme]}},
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
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "What is answered for one image of task 1", 440, theme)


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
