"""Draws a network before it has learned anything: its layers, and the weights between them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from clnp_core.analysis.figures.base import FREE, HUES, INK, UNTITLED_LEGEND, Theme, as_figure, themed
from clnp_core.networks.architectures import Architecture

_LEAST_HIGH, _HALF = 0.16, 0.15  # of the height of the tallest, and half the width, where layers are 1 apart
_ENDS, _CONV, _DENSE = "input and output", "convolution: channels", "dense layer: neurons"


@themed
def network(architecture: Architecture, theme: Theme = "light") -> go.Figure:
    """Draw a network's layers as blocks, from the input to the classes of a task, and between them its weights.

    Parameters
    ----------
    architecture : Architecture
    theme : {"light", "dark"}

    Returns
    -------
    Figure
        Images and convolutions are as high as their maps have pixels, dense layers as the logarithm of their neurons.
    """
    channels, *image = architecture.input_shape
    is_table = image[0] == 1
    blocks = [(_ENDS, "Input", image[1] if is_table else channels, () if is_table else tuple(image))]
    for layer, maps in zip(architecture.hidden, architecture.maps, strict=True):
        blocks.append((_CONV if maps else _DENSE, layer.name.capitalize(), layer.width, maps))
    blocks.append((_ENDS, "Classes", architecture.outputs, ()))
    most = max(math.log1p(count) for _, _, count, maps in blocks if not maps)
    tallest = max(image)
    heights = [max(_LEAST_HIGH, max(maps) / tallest if maps else math.log1p(n) / most) for _, _, n, maps in blocks]
    weights = [math.prod(shape) for shape in architecture.weight_shapes]
    links = [
        _area(
            [place + _HALF, place + 1 - _HALF, place + 1 - _HALF, place + _HALF],
            [low / 2, high / 2, -high / 2, -low / 2],
            {"fillcolor": FREE[theme], "opacity": 0.45, "name": "weights", "text": f"{weights[place]:,} weights"},
        )
        for place, (low, high) in enumerate(pairwise(heights))
    ]
    colours = {_ENDS: INK[theme], _CONV: HUES[2], _DENSE: HUES[4]}
    shown: set[str] = set()
    drawn = []
    for place, ((kind, name, count, maps), height) in enumerate(zip(blocks, heights, strict=True)):
        size = f" of {'×'.join(map(str, maps))}" if maps else ""
        look: dict[str, Any] = {"fillcolor": colours[kind], "name": kind, "text": f"{name}: {count:,}{size}"}
        look["showlegend"] = kind != _ENDS and kind not in shown
        shown.add(kind)
        across = [place - _HALF, place + _HALF, place + _HALF, place - _HALF]
        drawn.append(_area(across, [height / 2, height / 2, -height / 2, -height / 2], look))
    layout = {
        "xaxis": {
            "tickvals": list(range(len(blocks))),
            "ticktext": [_below(*block) for block in blocks],
            "tickangle": 0,
            "range": [-0.5, len(blocks) - 0.5],
            "showgrid": False,
            "fixedrange": True,
        },
        "yaxis": {"visible": False, "range": [-0.55, 0.55], "fixedrange": True},
        "margin": {"l": 8, "r": 8, "t": 48, "b": 84},
        **UNTITLED_LEGEND,
    }
    return as_figure([*links, *drawn], layout, "The network", 330, theme)


def _below(kind: str, name: str, count: int, maps: tuple[int, ...]) -> str:
    """Tell under a block how large it is."""
    size = "×".join(map(str, maps))
    if kind != _ENDS or not maps:
        return f"<b>{count:,}</b><br>{size or name}"
    return f"<b>{size}</b><br>{name}" if count == 1 else f"<b>{count}×{size}</b><br>{name}"


def _area(x: list[float], y: list[float], look: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [*x, x[0]],
        "y": [*y, y[0]],
        "mode": "lines",
        "fill": "toself",
        "hoveron": "fills",
        "hoverinfo": "text",
        "line": {"width": 0},
        "showlegend": False,
        **look,
    }
