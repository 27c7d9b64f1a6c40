"""Draws single test images, and what a network takes them for."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from clnp_core.analysis.examples import Examples, Look
from clnp_core.analysis.figures.base import ACTIVE, FREE, INK, INTERFERENCE, Theme, as_figure, themed
from clnp_core.analysis.thumbnails import wall
from clnp_core.bounds import Label
from clnp_core.tasks.labels import short

EXAMPLES_IN_A_ROW = 10
"""Images side by side in `example_wall`."""

_ROW_PIXELS = 46
_MOST_CLASSES = 10


@themed
def example_wall(
    examples: Examples, look: Look, selected: int | None = None, theme: Theme = "light", *, rows: int | None = None
) -> go.Figure:
    """Draw test images side by side, with a frame around each that is answered with another class.

    Parameters
    ----------
    examples : Examples
    look : Look
        Those to draw.
    selected : int, optional
        The place of one of them among the test images, which gets a frame of its own.
    theme : {"light", "dark"}
    rows : int, optional
        Of ten images each, to draw as many however few images there are.

    Returns
    -------
    Figure
        The customdata of an image is its place among the test images.
    """
    images = look.images
    rows = max(rows or 0, -(-len(images) // EXAMPLES_IN_A_ROW), 1)
    y, x = np.divmod(np.arange(len(images)), EXAMPLES_IN_A_ROW)
    wrong = examples.wrong[images]
    frames = {
        "type": "scatter",
        "mode": "markers",
        "name": "image",
        "x": x,
        "y": y,
        "customdata": images.tolist(),
        "text": [_told(examples, image) for image in images.tolist()],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": "square",
            "size": 38,
            "color": "rgba(0, 0, 0, 0)",
            "line": {
                "width": np.where(images == selected, 4, np.where(wrong, 3, 0)),
                "color": np.where(images == selected, INK[theme], INTERFERENCE),
            },
        },
    }
    height = -(-len(images) // EXAMPLES_IN_A_ROW)
    picture = {
        "source": wall(look.pixels, EXAMPLES_IN_A_ROW) if len(images) else "",
        "xref": "x",
        "yref": "y",
        "x": -0.5,
        "y": -0.5,
        "sizex": EXAMPLES_IN_A_ROW,
        "sizey": height,
        "sizing": "stretch",
        "layer": "below",
    }
    bare = {"showgrid": False, "showline": False, "showticklabels": False, "ticks": "", "fixedrange": True}
    layout = {
        "images": [picture] if len(images) else [],
        "xaxis": {"range": [-0.55, EXAMPLES_IN_A_ROW - 0.45], "constrain": "domain", **bare},
        "yaxis": {
            "range": [rows - 0.45, -0.55],
            "scaleanchor": "x",
            "constrain": "domain",
            "constraintoward": "top",
            **bare,
        },
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 4, "r": 4, "t": 44, "b": 4},
    }
    return as_figure([frames], layout, f"Test images of task {examples.task}", 48 + rows * _ROW_PIXELS, theme)


def _told(examples: Examples, image: int) -> str:
    label, answer = (_shown(examples.classes[each[image]]) for each in (examples.labels, examples.answers))
    what = f"image {image}: class {label}"
    sure = f"{examples.confidence[image]:.0%}"
    if label == answer:
        return f"{what}, as the network says ({sure})"
    return f"{what}<br>the network says {answer} ({sure})"


def _shown(label: Label) -> str:
    return html.escape(short(label), quote=False)


@themed
def class_probabilities(
    probabilities: Sequence[float] | np.ndarray, classes: Sequence[Label], label: Label, theme: Theme = "light"
) -> go.Figure:
    """Draw how probable a network takes each class of an image to be, at most ten: the likeliest, and its own.

    Parameters
    ----------
    probabilities : float array [classes]
    classes : sequence of int or str
    label : int or str
        Class of the image.
    theme : {"light", "dark"}
    """
    values, own = np.asarray(probabilities, float), list(classes).index(label)
    order = np.argsort(-values, kind="stable").tolist()
    kept = order[:_MOST_CLASSES]
    if own not in kept:
        kept[-1] = own
    answer = order[0]
    colours = [ACTIVE if at == own else INTERFERENCE if at == answer else FREE[theme] for at in kept]
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": "probability",
        "y": list(range(len(kept))),
        "x": 100 * values[kept],
        "marker": {"color": colours},
        "text": [f"{values[at]:.1%}" for at in kept],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [str(classes[at]) for at in kept],
        "hovertemplate": "%{x:.2f} %<extra></extra>",
    }
    names = [_shown(classes[at]) + (" (right)" if at == own else "") for at in kept]
    layout = {
        "xaxis": {
            "title": {"text": "Probability (%)"},
            "range": [0, 118],
            "tickvals": [0, 50, 100],
            "fixedrange": True,
        },
        "yaxis": {
            "title": {"text": "Class"},
            "tickvals": list(range(len(kept))),
            "ticktext": names,
            "range": [len(kept) - 0.4, -0.6],
            "showgrid": False,
            "fixedrange": True,
        },
        "showlegend": False,
        "margin": {"t": 44, "b": 44, "r": 8},
    }
    return as_figure([bars], layout, "What it takes the image for", 96 + 24 * len(kept), theme)
