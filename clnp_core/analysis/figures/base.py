"""Themes, colours, marks and layout that all figures share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import signature
from typing import Any, Literal, ParamSpec

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

Theme = Literal["light", "dark"]
PACKED = "packed"
"""The `meta` of traces with closely packed marks, which must shrink with the figure."""
INK = {"light": "#262730", "dark": "#FAFAFA"}
"""Colour of text and lines, by theme."""
FREE = {"light": "#DDDFE3", "dark": "#4B505B"}
"""Colour of unclaimed neurons and free weights, by theme."""
ACTIVE = "#0072B2"
INTERFERENCE = "#E69F00"
# Okabe and Ito (2008) without black and yellow, each of which is hard to see in one of the themes.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Tasks after the sixth repeat the hues, mixed with the theme's ink.
INK_SHARES = (0.0, 0.5, 0.25)
RULE = {"light": "rgba(38, 39, 48, 0.14)", "dark": "rgba(250, 250, 250, 0.18)"}
BACKGROUND = {"light": "#FFFFFF", "dark": "#0E1117"}
# From yellow to blue, and pale enough for dark figures on every cell in both themes.
ACCURACIES = ((0.0, "#FFF1C9"), (1.0, "#56B4E9"))
DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
_FONT = "'CLNP Sans', 'Source Sans', 'Source Sans Pro', sans-serif"  # the first is ours, in analysis/fonts
MOST_NUMBERED_TASKS = 16
TRADE_OFF = {
    "light": {"other": "#B9BEC8", "own": "#0072B2", "front": "#E69F00"},
    "dark": {"other": "#5A6170", "own": "#56B4E9", "front": "#E69F00"},
}
THETA = {"light": "#D55E00", "dark": "#FF8A3D"}
UNTITLED_LEGEND = {"legend": {"title": {"text": ""}, "itemclick": False, "itemdoubleclick": False}}


_Given = ParamSpec("_Given")


def themed(draw: Callable[_Given, go.Figure]) -> Callable[_Given, go.Figure]:
    """Have each figure keep what it was drawn from, for `in_light`."""
    parameters = signature(draw)

    @wraps(draw)
    def drawn(*args: _Given.args, **options: _Given.kwargs) -> go.Figure:
        figure = draw(*args, **options)
        given = parameters.bind(*args, **options)
        given.arguments["theme"] = "light"
        figure._in_light = partial(draw, *given.args, **given.kwargs)
        return figure

    return drawn


def in_light(figure: go.Figure) -> go.Figure:
    """Return a figure of this package as it is in the light theme: for paper, whatever the screen has."""
    return figure._in_light() if figure.layout.font.color == INK["dark"] else figure


def task_colour(task: int, theme: Theme = "light") -> str:
    """Return a task's colour (1 for the first) as "#rrggbb". It repeats after 18 tasks; neighbours differ in hue."""
    turn, place = divmod(task - 1, len(HUES))
    share = INK_SHARES[turn % len(INK_SHARES)]
    mixed = (1 - share) * np.array(hex_to_rgb(HUES[place])) + share * np.array(hex_to_rgb(INK[theme]))
    return "#{:02X}{:02X}{:02X}".format(*mixed.round().astype(int))


def layer_colour(place: int, layers: int, theme: Theme) -> str:
    """Return a hidden layer's colour: the theme's ink, paler from the input upwards, because hues stand for tasks."""
    share = 0.55 * place / max(1, layers - 1)
    mixed = (1 - share) * np.array(hex_to_rgb(INK[theme])) + share * np.array(hex_to_rgb(BACKGROUND[theme]))
    return "#{:02X}{:02X}{:02X}".format(*mixed.round().astype(int))


def as_figure(
    traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], title: str, height: int, theme: Theme
) -> go.Figure:
    """Make a figure with the title, legend, font and colours that all figures share.

    The figure is built as plain data, because Plotly validates everything again with each change to a figure.
    """
    ink, rule = INK[theme], RULE[theme]
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
    return go.Figure({"data": traces, "layout": merged(shared, layout) | {"template": "none"}})


def accuracy_axis(title: str, traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Lay out an axis that fits the accuracies of traces, in per cent, and is never shorter than a point.

    Without any it goes from 0 to 100.
    """
    known = [value for trace in traces for value in trace["y"] if not math.isnan(value)]
    if not known:
        return {"title": {"text": title}, "range": [0, 100]}
    middle = (min(known) + max(known)) / 2
    return {"title": {"text": title}, "autorangeoptions": {"include": [middle - 0.5, middle + 0.5]}}


def merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two nested mappings; where they differ, `own` wins."""
    both = {**shared, **own}
    for name in shared.keys() & own.keys():
        if isinstance(shared[name], dict) and isinstance(own[name], dict):
            both[name] = merged(shared[name], own[name])
    return both
