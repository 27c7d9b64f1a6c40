"""The partition as a person looks at it: watch the network fill up, click a neuron, see two layers' weights at once."""

import re
from pathlib import Path

import numpy as np
import plotly
import pytest
from playwright.sync_api import Locator, Page, expect
from plotly.io.json import to_json_plotly

from clnp_core.analysis import figures
from clnp_core.runs.store import Store
from clnp_core.runs.views.anatomy import anatomy

pytestmark = pytest.mark.browser

TASKS = 3

# The title that is there and every one that is drawn from now on, and how many neurons are not free then.
WATCH = """
(graph) => {
  window.drawn = {};
  const look = () => {
    const claimed = graph.data.filter(({ name }) => /^task \\d+$/.test(name));
    window.drawn[graph.querySelector(".gtitle").textContent] =
      claimed.reduce((sum, { customdata }) => sum + customdata.length, 0);
  };
  look();
  graph.on("plotly_afterplot", look);
}
"""


@pytest.fixture
def partition(learned: tuple[str, Store, str]) -> tuple[str, Store, str]:
    """The page's address, its store, and the run in it, which has learned three tasks."""
    address, store, run = learned
    return f"{address}/partition", store, run


def opened(page: Page, address: str) -> Locator:
    """The graph, once it is drawn."""
    page.goto(address)
    graph = page.locator(".live-chart").first
    expect(graph.locator("path.point").first).to_be_visible()
    settled(page)
    return graph


def settled(page: Page) -> None:
    page.wait_for_function("[...document.querySelectorAll('.live-chart')].every((chart) => chart.on)")
    page.wait_for_selector("[data-test-script-state=notRunning]")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def test_play_fills_the_network_up_and_the_slider_goes_back_while_the_address_follows(
    page: Page, partition: tuple[str, Store, str]
):
    address, store, run = partition
    graph = opened(page, f"{address}?run={run}&task=0")
    graph.evaluate(WATCH)
    slider = page.get_by_role("slider", name="The network")
    expect(slider).to_have_attribute("aria-valuetext", "before the first task")  # it is loaded for itself, too
    button(page, "Play").click()
    page.wait_for_url(f"{address}?run={run}&task={TASKS}")
    expect(button(page, "Play")).to_be_visible()
    expect(graph.locator(".gtitle")).to_have_text(f"The partition after task {TASKS}")
    sizes = [sum(record.claimed) for record in store.learned(run)]
    drawn = page.evaluate("Object.entries(window.drawn)")
    assert drawn == [
        ["The partition before the first task", 0],
        *([f"The partition after task {task}", sum(sizes[:task])] for task in range(1, TASKS + 1)),
    ]

    expect(slider).to_have_attribute("aria-valuetext", f"after task {TASKS} of {TASKS}")
    slider.press("ArrowLeft")
    page.wait_for_url("**task=2")
    expect(graph.locator(".gtitle")).to_have_text("The partition after task 2")
    settled(page)
    page.get_by_text("Before", exact=True).click()
    page.wait_for_url("**view=before")
    expect(graph.locator(".gtitle")).to_have_text("The partition after task 2, before severing")


def test_a_neuron_that_is_clicked_is_looked_at_and_the_address_tells_it(page: Page, partition: tuple[str, Store, str]):
    address, store, run = partition
    graph = opened(page, f"{address}?run={run}")
    first = int(np.flatnonzero(anatomy(store, run, TASKS).owners[0] == 1)[0])
    dot = graph.locator("path.point").first  # the first neuron of task 1 in layer 1
    dot.hover(force=True)
    expect(graph.locator(".hoverlayer")).to_contain_text(f"layer 1, neuron {first}")
    expect(graph.locator(".hoverlayer")).to_contain_text("█")
    dot.click(force=True)
    page.wait_for_url(re.compile(f"neuron=1(:|%3A){first}$"))
    expect(page.get_by_text(f"Layer 1, neuron {first}.")).to_be_visible()
    expect(page.locator(".gtitle", has_text="What it looks at")).to_be_visible()
    here = page.url
    opened(page, here)
    expect(page.get_by_text("Claimed by task 1.")).to_be_visible()
    usual = page.viewport_size
    page.set_viewport_size({"width": 400, "height": 800})  # a phone
    page.wait_for_function("document.documentElement.scrollWidth <= 400")
    page.set_viewport_size(usual)
    button(page, "Close").click()
    page.wait_for_url(f"{address}?run={run}")
    expect(page.get_by_text("Click a neuron")).to_be_visible()


def test_a_strip_of_the_matrix_leads_to_a_neuron(page: Page, partition: tuple[str, Store, str]):
    address, _, run = partition
    opened(page, f"{address}?run={run}")
    matrix = page.locator(".live-chart").nth(1)
    matrix.scroll_into_view_if_needed()
    strip = matrix.locator("g.x2y rect, .x2y .heatmaplayer image").first.bounding_box()
    page.mouse.click(strip["x"] + strip["width"] / 2, strip["y"] + 5)
    page.wait_for_url(re.compile(r"neuron=2(:|%3A)\d+$"))


def test_two_thousand_by_two_thousand_weights_are_an_image(page: Page):
    generator = np.random.default_rng(0)
    layers = [generator.permutation(np.repeat(np.arange(11, dtype=np.int16), 182)[:2000]) for _ in range(2)]
    figure = figures.weight_classes(*layers, ("input", "layer 1", "layer 2", "output"), 2)
    page.set_content("<body></body>")
    page.add_script_tag(path=Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    page.evaluate("(code) => Plotly.newPlot(document.body, JSON.parse(code))", to_json_plotly(figure.to_plotly_json()))
    assert page.locator("image").count() >= 1
    assert page.locator("path.point").count() == 0
