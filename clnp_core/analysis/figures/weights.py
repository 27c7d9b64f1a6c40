"""Draws the weights between two layers as a matrix of their classes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from PIL import Image
from plotly.colors import hex_to_rgb

from clnp_core.analysis.anatomy import INPUT, SHARED, Kind, by_owner, kinds
from clnp_core.analysis.figures.base import (
    ACTIVE,
    BACKGROUND,
    FREE,
    HUES,
    INK,
    INK_SHARES,
    Theme,
    as_figure,
    task_colour,
    themed,
)
from clnp_core.analysis.figures.kinds import CUT, KINDS, OUTPUT, owners_in_words
from clnp_core.networks.partition import FREE_OWNER


@themed
def weight_classes(
    target: ArrayLike,
    source: ArrayLike,
    names: Sequence[str],
    layer: int,
    theme: Theme = "light",
    *,
    not_cut: int | None = None,
) -> go.Figure:
    """Draw the weights between two layers as a matrix coloured by class, neurons sorted by owner (section 2.1).

    Active weights have the colour of the task that owns them; interference and severed weights, which are exactly 0,
    are hatched. The matrix is one image, so that 2000 x 2000 weights are drawn at once.

    Parameters
    ----------
    target, source : int arrays [n], [k]
        Owners of the upper and the lower layer, as `Anatomy.owners_at` returns them.
    names : sequence of str
        Names of all layers, the input first.
    layer : int
        Index of the upper layer in `names`.
    theme : {"light", "dark"}
    not_cut : int, optional
        The task whose interference is shown as it was before it was cut.

    Returns
    -------
    Figure
        The customdata of the strips along the edges is each hidden neuron's layer and index there, such as "2:17".
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
        | {"hoverlabel": {"align": "left", "bgcolor": BACKGROUND[theme], "font": {"color": INK[theme]}}},
        _strip(source, columns, names, layer - 1, theme) | {"yaxis": "y2"},
        _turned(_strip(target, rows, names, layer, theme)) | {"xaxis": "x2"},
        *(_class_in_legend(kind, zero, theme) for kind, zero in _in_legend(target, source, not_cut)),
    ]
    bare = {"showgrid": False, "ticks": ""}
    across, down = (_axis_of(name, size) for name, size in ((lower, len(source)), (upper, len(target))))
    layout = {
        "xaxis": {
            "title": {"text": across},
            "domain": [0.03, 1],
            "range": [0, width],
            **bare,
            **_owner_numbers(source[columns], 0.05),
        },
        "yaxis": {
            "title": {"text": down},
            "domain": [0, 0.955],
            "range": [height, 0],
            "anchor": "x2",  # left of the strip
            **bare,
            **_owner_numbers(target[rows], 0.03),
        },
        "xaxis2": {"domain": [0, 0.02], "fixedrange": True, "range": [0, 1], "showticklabels": False, **bare},
        "yaxis2": {"domain": [0.97, 1], "fixedrange": True, "range": [0, 1], "showticklabels": False, **bare},
        "images": [picture],
        "legend": {"title": {"text": ""}, "y": -0.12, "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
        "barmode": "overlay",
        "margin": {"l": 40},
    }
    return as_figure(traces, layout, f"Weights into {upper}, by class", 560, theme)


_ZERO = (Kind.INTERFERENCE, Kind.SEVERED)
_HATCHES = {Kind.INTERFERENCE: "/", Kind.SEVERED: "\\", Kind.REUSE: "-", Kind.TRANSFER: "."}
_LEAST_PIXELS = 600  # of an edge of the image: fewer would be blurred where they are enlarged
_CELLS = (64, 96)  # of a hatch, down and across
_TURNS = len(HUES) * len(INK_SHARES)
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


def _owner_numbers(owners: np.ndarray, apart: float) -> dict[str, Any]:
    """Write the tasks' numbers beside their neurons, at least the share `apart` of the edge from each other."""
    (whose, edges, sizes), last = _runs(owners), -np.inf
    numbers = {}
    for owner, middle in zip(whose.tolist(), edges[:-1] + sizes / 2, strict=True):
        if owner >= FREE_OWNER and middle - last >= apart * len(owners):
            numbers[middle] = f"{owner}" if owner else "free"
            last = middle
    return {"tickvals": list(numbers), "ticktext": list(numbers.values()), "tickangle": 0}


def _weights_picture(target: np.ndarray, source: np.ndarray, theme: Theme, not_cut: int | None) -> str:
    """Draw the matrix of sorted neurons as a PNG in a data URI, with a palette to keep it small."""
    tall, wide = (max(1, -(-_LEAST_PIXELS // max(len(each), 1))) for each in (target, source))
    pixels = np.zeros((len(target) * tall, len(source) * wide), np.uint8)
    (rows, tops, _), (columns, lefts, _) = _runs(target), _runs(source)
    kind = kinds(rows, columns)
    # The hatches have so many lines, however many weights there are.
    cells = [np.arange(size) * count // size for size, count in zip(pixels.shape, _CELLS, strict=True)]
    hatches = {which: hatch[cells[0]][:, cells[1]] for which, hatch in _HATCHED.items() if (kind == which).any()}
    for at, to in np.ndindex(kind.shape):
        place = np.s_[tops[at] * tall : tops[at + 1] * tall, lefts[to] * wide : lefts[to + 1] * wide]
        which = Kind(int(kind[at, to]))
        if which is Kind.INTERFERENCE and rows[at] == not_cut:
            pixels[place] = _LINES[which]
            continue
        owner = columns[to] if rows[at] == SHARED else rows[at]
        own = _PLAIN + (owner - 1) % _TURNS
        pixels[place] = own if which is Kind.ACTIVE else _GROUNDS.get(which, 0)
        if which in hatches:
            np.copyto(pixels[place], np.uint8(_LINES.get(which, own)), where=hatches[which][place])
    image = Image.fromarray(pixels, "P")
    plain = [BACKGROUND, FREE, _READING, CUT, _SEVERED]
    tasks = [task_colour(task, theme) for task in range(1, _TURNS + 1)]
    image.putpalette([part for colour in [*(each[theme] for each in plain), *tasks] for part in hex_to_rgb(colour)])
    file = BytesIO()
    image.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


_SEVERED = {"light": "#9AA0AC", "dark": "#6B7280"}
_READING = {"light": "#AEB4BF", "dark": "#7A8190"}


def _blocks(target: np.ndarray, source: np.ndarray, names: tuple[str, str], not_cut: int | None) -> dict[str, Any]:
    """Make the invisible cells that the mouse finds over the image, one for each pair of owners."""
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
    """Split sorted owners into runs: the owner of each, the edges between runs, and their lengths."""
    edges = np.concatenate(([0], np.flatnonzero(np.diff(owners)) + 1, [len(owners)]))
    return owners[edges[:-1]], edges, np.diff(edges)


def _block_in_words(
    kind: Kind, target: int, source: int, links: int, names: tuple[str, str], not_cut: int | None
) -> str:
    upper, lower = names
    to = {FREE_OWNER: "free neurons", SHARED: "all outputs"}.get(target, f"neurons of task {target}")
    of_lower = "" if source == INPUT else f" of {lower}"
    text = f"<b>{KINDS[kind]}</b><br>{links:,} links from {owners_in_words(source, source)}{of_lower}"
    text += f"<br>to {to} of {upper}"
    if kind is Kind.INTERFERENCE and target == not_cut:
        return f"{text}<br>after training, before they are cut"
    return f"{text}<br>exactly 0" if kind in _ZERO else text


def _strip(owners: np.ndarray, places: np.ndarray, names: Sequence[str], layer: int, theme: Theme) -> dict[str, Any]:
    """Draw the owners of a layer's neurons, in the order of `places`, as a strip that can be hovered and clicked."""
    colours = [OUTPUT[theme], FREE[theme], *(task_colour(task, theme) for task in range(1, _TURNS + 1))]
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
        "hoverlabel": {"bgcolor": BACKGROUND[theme], "font": {"color": INK[theme]}},
    }


def _turned(strip: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a strip upright."""
    cells = {name: [[each] for each in strip[name][0]] for name in ("z", "customdata", "text")}
    return {**strip, "x": strip["y"], "y": strip["x"], **cells}


def _owner_in_words(owner: int) -> str:
    return {INPUT: "nobody's", FREE_OWNER: "free", SHARED: "read by all tasks"}.get(owner, f"task {owner}")


def _in_legend(target: np.ndarray, source: np.ndarray, not_cut: int | None) -> list[tuple[Kind, bool]]:
    """List the kinds of weights shown, and whether each is exactly 0."""
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
        Kind.INTERFERENCE: CUT,
        Kind.SEVERED: _SEVERED,
    }.get(kind, {theme: ACTIVE})[theme]
    hatch = _HATCHES.get(kind, "") if zero or kind not in _ZERO else ""
    ground = FREE[theme] if kind is Kind.TRANSFER else BACKGROUND[theme]
    return {
        "type": "bar",
        "x": [None],
        "y": [None],
        "name": KINDS[kind] + (" (exactly 0)" if zero else ", not cut yet" if kind in _ZERO else ""),
        "marker": {
            "color": ground if hatch else colour,
            "pattern": {"shape": hatch, "fgcolor": colour, "bgcolor": ground, "size": 5},
            "line": {"color": colour, "width": 1},
        },
    }
