"""Lays figures out for print: as wide as a column, in 8 pt, without title and background."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from clnp_core.analysis.figures.base import INK, PACKED
from clnp_core.errors import ExportError

WIDTHS = {1: 85.0, 2: 174.0}
"""Width in mm over one column and over two: as Cell Press asks for, and within 5 mm of most other journals."""
FONTS = {
    "sans": "Arial, Helvetica, 'Liberation Sans', 'DejaVu Sans', sans-serif",
    "serif": "'Times New Roman', Times, 'Liberation Serif', 'DejaVu Serif', serif",
}
"""The fonts that journals ask for, then those that Chromium finds on a plain Debian."""

_PX_PER_MM = 96 / 25.4
_TEXT = 8 * 96 / 72  # 8 pt
_SMALLER = _TEXT / 13  # relative to the screen, where text has 13 px
_THINNER = 2 / 3  # so that a curve of 2 px becomes one of 1 pt
_PACKED_WIDTH = 960  # px, at which packed marks have room beside each other
_TITLE = 40  # px of the margin above a figure that its title takes
_EDGE = 4  # px
_LEAST_HEIGHT = 20  # mm
_LETTER = 0.55  # a letter's width relative to the font size, in a wide font
_LEAST_LETTERS = 12  # of a line
_IN_CELL = 4.4  # letters of a number in a matrix, with the room beside it
_FOR_X, _FOR_Y = 0.8, 0.6  # about which share of the width and of the height the axes take
_DRAWN = {"line", "marker", "pattern", "error_y", "colorbar"}
_SIZES = {"width", "size", "thickness"}
_BOTTOM = {"yref": "container", "y": 0, "yanchor": "bottom"}


def for_paper(
    figure: go.Figure,
    columns: Literal[1, 2] = 1,
    font: Literal["sans", "serif"] = "sans",
    height: float | None = None,
) -> go.Figure:
    """Lay a figure out for print: 85 or 174 mm wide, text in 8 pt, lines of about 1 pt, no background.

    The title is dropped, because a caption replaces it, and the legend moves below everything else. Colours are kept.

    Parameters
    ----------
    figure : plotly Figure
        A figure of this package with the theme "light". It is not changed.
    columns : {1, 2}
        Number of the page's columns that it spans.
    font : {"sans", "serif"}
    height : float, optional
        In mm; by default in proportion to the height on screen.

    Raises
    ------
    ExportError
        If the figure has the dark theme, or `columns`, `font` or `height` is not possible.
    """
    layout = figure.layout.to_plotly_json()
    _check(layout, columns, font, height)
    width = WIDTHS[columns] * _PX_PER_MM
    tall = _SMALLER * (layout["height"] - _TITLE) if height is None else height * _PX_PER_MM
    traces = [_trace(trace.to_plotly_json(), width) for trace in figure.data]
    _resize(layout)
    for note in layout.get("annotations", ()):
        _resize(note)
    for shape in layout.get("shapes", ()):
        _thin(shape, _THINNER)
    for name in [name for name in layout if name[1:5] == "axis"]:
        low, high = layout[name].get("domain", (0, 1))
        _place_title(layout[name], (high - low) * (_FOR_X * width if name[0] == "x" else _FOR_Y * tall))
    layout["legend"] |= _BOTTOM | {"xref": "container", "x": 0}
    layout["legend"]["title"]["side"] = "top"  # beside the entries plotly.js leaves no room for it
    layout |= {
        "title": None,
        "width": width,
        "height": tall,
        "margin": {
            "l": _EDGE,
            "r": 2 * _EDGE,
            "t": _SMALLER * (layout["margin"]["t"] - _TITLE) if _has_notes_above(layout) else 2 * _EDGE,
            "b": _EDGE,
        },
        "font": {**layout["font"], "family": FONTS[font], "size": _TEXT},
    }
    return go.Figure({"data": traces, "layout": layout})


def _check(layout: Mapping[str, Any], columns: int, font: str, height: float | None) -> None:
    if layout["font"]["color"] == INK["dark"]:
        raise ExportError("This figure has the dark theme; for paper draw it with the theme 'light'.")
    if columns not in WIDTHS:
        raise ExportError(f"A figure spans 1 column or 2, not {columns}.")
    if font not in FONTS:
        raise ExportError(f"The font of a figure is 'sans' or 'serif', not {font!r}.")
    if height is not None and not height >= _LEAST_HEIGHT:
        raise ExportError(f"A figure is at least {_LEAST_HEIGHT} mm high, not {height:g}.")


def _has_notes_above(layout: Mapping[str, Any]) -> bool:
    notes = layout.get("annotations", ())
    return any(note.get("yref") == "paper" and note.get("yanchor") == "bottom" for note in notes)


def _trace(trace: dict[str, Any], width: float) -> dict[str, Any]:
    _thin(trace, width / _PACKED_WIDTH if trace.get("meta") == PACKED else _THINNER)
    _resize(trace)
    if trace.get("texttemplate"):  # numbers in cells
        cell = _FOR_X * width / np.shape(trace["z"])[1]
        trace["textfont"] = {**trace.get("textfont", {}), "size": min(_TEXT, cell / (_IN_CELL * _LETTER))}
    if trace.get("colorbar", {}).get("orientation") == "h":
        trace["colorbar"] |= _BOTTOM
    return trace


def _thin(part: dict[str, Any], share: float) -> None:
    """Scale every size in pixels by `share`."""
    for name in _DRAWN & part.keys():
        look = part[name]
        if not isinstance(look, dict):
            continue
        for size in _SIZES & look.keys():
            if look[size] is not None:
                look[size] = share * np.asarray(look[size])
        _thin(look, share)


def _resize(part: dict[str, Any]) -> None:
    """Give every text the same size, also those without one, which plotly.js would draw larger."""
    for name, inner in part.items():
        if not isinstance(inner, dict):
            continue
        if name.endswith("title"):
            inner["font"] = inner.get("font", {})
        if name.endswith("font"):
            inner["size"] = _TEXT
        _resize(inner)


def _place_title(axis: dict[str, Any], room: float) -> None:
    """Break an axis title into lines that fit along the axis, clear of the numbers."""
    if text := axis.get("title", {}).get("text"):
        letters = max(_LEAST_LETTERS, int(room / (_LETTER * _TEXT)))
        axis["title"]["text"] = "<br>".join(line for part in text.split("<br>") for line in wrap(part, letters))
        axis["title"]["standoff"] = _EDGE
