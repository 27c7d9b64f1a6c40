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
    "sans": "'CLNP Sans', Arial, Helvetica, 'Liberation Sans', 'DejaVu Sans', sans-serif",
    "serif": "'CLNP Serif', 'Times New Roman', Times, 'Liberation Serif', 'DejaVu Serif', serif",
}
"""Ours, which pictures have inside them, then those that have what ours lack."""

_PX_PER_MM = 96 / 25.4
_PX_PER_PT = 96 / 72
_SCREEN_TEXT = 13  # px
_THINNER = 2 / 3  # so that a curve of 2 px becomes one of 1 pt
_PACKED_WIDTH = 960  # px, at which packed marks have room beside each other
_TITLE = 40  # px of the margin above a figure that its title takes
_EDGE = 4  # px
_LEAST_HEIGHT = 20  # mm
_POSSIBLE_WIDTHS = 40, 400  # mm
_POSSIBLE_SIZES = 4, 24  # pt
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
    *,
    width: float | None = None,
    size: float = 8.0,
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
    width : float, optional
        In mm, 40 to 400, instead of that of the columns.
    size : float
        Of all text, in pt, 4 to 24.

    Raises
    ------
    ExportError
        If the figure has the dark theme, or one of the others is not possible.
    """
    layout = figure.layout.to_plotly_json()
    _check(layout, columns, font, height, width, size)
    wide = (WIDTHS[columns] if width is None else width) * _PX_PER_MM
    text = size * _PX_PER_PT
    smaller = text / _SCREEN_TEXT
    tall = smaller * (layout["height"] - _TITLE) if height is None else height * _PX_PER_MM
    traces = [_trace(trace.to_plotly_json(), wide, text) for trace in figure.data]
    _resize(layout, text)
    for note in layout.get("annotations", ()):
        _resize(note, text)
    for shape in layout.get("shapes", ()):
        _thin(shape, _THINNER)
    for name in [name for name in layout if name[1:5] == "axis"]:
        low, high = layout[name].get("domain", (0, 1))
        _place_title(layout[name], (high - low) * (_FOR_X * wide if name[0] == "x" else _FOR_Y * tall) / text)
    layout["legend"] |= _BOTTOM | {"xref": "container", "x": 0}
    layout["legend"]["title"]["side"] = "top"  # beside the entries plotly.js leaves no room for it
    layout |= {
        "title": None,
        "meta": {"title": layout.get("title", {}).get("text")},  # a PDF has it
        "width": wide,
        "height": tall,
        "margin": {
            "l": _EDGE,
            "r": 2 * _EDGE,
            "t": smaller * (layout["margin"]["t"] - _TITLE) if _has_notes_above(layout) else 2 * _EDGE,
            "b": _EDGE,
        },
        "font": {**layout["font"], "family": FONTS[font], "size": text},
    }
    return go.Figure({"data": traces, "layout": layout})


def _check(
    layout: Mapping[str, Any], columns: int, font: str, height: float | None, width: float | None, size: float
) -> None:
    if layout["font"]["color"] == INK["dark"]:
        raise ExportError("This figure has the dark theme; for paper draw it with the theme 'light'.")
    if columns not in WIDTHS:
        raise ExportError(f"A figure spans 1 column or 2, not {columns}.")
    if font not in FONTS:
        raise ExportError(f"The font of a figure is 'sans' or 'serif', not {font!r}.")
    if height is not None and not height >= _LEAST_HEIGHT:
        raise ExportError(f"A figure is at least {_LEAST_HEIGHT} mm high, not {height:g}.")
    for what, value, (least, most), unit in (
        ("A figure", width, _POSSIBLE_WIDTHS, "mm wide"),
        ("Text", size, _POSSIBLE_SIZES, "pt high"),
    ):
        if value is not None and not least <= value <= most:
            raise ExportError(f"{what} is {least} to {most} {unit}, not {value:g}.")


def _has_notes_above(layout: Mapping[str, Any]) -> bool:
    notes = layout.get("annotations", ())
    return any(note.get("yref") == "paper" and note.get("yanchor") == "bottom" for note in notes)


def _trace(trace: dict[str, Any], width: float, text: float) -> dict[str, Any]:
    _thin(trace, width / _PACKED_WIDTH if trace.get("meta") == PACKED else _THINNER)
    _resize(trace, text)
    if trace.get("texttemplate"):  # numbers in cells
        cell = _FOR_X * width / np.shape(trace["z"])[1]
        trace["textfont"] = {**trace.get("textfont", {}), "size": min(text, cell / (_IN_CELL * _LETTER))}
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


def _resize(part: dict[str, Any], size: float) -> None:
    """Give every text the same size, also those without one, which plotly.js would draw larger."""
    for name, inner in part.items():
        if not isinstance(inner, dict):
            continue
        if name.endswith("title"):
            inner["font"] = inner.get("font", {})
        if name.endswith("font"):
            inner["size"] = size
        _resize(inner, size)


def _place_title(axis: dict[str, Any], room: float) -> None:
    """Break an axis title into lines that fit along the axis, `room` times as long as the font's size."""
    if text := axis.get("title", {}).get("text"):
        letters = max(_LEAST_LETTERS, int(room / _LETTER))
        axis["title"]["text"] = "<br>".join(line for part in text.split("<br>") for line in wrap(part, letters))
        axis["title"]["standoff"] = _EDGE
