"""A Plotly chart that follows changing data in place: zoom and hover survive, nothing flickers.

`st.plotly_chart` builds the chart anew whenever its data change.
"""

from pathlib import Path

import plotly
import plotly.graph_objects as go
import streamlit as st
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

// Called again whenever the data or the page's theme change.
export default function ({ parentElement, data }) {
  const plot = parentElement.querySelector(".live-chart");
  plot.setAttribute("aria-label", data.alt);
  plot.wanted = data;
  load(data.plotly).then((Plotly) => {
    const { figure, config } = plot.wanted;
    const ink = getComputedStyle(plot).getPropertyValue("--st-text-color");
    if (!plot.isConnected || (plot.shown === figure && plot.ink === ink)) return;
    Object.assign(plot, { shown: figure, ink });
    const { data: traces, layout } = JSON.parse(figure);
    layout.font.color = ink || layout.font.color;
    Plotly.react(plot, traces, layout, config);
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


def live_chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure; call again with the same key to change it in place.

    Parameters
    ----------
    figure : plotly Figure
        With a height; the width follows the page.
    key : str
        What the chart is of. Zoom is kept for as long as it stays the same.
    alt : str
        The figure in words, for those who cannot see it.
    """
    figure = go.Figure(figure).update_layout(uirevision=key)
    base = st.get_option("server.baseUrlPath").strip("/")
    _component(
        key=key,
        data={
            "figure": figure.to_json(),
            "config": _CONFIG,
            "alt": alt,
            "plotly": f"{base and '/'}{base}/component/{_plotly_files.name}/plotly.min.js",
        },
    )
