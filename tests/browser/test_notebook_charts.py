"""The charts of a notebook's cell, as JupyterLab would draw them."""

from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import Page
from plotly.offline import get_plotlyjs

from clnp_core.runs import jupyter

MODEL = """(source, figures) => import(`data:text/javascript,${encodeURIComponent(source)}`).then((charts) => {
  const listeners = new Set();
  window.model = {
    get: () => figures, on: (_, listener) => listeners.add(listener), off: (_, listener) => listeners.delete(listener),
    set: (others) => { figures = others; listeners.forEach((listener) => listener()); },
  };
  window.end = charts.default.render({ model: window.model, el: document.body });
})"""


def test_charts_are_drawn_side_by_side_and_change_in_place(page: Page):
    page.set_viewport_size({"width": 1000, "height": 700})
    page.set_content("<body></body>")
    page.add_script_tag(content=get_plotlyjs())
    bars, more = ([go.Figure(go.Bar(y=y)).to_json() for _ in range(2)] for y in ([1, 2], [3, 4, 5]))
    source = Path(jupyter.__file__).with_name("charts.js").read_text()
    page.evaluate(f"([source, figures]) => ({MODEL})(source, figures)", [source, bars])
    page.wait_for_function("document.querySelectorAll('.bars .point').length === 4")
    first = page.locator(".js-plotly-plot").first.element_handle()
    boxes = [chart.bounding_box() for chart in page.locator(".js-plotly-plot").all()]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"] - 1
    page.evaluate("figures => window.model.set(figures)", more)
    page.wait_for_function("document.querySelectorAll('.bars .point').length === 6")
    assert first.evaluate("(chart) => chart.isConnected")
    page.evaluate("window.end()")
    assert page.locator(".main-svg").count() == 0
