"""The widgets of a notebook's cell by themselves: figures, and sliders."""

from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import Page
from plotly.offline import get_plotlyjs

from clnp_core.runs import jupyter

RENDER = """([source, state]) => import(`data:text/javascript,${encodeURIComponent(source)}`).then((widget) => {
  const listeners = {};
  const sent = [];
  window.model = {
    state, sent,
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      (listeners[`change:${name}`] ?? []).forEach((listener) => listener());
    },
    save_changes: () => sent.push({ ...state }),
    send: (message) => sent.push(message),
    on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
    off: (event, listener) => listeners[event].delete(listener),
  };
  window.end = widget.default.render({ model: window.model, el: document.body });
})"""


def render(page: Page, name: str, *scripts: str, **state: object) -> None:
    """Have a widget shown beside what its script has before it, with what the kernel says of it."""
    page.set_viewport_size({"width": 1000, "height": 700})
    page.set_content("<body></body>")
    for script in scripts:
        page.add_script_tag(content=script)
    page.evaluate(RENDER, [Path(jupyter.__file__).with_name(f"{name}.js").read_text(), state])


def test_charts_are_drawn_beside_each_other_and_change_in_place(page: Page):
    bars, more = ([go.Figure(go.Bar(y=y)).to_json() for _ in range(3)] for y in ([1, 2], [3, 4, 5]))
    render(page, "charts", get_plotlyjs(), figures=bars, theme="light")
    page.wait_for_function("document.querySelectorAll('.bars .point').length === 6")
    first = page.locator(".js-plotly-plot").first.element_handle()
    boxes = [chart.bounding_box() for chart in page.locator(".js-plotly-plot .svg-container").all()]
    assert boxes[0]["width"] > 2 * boxes[1]["width"] - 1
    assert boxes[1]["y"] == boxes[2]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert boxes[2]["x"] >= boxes[1]["x"] + boxes[1]["width"] - 1
    page.evaluate("figures => window.model.set('figures', figures)", more)
    page.wait_for_function("document.querySelectorAll('.bars .point').length === 9")
    assert first.evaluate("(chart) => chart.isConnected")
    page.evaluate("document.body.style.color = 'white'")
    page.wait_for_function("window.model.sent.at(-1)?.theme === 'dark'")
    page.evaluate("window.end()")
    assert page.locator(".main-svg").count() == 0


def test_a_slider_tells_of_a_hand_alone_and_of_one_move_at_a_time(page: Page):
    sliders = [{"name": name, "values": [0, 0.5, 1], "texts": ["none", "half", "all"], "at": 0} for name in ("m", "θ")]
    render(page, "sliders", sliders=sliders, turn="")
    hand = page.get_by_role("slider", name="m", exact=True)
    hand.press("ArrowRight")
    hand.press("ArrowRight")
    (asked,) = page.evaluate("window.model.sent")
    assert (asked["name"], asked["value"]) == ("m", 0.5)
    sliders[0]["at"], sliders[1]["at"] = 0.5, 1
    page.evaluate("sliders => window.model.set('sliders', sliders)", sliders)
    assert hand.get_attribute("aria-valuetext") == "all", "the hand is further"
    assert page.get_by_role("slider", name="θ", exact=True).get_attribute("aria-valuetext") == "all"
    page.evaluate("turn => window.model.set('turn', turn)", asked["turn"])
    sent = page.evaluate("window.model.sent")
    assert [(each["name"], each["value"]) for each in sent] == [("m", 0.5), ("m", 1)]
    assert sent[0]["turn"] != sent[1]["turn"]
