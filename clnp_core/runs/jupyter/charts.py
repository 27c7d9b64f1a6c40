"""Plotly figures as one widget, which change in place. Needs anywidget.

Of several FigureWidgets of Plotly in a cell some stay empty, and each brings a plotly.js of five megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import anywidget
import plotly.graph_objects as go
import traitlets
from plotly.offline import get_plotlyjs

from clnp_core.analysis.figures import Theme

_RENDER = Path(__file__).with_suffix(".js").read_text()


class Charts(anywidget.AnyWidget):
    """Figures, the first over all the width, the others side by side, in the theme of the page around them.

    Parameters
    ----------
    draw : callable
        Theme → the figures as they are now.

    Attributes
    ----------
    figures : list of str
        As JSON.
    theme : {"light", "dark"}
        The page tells it.
    """

    _esm = f"{get_plotlyjs()}\n{_RENDER}"
    figures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    theme = traitlets.Enum(("light", "dark"), "light").tag(sync=True)

    def __init__(self, draw: Callable[[Theme], Sequence[go.Figure]]) -> None:
        super().__init__()
        self._draw = draw
        self.observe(lambda _: self.draw(), "theme")
        self.draw()

    def draw(self) -> None:
        """Draw the figures anew."""
        self.figures = [figure.to_json() for figure in self._draw(cast(Theme, self.theme))]
