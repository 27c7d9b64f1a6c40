"""A figure as a file: for print, and its data for whoever wants to draw it anew. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.errors import ExportError

_NO_BROWSER = (
    "A figure becomes a PDF in a Chromium or Chrome, and none was found; install one (apt-get install chromium), or "
    "name it in BROWSER_PATH."
)


def to_pdf(figure: go.Figure, width: int = 900) -> bytes:
    """A figure as vectors, on white.

    Parameters
    ----------
    figure : plotly Figure
        With a height.
    width : int
        Pixels, 96 to the inch.

    Raises
    ------
    ExportError
        If there is no Chromium, or it fails.
    """
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError

    try:
        return go.Figure(figure).update_layout(paper_bgcolor="white").to_image(format="pdf", width=width)
    except (ChromeNotFoundError, BrowserFailedError, RuntimeError) as error:
        if "hrome" in str(error) or isinstance(error, ChromeNotFoundError):
            raise ExportError(_NO_BROWSER) from error
        raise ExportError(f"The figure could not be drawn: {error}") from error


def tidy(figure: go.Figure) -> pd.DataFrame:
    """What a figure shows, a row for each point.

    Returns
    -------
    DataFrame
        series (the name in the legend), x, y and, of a matrix, z.
    """
    frames = [_matrix(trace) if trace.type == "heatmap" else _points(trace) for trace in figure.data]
    shown = [frame for frame in frames if len(frame)]
    return pd.concat(shown, ignore_index=True) if shown else pd.DataFrame(columns=["series", "x", "y"])


def _points(trace: go.Scatter | go.Bar) -> pd.DataFrame:
    points = pd.DataFrame({"x": np.asarray(trace.x), "y": np.asarray(trace.y)}).dropna()
    points.insert(0, "series", trace.name)
    return points


def _matrix(trace: go.Heatmap) -> pd.DataFrame:
    values = np.asarray(trace.z, dtype=float)
    rows, columns = (_middles(given, size) for given, size in zip((trace.y, trace.x), values.shape, strict=True))
    cells = pd.DataFrame(values, index=rows, columns=columns)
    long = cells.rename_axis(index="y", columns="x").stack().rename("z").reset_index()
    return long.assign(series=trace.name)[["series", "x", "y", "z"]].dropna(subset=["z"])


def _middles(given: Sequence[Any] | None, cells: int) -> Sequence[Any]:
    """Where so many cells stand, which may be given by the edges between them, or not at all."""
    if given is None:
        return range(cells)
    if len(given) == cells:
        return given
    edges = np.asarray(given, dtype=float)
    return (edges[:-1] + edges[1:]) / 2
