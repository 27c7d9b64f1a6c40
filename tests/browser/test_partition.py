"""The partition as a person looks at it: watch the network fill up, click a neuron, see two layers' weights at once."""

import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from plotly.io.json import to_json_plotly

from clnp_core.analysis import figures
from clnp_core.runs.store import Store
from clnp_core.runs.views.anatomy import anatomy
from tests.browser.conftest import serving

pytestmark = pytest.mark.browser

PATIENCE = 60_000
MOST_MILLISECONDS = 200
PRESET = ["digits", "--tasks", "4", "--epochs", "8", "--set", "single_task=false"]

DRAW = """
async ({ traces, layout, turns }) => {
  const plot = document.body.appendChild(document.createElement("div"));
  await Plotly.newPlot(plot, [{ y: [1, 2] }], {});
  const milliseconds = [];
  for (let turn = 0; turn < turns; turn++) {
    const drawn = new Promise((done) => plot.once("plotly_afterplot", done));
    const began = performance.now();
    Plotly.react(plot, traces[turn], layout[turn]);
    await drawn;
    milliseconds.push(performance.now() - began);
  }
  return milliseconds;
}
"""


@pytest.fixture(scope="module")
def learned(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store, str]]:
    """The page's address, its store, and the run in it, which has learned four tasks."""
    folder = tmp_path_factory.mktemp("store")
    subprocess.run([sys.executable, "-m", "clnp_core.cli", "run", *PRESET, "--store", folder], check=True)
    store = Store(folder)
    with serving(folder) as address:
        yield f"{address}/partition", store, store.runs()[0].id


def opened(page: Page, address: str) -> Locator:
    """The graph, once it is drawn."""
    page.goto(address)
    graph = page.locator(".live-chart").first
    expect(graph.locator("path.point").first).to_be_visible(timeout=PATIENCE)
    settled(page)
    return graph


def settled(page: Page) -> None:
    page.wait_for_function("[...document.querySelectorAll('.live-chart')].every((chart) => chart.on)")
    page.wait_for_selector("[data-test-script-state=notRunning]")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def claimed(graph: Locator) -> int:
    """Neurons on the screen that are not free."""
    return graph.evaluate(
        "({ data }) => data.filter(({ name }) => /^task \\d+$/.test(name))"
        ".reduce((sum, { customdata }) => sum + customdata.length, 0)"
    )


def test_play_fills_the_network_up(page: Page, learned: tuple[str, Store, str]):
    address, store, run = learned
    graph = opened(page, f"{address}?run={run}&task=0")
    assert claimed(graph) == 0
    button(page, "Play").click()
    seen = [0]
    for task in range(1, 5):
        expect(graph.locator(".gtitle")).to_have_text(f"The partition after task {task}", timeout=PATIENCE)
        seen.append(claimed(graph))
    assert seen == sorted(set(seen))
    assert seen[-1] == sum(sum(record["claimed"]) for record in store.learned(run))
    page.wait_for_url(f"{address}?run={run}&task=4")
    expect(button(page, "Play")).to_be_visible()


def test_a_neuron_that_is_clicked_is_looked_at_and_the_address_tells_it(page: Page, learned: tuple[str, Store, str]):
    address, store, run = learned
    graph = opened(page, f"{address}?run={run}")
    first = int(np.flatnonzero(anatomy(store, run, 4).owners[0] == 1)[0])
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
    button(page, "Close").click()
    page.wait_for_url(f"{address}?run={run}")
    expect(page.get_by_text("Click a neuron")).to_be_visible()


def test_the_slider_goes_through_the_tasks_and_the_address_follows_when_it_rests(
    page: Page, learned: tuple[str, Store, str]
):
    address, _, run = learned
    graph = opened(page, f"{address}?run={run}&task=2")
    slider = page.get_by_role("slider", name="The network")
    assert slider.get_attribute("aria-valuetext") == "after task 2 of 4"
    slider.press("ArrowRight")
    page.wait_for_url("**task=3")
    expect(graph.locator(".gtitle")).to_have_text("The partition after task 3")
    settled(page)
    page.get_by_text("Before", exact=True).click()
    page.wait_for_url("**view=before")
    expect(graph.locator(".gtitle")).to_have_text("The partition after task 3, before severing")


def test_a_strip_of_the_matrix_leads_to_a_neuron(page: Page, learned: tuple[str, Store, str]):
    address, _, run = learned
    opened(page, f"{address}?run={run}")
    matrix = page.locator(".live-chart").nth(1)
    matrix.scroll_into_view_if_needed()
    strip = matrix.locator("g.x2y rect, .x2y .heatmaplayer image").first.bounding_box()
    page.mouse.click(strip["x"] + strip["width"] / 2, strip["y"] + 5)
    page.wait_for_url(re.compile(r"neuron=2(:|%3A)\d+$"))


def test_two_thousand_by_two_thousand_weights_are_drawn_within_a_fifth_of_a_second(page: Page):
    generator = np.random.default_rng(0)
    drawn = []
    for seed in range(5):
        layers = [generator.permutation(np.repeat(np.arange(11, dtype=np.int16), 182)[:2000]) for _ in range(2)]
        names, theme = ("input", "layer 1", "layer 2", "output"), ("light", "dark")[seed % 2]
        drawn.append(figures.weight_classes(*layers, names, 2, theme))
    page.set_content("<body></body>")
    page.add_script_tag(path=Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    code = "[" + ",".join(to_json_plotly(figure.to_plotly_json()) for figure in drawn) + "]"
    milliseconds = page.evaluate(
        f"(code) => {{ const figures = JSON.parse(code); return ({DRAW})({{"
        "traces: figures.map(({ data }) => data), layout: figures.map(({ layout }) => layout), turns: figures.length"
        "}); }",
        code,
    )
    assert statistics.median(milliseconds) < MOST_MILLISECONDS
    assert page.locator("image").count() >= 1


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, learned: tuple[str, Store, str]):
    address, _, run = learned
    phone = browser.new_page(viewport={"width": 400, "height": 800})
    opened(phone, f"{address}?run={run}&neuron=1:3")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 400
    phone.close()


def test_an_empty_store_says_where_to_begin(empty_app: str, page: Page):
    page.goto(f"{empty_app}/partition")
    expect(page.get_by_text("Nothing has been learned yet")).to_be_visible()
