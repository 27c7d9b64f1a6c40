"""A Plotly chart that follows changing data in place: zoom and hover survive, nothing flickers.

`st.plotly_chart` builds the chart anew whenever its data change.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st
from plotly.io.json import to_json_plotly
from streamlit.components.v1 import declare_component

# Serves the plotly.js that came with the plotly package, from where it is installed, under /component/<name>/.
_plotly_files = declare_component("plotly_js", path=Path(plotly.__file__).parent / "package_data")

_CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}

_JS = """
function load(url) {
  window.clnpPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { window.clnpPlotly = undefined; reject(new Error(`${url} cannot be loaded`)); };
    document.head.append(script);
  });
  return window.clnpPlotly;
}

function listen(plot) {
  plot.on("plotly_click", ({ points }) => plot.tell("clicked", points[0].customdata));
  plot.on("plotly_relayout", (change) => {
    if ("shapes[0].x0" in change) plot.tell("dragged", change["shapes[0].x0"]);
  });
}

// Called again whenever the data or the page's theme change.
export default function ({ parentElement, data, setTriggerValue }) {
  const plot = parentElement.querySelector(".live-chart");
  plot.setAttribute("aria-label", data.alt);
  plot.wanted = data;
  plot.tell = setTriggerValue;
  load(data.plotly).then((Plotly) => {
    const { figure, config } = plot.wanted;
    const ink = getComputedStyle(plot).getPropertyValue("--st-text-color");
    const { turn } = plot.wanted;
    if (!plot.isConnected || (plot.shown === figure && plot.ink === ink && plot.turn === turn)) return;
    Object.assign(plot, { shown: figure, ink, turn });
    const { data: traces, layout } = JSON.parse(figure);
    layout.font.color = ink || layout.font.color;
    Plotly.react(plot, traces, layout, config);
    if (data.answers && !plot.resizing) listen(plot);
    plot.resizing ??= new ResizeObserver(() => plot.offsetWidth && Plotly.Plots.resize(plot));
    plot.resizing.observe(plot);
  });
}
"""

_component = st.components.v2.component(
    "clnp.live_chart",
    html='<div class="live-chart" role="img"></div>',
    css=".live-chart { width: 100%; }",
    js=_JS,
    isolate_styles=False,  # plotly.js keeps its style sheet in the document
)


def live_chart(
    figure: go.Figure,
    key: str,
    alt: str,
    *,
    on_click: Callable[[Any], None] | None = None,
    on_drag: Callable[[float], None] | None = None,
) -> None:
    """Show a figure; call again with the same key to change it in place.

    Parameters
    ----------
    figure : plotly Figure
        With a height; the width follows the page.
    key : str
        What the chart is of. Zoom is kept for as long as it stays the same.
    alt : str
        The figure in words, for those who cannot see it.
    on_click : callable, optional
        Called with the customdata of a point that is clicked.
    on_drag : callable, optional
        Called with where on the x axis the first shape was dragged to. Without it shapes cannot be dragged.
    """
    drawn = figure.to_plotly_json()
    drawn["layout"]["uirevision"] = key
    base = st.get_option("server.baseUrlPath").strip("/")
    answers = {"clicked": on_click, "dragged": on_drag}
    turns = f"{key} turn"  # what was dragged is drawn anew, also if that changed nothing
    _component(
        key=key,
        data={
            "figure": to_json_plotly(drawn),
            "config": _CONFIG | {"edits": {"shapePosition": on_drag is not None}},
            "turn": st.session_state.get(turns, 0),
            "alt": alt,
            "plotly": f"{base and '/'}{base}/component/{_plotly_files.name}/plotly.min.js",
            "answers": any(answers.values()),
        },
        **{f"on_{name}_change": _caller(key, turns, name, answer) for name, answer in answers.items() if answer},
    )


def _caller(key: str, turns: str, name: str, answer: Callable[[Any], None]) -> Callable[[], None]:
    def call() -> None:
        st.session_state[turns] = st.session_state.get(turns, 0) + 1
        answer(st.session_state[key][name])

    return call
