"""A Plotly chart that follows changing data in place: zoom and hover survive, nothing flickers.

`st.plotly_chart` builds the chart anew whenever its data change.
"""

import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st
from plotly.io.json import to_json_plotly
from streamlit.components.v1 import declare_component

from clnp_core.analysis.drawing import FONTS
from clnp_core.analysis.export import drawn, tidy, to_pdf
from clnp_core.analysis.figures import for_paper, in_light
from clnp_core.analysis.figures.base import BACKGROUND
from dashboard.components.component import component
from dashboard.shared.errors import attempt

# Serves the plotly.js that came with the plotly package, and our fonts, from where they are, under component/<name>/.
_plotly_files = declare_component("plotly_js", path=Path(plotly.__file__).parent / "package_data")
_font_files = declare_component("fonts", path=FONTS)

_CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "toImage"],
}

_component = component("live_chart", isolate_styles=False)  # plotly.js keeps its style sheet in the document


def live_chart(
    figure: go.Figure,
    key: str,
    alt: str,
    *,
    code: str = "",
    fills: bool = False,
    on_click: Callable[[Any], None] | None = None,
    on_drag: Callable[[float], None] | None = None,
    on_brush: Callable[[dict[str, list[float]]], None] | None = None,
) -> None:
    """Show a figure; call again with the same key to change it in place.

    Under it are buttons that save it as SVG, PNG or PDF and its data as CSV, lay it out for paper in a dialog, and show
    the code that makes it.

    Parameters
    ----------
    figure : plotly Figure
        With a height and a title; the width follows the page.
    key : str
        What the chart is of. Zoom is kept for as long as it stays the same.
    alt : str
        The figure in words, for those who cannot see it.
    code : str, optional
        Lines of Python that make it in a notebook.
    fills : bool
        Whether it is as tall as the page's style has it, not as the figure: `.live-chart` inside some container. On a
        phone it then goes without its legend.
    on_click : callable, optional
        Called with the customdata of a point that is clicked.
    on_drag : callable, optional
        Called with where on the x axis the first shape was dragged to. Without it shapes cannot be dragged.
    on_brush : callable, optional
        Called with the sides of a box that was drawn, on the axes "x" and "y"; with neither after a double click. What
        it chooses the next figure has to show, as the box goes. Without it a drag zooms, where axes are not fixed.
    """
    shown = figure.to_plotly_json()
    shown["layout"]["uirevision"] = key
    name = "-".join(figure.layout.title.text.lower().replace(",", "").split())
    turns, file = f"{key} turn", f"{key} file"

    def clicked() -> None:
        if on_click:
            on_click(st.session_state[key]["clicked"])

    def turn() -> None:
        # What was dragged is drawn anew, also if that changed nothing.
        st.session_state[turns] = st.session_state.get(turns, 0) + 1

    def dragged() -> None:
        turn()
        if on_drag:
            on_drag(st.session_state[key]["dragged"])

    def brushed() -> None:
        turn()
        if on_brush:
            on_brush(st.session_state[key]["brushed"])

    def saved() -> None:
        with_url = _file(figure, name, st.session_state[key]["saved"])
        if with_url:
            st.session_state[file] = with_url

    _component(
        key=key,
        data={
            "figure": to_json_plotly(shown),
            "config": _CONFIG | {"edits": {"shapePosition": on_drag is not None}},
            "turn": st.session_state.get(turns, 0),
            "fills": fills,
            "brushes": on_brush is not None,
            "alt": alt,
            # Beside the page: under which path the app is served, a proxy may know alone.
            "plotly": f"component/{_plotly_files.name}/plotly.min.js",
            "fonts": f"component/{_font_files.name}",
            "name": name,
            "code": code,
            "file": st.session_state.pop(file, None),
        },
        on_clicked_change=clicked,
        on_dragged_change=dragged,
        on_brushed_change=brushed,
        on_saved_change=saved,
    )


def _file(figure: go.Figure, name: str, asked: str | dict[str, Any]) -> dict[str, Any] | None:
    """Write the figure or its data for the browser to save; None if that failed, which the page then tells.

    `asked` is a format, for what is on the screen, or what was asked for in the dialog.
    """
    form = asked if isinstance(asked, str) else asked["form"]
    made: list[bytes] = []

    def write() -> bytes:
        if form == "csv":
            return tidy(figure).to_csv(index=False).encode()
        if isinstance(asked, str):
            return to_pdf(figure, BACKGROUND[st.context.theme.type or "light"])
        paper = for_paper(in_light(figure), font=asked["font"], width=asked["width"], size=asked["size"])
        return drawn(paper.update_layout(paper_bgcolor="white"), form, asked["dpi"])

    if not attempt(lambda: made.append(write())):
        return None
    url = f"data:{_TYPES[form]};base64,{b64encode(made[0]).decode()}"
    return {"url": url, "name": f"{name}.{form}", "turn": time.time()}


_TYPES = {"pdf": "application/pdf", "csv": "text/csv", "svg": "image/svg+xml", "png": "image/png"}
