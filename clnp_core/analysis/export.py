"""Writes figures to files for print, with their data so that they can be redrawn. Imports no torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image

from clnp_core.analysis.drawing import DRAWER, with_fonts
from clnp_core.analysis.latex import without_latex
from clnp_core.errors import ExportError, NoBrowserError
from clnp_core.files import write_whole

BAND = "band"
"""The `meta` of an area around a curve, which has its width as hidden error bars."""
_PX_PER_INCH = 96
_MM_PER_PX = 25.4 / _PX_PER_INCH
_SCREEN_PX = 900  # wide, where a figure does not say
_AT_RANDOM = re.compile(rb'(?:id="defs-|\btrace|\bid="p[0-9a-f]{6}-|-legend-)([0-9a-f]{6})\b')
_FORMS = ("pdf", "svg", "png", "html")


def save(figure: go.Figure, path: Path | str, dpi: float = 300) -> Path:
    """Write a figure as PDF, SVG, PNG or HTML, by the ending of its name, and its data as CSV beside it.

    All but HTML needs Chromium or Chrome. If there is none, or it does not start, a warning says why and how to get
    one, and the figure is written as HTML instead, so that a notebook goes on. The HTML includes plotly.js and needs no
    network.

    Parameters
    ----------
    figure : plotly Figure
        A figure from `figures.for_paper` has its size in mm; one for the screen becomes 900 px wide at 96 px per inch.
    path : path
        Such as "fig3.pdf"; the data is then in "fig3.csv", as `tidy` returns it.
    dpi : float
        Dots per inch; for PNG only.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ExportError
        If the name has another ending, `dpi` is not above 0, a text has LaTeX that cannot be drawn, or the browser
        fails to draw the figure.
    StoreError
        If a file cannot be written.
    """
    path = Path(path)
    form = path.suffix.lower().removeprefix(".")
    if form not in _FORMS:
        raise ExportError(f"{path.name} cannot name a figure; give a name that ends in .pdf, .svg, .png or .html.")
    if not dpi > 0:
        raise ExportError(f"dpi must be above 0, not {dpi:g}.")
    try:
        content = _html(figure) if form == "html" else drawn(figure, form, dpi)
    except NoBrowserError as error:
        path, wanted = path.with_suffix(".html"), path
        warn(f"{path.name} was written instead of {wanted.name}. {error}", stacklevel=2)
        content = _html(figure)
    write_whole(path, content)
    write_whole(path.with_suffix(".csv"), tidy(figure).to_csv(index=False).encode())
    return path


def to_pdf(figure: go.Figure, background: str = "white", width: int = _SCREEN_PX) -> bytes:
    """Draw a figure as PDF, in vectors.

    Parameters
    ----------
    figure : plotly Figure
        Its layout must have a height.
    background : str
        A colour on which the text of the figure's theme can be read.
    width : int
        In pixels, 96 per inch.

    Raises
    ------
    ExportError
        If there is no Chromium or Chrome, or it fails.
    """
    return drawn(go.Figure(figure).update_layout(paper_bgcolor=background, width=width), "pdf", _PX_PER_INCH)


def drawn(figure: go.Figure, form: str, dpi: float) -> bytes:
    """Draw a figure as "pdf", "svg" or "png", in the size that it says; dots per inch are for PNG only.

    Raises
    ------
    ExportError
        If there is no Chromium or Chrome, or it fails, or a text has LaTeX that cannot be drawn.
    """
    figure = without_latex(figure)
    size = {"width": figure.layout.width or _SCREEN_PX}
    if form == "pdf":
        return _with_title(DRAWER.draw(figure, {"format": form, **size}), _title(figure))
    if form == "svg":
        return _alike(_in_millimetres(DRAWER.draw(figure, {"format": form, **size})))
    return _with_dots(DRAWER.draw(figure, {"format": form, **size, "scale": dpi / _PX_PER_INCH}), dpi)


def _title(figure: go.Figure) -> str:
    """Return a figure's title without markup; `for_paper` keeps it beside the layout."""
    text = figure.layout.title.text or (figure.layout.meta or {}).get("title") or ""
    return unescape(re.sub("<[^>]*>", " ", text))


def _with_title(pdf: bytes, title: str) -> bytes:
    """Give a PDF the figure's title in place of that of the page that drew it."""
    import pikepdf  # slow

    written = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document:
        document.docinfo.Title = title
        document.save(written, deterministic_id=True)
    return written.getvalue()


def _in_millimetres(svg: bytes) -> bytes:
    """Write an SVG's size in mm, because some programs take plain numbers for points."""
    head, end, rest = svg.partition(b">")
    size = rb'\b(width|height)="([\d.]+)"'
    return re.sub(size, lambda found: b'%s="%.2fmm"' % (found[1], float(found[2]) * _MM_PER_PX), head) + end + rest


def _alike(svg: bytes) -> bytes:
    """Name the parts of an SVG after its content, where Plotly draws a name at random.

    The same figure then gives the same bytes, and the parts of two figures on one page are still told apart.
    """
    names = list(dict.fromkeys(_AT_RANDOM.findall(svg)))
    if not names:
        return svg
    parts = re.compile(rb"(p|clip|legend|trace|-)(%s)" % b"|".join(names))
    content = hashlib.sha256(parts.sub(lambda found: b"%s%d" % (found[1], names.index(found[2])), svg)).digest()
    told = {name: hashlib.sha256(b"%s%d" % (content, place)).hexdigest()[:6] for place, name in enumerate(names)}
    return parts.sub(lambda found: found[1] + told[found[2]].encode(), svg)


def _with_dots(png: bytes, dpi: float) -> bytes:
    """Write the dots per inch into a PNG, so that programs show it at its size."""
    file = BytesIO()
    Image.open(BytesIO(png)).save(file, "PNG", dpi=(dpi, dpi))
    return file.getvalue()


def _html(figure: go.Figure) -> bytes:
    """Write a page with the figure, plotly.js and our fonts, which pictures that the page saves have inside them."""
    config = {"displaylogo": False, "modeBarButtonsToRemove": ["toImage"]}
    html: str = without_latex(figure).to_html(
        include_plotlyjs=True, config=config, post_script=f"{with_fonts()}.then(() => {_SAVE_BUTTON});"
    )
    return html.encode()


# Plotly's own button would save the picture without the fonts.
_SAVE_BUTTON = """{
  const plot = document.getElementById("{plot_id}");
  const click = async () => {
    const size = { width: plot.clientWidth, height: plot.clientHeight, scale: 3 };
    const href = await Plotly.toImage(plot, { format: "png", ...size });
    Object.assign(document.createElement("a"), { href, download: "figure.png" }).click();
  };
  const save = { name: "Save as PNG", icon: Plotly.Icons.camera, click };
  Plotly.newPlot(plot, plot.data, plot.layout, { ...plot._context, modeBarButtonsToAdd: [save] });
}"""


def tidy(figure: go.Figure) -> pd.DataFrame:
    """Return a figure's data as a table with a row for each point.

    Returns
    -------
    DataFrame
        series (its name in the legend), x and y; also z for a matrix, error (a standard deviation: y ± error) if there
        are error bars or bands, tail (up to y + tail), and axes (their titles) if series have different axes.
    """
    frames = [
        (_axes(figure, trace), _matrix(trace) if trace.type == "heatmap" else _points(trace))
        for trace in figure.data
        if trace.meta != BAND
    ]
    shown = [(axes, frame) for axes, frame in frames if len(frame)]
    if not shown:
        return pd.DataFrame(columns=["series", "x", "y"])
    table = pd.concat([frame.assign(axes=of) for of, frame in shown], ignore_index=True)
    return table if table["axes"].nunique() > 1 else table.drop(columns="axes")


def _axes(figure: go.Figure, trace: go.Scatter | go.Bar | go.Heatmap) -> str:
    names = (f"{name[0]}axis{name[1:]}" for name in (trace.yaxis or "y", trace.xaxis or "x"))
    titles = (figure.layout[name].title.text or "" for name in names)
    return " against ".join(re.sub("<[^>]*>", " ", title) for title in titles if title)


def _points(trace: go.Scatter | go.Bar) -> pd.DataFrame:
    spread = "tail" if trace.error_y.symmetric is False else "error"
    columns = {"x": trace.x, "y": trace.y, spread: trace.error_y.array}
    points = pd.DataFrame({name: np.asarray(each) for name, each in columns.items() if each is not None})
    points = points.dropna(subset=["x", "y"])
    points.insert(0, "series", trace.name)
    return points


def _matrix(trace: go.Heatmap) -> pd.DataFrame:
    values = np.asarray(trace.z, dtype=float)
    rows, columns = (_middles(given, size) for given, size in zip((trace.y, trace.x), values.shape, strict=True))
    cells = pd.DataFrame(values, index=rows, columns=columns)
    long = cells.rename_axis(index="y", columns="x").stack().rename("z").reset_index()
    return long.assign(series=trace.name)[["series", "x", "y", "z"]].dropna(subset=["z"])


def _middles(given: Sequence[Any] | None, cells: int) -> Sequence[Any]:
    """Return the positions of cells, given as their middles, as the edges between them, or not at all."""
    if given is None:
        return range(cells)
    if len(given) == cells:
        return given
    edges = np.asarray(given, dtype=float)
    middles: Sequence[Any] = (edges[:-1] + edges[1:]) / 2
    return middles
