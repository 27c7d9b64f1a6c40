"""Draws how important weights are, as a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from clnp_core.analysis.figures.base import BACKGROUND, HUES, INK, Theme, as_figure, themed

_MOST_CELLS = 200  # along an edge: a cell is then the mean of several links
_DECADES = 6


@themed
def weight_importance(importance: ArrayLike, names: Sequence[str], layer: int, theme: Theme = "light") -> go.Figure:
    """Draw the importance of the links into a layer, the neurons with the most of it first.

    Parameters
    ----------
    importance : float array [n, k]
        0 or more, as `Importance.links` returns it.
    names : sequence of str
        Names of all layers, the input first.
    layer : int
        Index of the upper layer in `names`.
    theme : {"light", "dark"}
    """
    values = np.asarray(importance, float)
    values = values[np.argsort(-values.sum(1), kind="stable")][:, np.argsort(-values.sum(0), kind="stable")]
    tops, lefts = (_edges(size) for size in values.shape)
    cells = np.add.reduceat(np.add.reduceat(values, tops[:-1], 0), lefts[:-1], 1) if values.size else np.zeros((0, 0))
    means = cells / np.outer(np.diff(tops), np.diff(lefts))
    largest = means.max(initial=0.0)
    shown = np.full(means.shape, np.nan)
    np.log10(means, out=shown, where=means > 0)
    top = np.log10(largest) if largest else 0.0
    colours = [[0.0, BACKGROUND[theme]], [0.55, HUES[4]], [1.0, HUES[0] if theme == "light" else INK[theme]]]
    trace = {
        "type": "heatmap",
        "x": lefts,
        "y": tops,
        "z": np.maximum(shown, top - _DECADES),
        "zmin": top - _DECADES,
        "zmax": top,
        "colorscale": colours,
        "colorbar": {
            "title": {"text": "Importance Ω", "side": "right"},
            "tickvals": [top - decade for decade in range(0, _DECADES + 1, 2)],
            "ticktext": [f"{10 ** (top - decade):.0e}" for decade in range(0, _DECADES + 1, 2)],
            "thickness": 12,
            "outlinewidth": 0,
        },
        "customdata": means,
        "hovertemplate": "Mean importance %{customdata:.2e}<extra></extra>",
    }
    upper, lower = names[layer], names[layer - 1]
    sides = zip((lower, upper), values.shape[::-1], strict=True)
    axes = [f"{name.capitalize()}: {size}, the most important first" for name, size in sides]
    bare = {"showgrid": False, "ticks": ""}
    layout = {
        "xaxis": {"title": {"text": axes[0]}, "range": [0, values.shape[1]], **bare},
        "yaxis": {"title": {"text": axes[1]}, "range": [values.shape[0], 0], **bare},
        "showlegend": False,
    }
    return as_figure([trace], layout, f"Importance of the weights into {upper}", 560, theme)


def _edges(size: int) -> np.ndarray:
    """Edges of the cells along an axis of so many links."""
    return np.unique(np.linspace(0, size, min(size, _MOST_CELLS) + 1).round().astype(int))
