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

from clnp_core.analysis.export import tidy, to_pdf
from clnp_core.analysis.figures.base import BACKGROUND
from dashboard.shared.said import attempt

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

function save(url, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
}

function furnish(root, plot) {
  const picture = async (format) => {
    const background = getComputedStyle(plot).getPropertyValue("--st-background-color");
    const { data, layout } = plot;
    const size = { width: plot.offsetWidth, height: plot.offsetHeight, scale: format === "png" ? 3 : 1 };
    const shown = { data, layout: { ...layout, paper_bgcolor: background } };
    save(await window.Plotly.toImage(shown, { format, ...size }), `${plot.wanted.name}.${format}`);
  };
  for (const button of root.querySelectorAll("[data-save]")) {
    const format = button.dataset.save;
    button.onclick = () => (["svg", "png"].includes(format) ? picture(format) : plot.tell("saved", format));
  }
  const code = root.querySelector("pre");
  const show = root.querySelector("[data-show]");
  show.onclick = () => {
    code.hidden = !code.hidden;
    show.setAttribute("aria-expanded", String(!code.hidden));
  };
}

// Called again whenever the data or the page's theme change.
export default function ({ parentElement, data, setTriggerValue }) {
  const plot = parentElement.querySelector(".live-chart");
  plot.setAttribute("aria-label", data.alt);
  plot.wanted = data;
  plot.tell = setTriggerValue;
  parentElement.querySelector("pre").textContent = data.code;
  parentElement.querySelector("[data-show]").style.display = data.code ? "" : "none";
  if (data.file && plot.saved !== data.file.turn) {
    plot.saved = data.file.turn;
    save(data.file.url, data.file.name);
  }
  load(data.plotly).then((Plotly) => {
    const { figure, config, turn } = plot.wanted;
    const ink = getComputedStyle(plot).getPropertyValue("--st-text-color");
    if (!plot.isConnected || (plot.shown === figure && plot.ink === ink && plot.turn === turn)) return;
    Object.assign(plot, { shown: figure, ink, turn });
    const { data: traces, layout } = JSON.parse(figure);
    layout.font.color = ink || layout.font.color;
    Plotly.react(plot, traces, layout, config);
    if (plot.resizing) return;
    listen(plot);
    furnish(parentElement, plot);
    plot.resizing = new ResizeObserver(() => plot.offsetWidth && Plotly.Plots.resize(plot));
    plot.resizing.observe(plot);
  });
}
"""

_HTML = """
<div class="live-chart" role="figure"></div>
<div class="live-chart-menu">
  <button type="button" data-show="code" aria-expanded="false">Code</button>
  <button type="button" data-save="csv" aria-label="Save the figure's data as CSV">CSV</button>
  <button type="button" data-save="svg" aria-label="Save the figure as SVG">SVG</button>
  <button type="button" data-save="png" aria-label="Save the figure as PNG">PNG</button>
  <button type="button" data-save="pdf" aria-label="Save the figure as PDF">PDF</button>
</div>
<pre class="live-chart-code" tabindex="0" hidden></pre>
"""

_CSS = """
.live-chart { width: 100%; }
.live-chart-menu { display: flex; justify-content: flex-end; gap: 0.25rem; }
.live-chart-menu button {
  font: inherit; font-size: 0.75rem; padding: 0.125rem 0.375rem; color: inherit; background: none; opacity: 0.75;
  border: 1px solid transparent; border-radius: 0.25rem; cursor: pointer;
}
.live-chart-menu button:hover, .live-chart-menu button:focus-visible {
  opacity: 1; border-color: var(--st-primary-color); color: var(--st-primary-color);
}
.live-chart-code {
  margin: 0.25rem 0 0; padding: 0.75rem; overflow-x: auto; font-size: 0.75rem; border-radius: 0.5rem;
  background: var(--st-secondary-background-color);
}
"""

_component = st.components.v2.component(
    "clnp.live_chart",
    html=_HTML,
    css=_CSS,
    js=_JS,
    isolate_styles=False,  # plotly.js keeps its style sheet in the document
)


def live_chart(
    figure: go.Figure,
    key: str,
    alt: str,
    *,
    code: str = "",
    on_click: Callable[[Any], None] | None = None,
    on_drag: Callable[[float], None] | None = None,
) -> None:
    """Show a figure; call again with the same key to change it in place.

    Under it are buttons that save it as SVG, PNG or PDF and its data as CSV, and show the code that makes it.

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
    on_click : callable, optional
        Called with the customdata of a point that is clicked.
    on_drag : callable, optional
        Called with where on the x axis the first shape was dragged to. Without it shapes cannot be dragged.
    """
    drawn = figure.to_plotly_json()
    drawn["layout"]["uirevision"] = key
    base = st.get_option("server.baseUrlPath").strip("/")
    name = "-".join(figure.layout.title.text.lower().replace(",", "").split())
    turns, file = f"{key} turn", f"{key} file"

    def clicked() -> None:
        if on_click:
            on_click(st.session_state[key]["clicked"])

    def dragged() -> None:
        # What was dragged is drawn anew, also if that changed nothing.
        st.session_state[turns] = st.session_state.get(turns, 0) + 1
        if on_drag:
            on_drag(st.session_state[key]["dragged"])

    def saved() -> None:
        with_url = _file(figure, name, st.session_state[key]["saved"])
        if with_url:
            st.session_state[file] = with_url

    _component(
        key=key,
        data={
            "figure": to_json_plotly(drawn),
            "config": _CONFIG | {"edits": {"shapePosition": on_drag is not None}},
            "turn": st.session_state.get(turns, 0),
            "alt": alt,
            "plotly": f"{base and '/'}{base}/component/{_plotly_files.name}/plotly.min.js",
            "name": name,
            "code": code,
            "file": st.session_state.pop(file, None),
        },
        on_clicked_change=clicked,
        on_dragged_change=dragged,
        on_saved_change=saved,
    )


def _file(figure: go.Figure, name: str, form: str) -> dict[str, Any] | None:
    """The figure or its data, for the browser to save; None if that failed, which is then said."""
    made: list[bytes] = []
    background = BACKGROUND[st.context.theme.type or "light"]
    write = {"pdf": lambda: to_pdf(figure, background), "csv": lambda: tidy(figure).to_csv(index=False).encode()}
    if not attempt(lambda: made.append(write[form]())):
        return None
    url = f"data:{_TYPES[form]};base64,{b64encode(made[0]).decode()}"
    return {"url": url, "name": f"{name}.{form}", "turn": time.time()}


_TYPES = {"pdf": "application/pdf", "csv": "text/csv"}
