"""Plotly figures as one widget, which change in place. Needs anywidget.

Of several FigureWidgets of Plotly in a cell some stay empty, and each brings a plotly.js of five megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anywidget
import plotly.graph_objects as go
import traitlets
from plotly.offline import get_plotlyjs

_RENDER = Path(__file__).with_suffix(".js").read_text()


class Charts(anywidget.AnyWidget):
    """Figures side by side where there is room for it.

    Attributes
    ----------
    figures : list of str
        As JSON; `show` sets them.
    """

    _esm = f"{get_plotlyjs()}\n{_RENDER}"
    figures = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def show(self, figures: Sequence[go.Figure]) -> None:
        """Draw figures in place of those before."""
        self.figures = [figure.to_json() for figure in figures]
