"""The trade-off explorer as a person uses it: move sliders, drag, click, undo, send the link, train, go on from it."""

import random
import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from clnp_core.cli import main
from clnp_core.runs.store import Store
from tests.browser.two_moves import lost

pytestmark = pytest.mark.browser

WATCH = """
() => {
  window.drawn = new Set();
  for (const chart of document.querySelectorAll(".live-chart"))
    chart.on("plotly_afterplot", () => window.drawn.add(chart));
}
"""


@pytest.fixture
def explored(learned: tuple[str, Store, str]) -> tuple[str, Store, str]:
    """The run's address on the page, its store, and the run, which has learned three tasks."""
    address, store, run = learned
    return f"{address}/trade-off?run={run}", store, run


OUTCOME = "document.querySelector('.st-key-outcome').innerText"


def opened(page: Page, address: str) -> None:
    page.goto(address)
    expect(measure(page, "Test accuracy")).to_contain_text("%")
    page.wait_for_function("[...document.querySelectorAll('.live-chart')].every((chart) => chart.on)")
    page.wait_for_selector("[data-test-script-state=notRunning]")


def measure(page: Page, label: str) -> Locator:
    return page.locator(".st-key-outcome [data-testid=stMetric]").filter(has_text=label)


def value(page: Page, label: str) -> str:
    return measure(page, label).locator("[data-testid=stMetricValue]").inner_text()


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def moved(page: Page, act) -> None:
    """Do something that is a step, and wait until the address tells it."""
    before = page.url
    act()
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector("[data-test-script-state=notRunning]")


def test_its_numbers_are_those_of_clnp_show(
    page: Page, explored: tuple[str, Store, str], capsys: pytest.CaptureFixture
):
    address, store, run = explored
    assert main(["show", run, "--store", str(store.location)]) == 0
    shown = capsys.readouterr().out
    rows = [re.findall(r"[\d./%]+", line) for line in shown.splitlines() if line.startswith("│")]
    for task, record in enumerate(store.learned(run), start=1):
        _, accuracy, _, _, theta, *layers = rows[task - 1]  # between them, the lowest accuracy of a class, and which
        opened(page, f"{address}&task={task}")
        expect(measure(page, "Test accuracy")).to_contain_text(accuracy)
        expect(measure(page, "Validation accuracy")).to_contain_text(f"{record.validation_accuracy:.2%}")
        expect(slider(page, "θ")).to_have_attribute("aria-valuetext", theta)
        for name, layer in zip(("layer 1", "layer 2"), layers, strict=True):
            claimed, _, free = layer.split("/")
            expect(measure(page, f"Claimed / free, {name}")).to_contain_text(f"{claimed} / {free}")


def test_figures_follow_theta_in_place(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    charts = page.locator(".live-chart")
    expect(charts).to_have_count(4)
    page.evaluate(WATCH)
    for _ in range(3):
        page.evaluate("window.drawn.clear()")
        before = page.evaluate(OUTCOME)
        slider(page, "θ").press("ArrowRight")
        page.wait_for_function("window.drawn.size === 4")
        page.wait_for_function(f"before => {OUTCOME} !== before", arg=before)
        page.wait_for_selector("[data-test-script-state=notRunning]")


def test_figures_change_while_the_slider_is_in_the_hand(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    address, box = page.url, slider(page, "θ").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.6 * box["width"], middle)
    page.mouse.down()
    seen = []
    for step in range(4):
        before = value(page, "Claimed / free, layer 2")
        page.mouse.move(box["x"] + (0.65 + 0.08 * step) * box["width"], middle)
        expect(measure(page, "Claimed / free, layer 2")).not_to_contain_text(before)
        seen.append(value(page, "Claimed / free, layer 2"))
        assert page.url == address
    moved(page, page.mouse.up)
    assert len(set(seen)) == 4
    button(page, "Undo").click()
    page.wait_for_url(address)


def test_a_link_brings_back_the_same_view_in_another_browser(
    page: Page, browser: Browser, explored: tuple[str, Store, str]
):
    opened(page, explored[0])
    moved(page, lambda: slider(page, "Margin m").press("ArrowRight"))
    moved(page, lambda: slider(page, "θ").press("ArrowRight"))
    here = page.locator(".st-key-outcome").inner_text()
    where = [each.get_attribute("aria-valuetext") for each in page.get_by_role("slider").all()]
    elsewhere = browser.new_context().new_page()
    opened(elsewhere, page.url)
    assert elsewhere.url == page.url
    expect(elsewhere.locator(".st-key-outcome")).to_have_text(here, use_inner_text=True)
    for each, there in zip(elsewhere.get_by_role("slider").all(), where, strict=True):
        expect(each).to_have_attribute("aria-valuetext", there)
    elsewhere.context.close()


def test_steps_are_undone_and_done_again(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    expect(button(page, "Undo")).to_be_disabled()
    links = [page.url]
    for name in ("θ", "Margin m", "θ"):
        moved(page, lambda name=name: slider(page, name).press("ArrowLeft"))
        links.append(page.url)
    for link in links[-2::-1]:
        button(page, "Undo").click()
        page.wait_for_url(link)
    expect(button(page, "Undo")).to_be_disabled()
    page.keyboard.press("Control+y")
    page.wait_for_url(links[1])
    expect(button(page, "Redo")).to_be_enabled()


def test_a_point_of_the_front_sets_the_sliders(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    trace, front = page.evaluate(
        "(({ data }) => { const trace = data.findIndex(({ name }) => name === 'Pareto front');"
        " return [trace, data[trace].customdata.map((told) => told.slice(1, 3))]; })"
        "(document.querySelector('.live-chart'))"
    )
    place = 1 if slider(page, "θ").get_attribute("aria-valuetext") == f"{front[0][0]:.3g}" else 0
    mark = page.locator(".live-chart").first.locator("g.trace.scatter").nth(trace).locator("path.point").nth(place)
    moved(page, lambda: mark.click(force=True))
    theta, l1 = front[place]
    expect(slider(page, "θ")).to_have_attribute("aria-valuetext", f"{theta:.3g}")
    assert float(slider(page, "λ layer 2").get_attribute("aria-valuetext")) == float(l1.split(" / ")[1])


def test_theta_is_dragged_in_the_histogram(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    line = page.locator(".live-chart").nth(2).locator(".shapelayer path").last
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    before = float(slider(page, "θ").get_attribute("aria-valuetext"))

    def drag() -> None:
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] - 30, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()

    moved(page, drag)
    assert 0 < float(slider(page, "θ").get_attribute("aria-valuetext")) < before


def test_thresholds_of_each_layer_are_evaluated_by_the_engine_and_a_run_goes_on_from_them(
    page: Page, explored: tuple[str, Store, str]
):
    address, store, run = explored
    opened(page, f"{address}&task=2")
    moved(page, lambda: page.get_by_text("One per layer").click())
    moved(page, lambda: [slider(page, "θ layer 1").press("ArrowRight") for _ in range(2)])
    moved(page, lambda: slider(page, "θ layer 2").press("ArrowLeft"))
    for label in ("Validation accuracy", "Test accuracy"):
        expect(measure(page, label)).to_contain_text("%")
    told = [value(page, label) for label in ("Validation accuracy", "Test accuracy", "Claimed / free, layer 1")]
    button(page, "Commit as a new run").click()
    expect(page.get_by_text(f"Shares tasks 1 to 1 with {run}, and the training of this candidate.")).to_be_visible()
    button(page, "Start the run").click()
    page.wait_for_url(re.compile(r"/\?run=digits-"))
    fork = page.url.partition("?run=")[2]
    expect(page.locator(f".st-key-state-{fork}")).to_contain_text("Finished in")
    record = store.learned(fork)[1]
    claimed = f"{record.claimed[0]} / {record.free[0]}"
    assert told == [f"{record.validation_accuracy:.2%}", f"{record.accuracy[1]:.2%}", claimed]
    before = {stage["key"]: stage for stage in store.stages(run)}
    shared = [stage for stage in store.stages(fork) if stage["key"] in before]
    assert {(stage["kind"], stage["task"]) for stage in shared} >= {("fit", 1), ("settle", 1), ("fit", 2)}
    assert {stage["computed"] for stage in shared} == {1}
    assert [stage["kind"] for stage in store.stages(fork) if stage["key"] not in before] == ["settle", "fit", "settle"]


def test_a_lambda_that_is_not_trained_is_trained_by_itself_and_fills_the_page(
    page: Page, explored: tuple[str, Store, str]
):
    address, store, _ = explored
    opened(page, f"{address}&task=1")
    before = page.locator(".st-key-outcome").inner_text()
    switch = page.get_by_text("Train it by itself")
    switch.click()
    moved(page, lambda: slider(page, "λ layer 1").press("ArrowRight"))
    expect(page.get_by_text("has not been trained for task 1")).to_be_visible()
    expect(slider(page, "λ layer 1")).to_have_attribute("aria-valuetext", re.compile("train this"))
    expect(slider(page, "θ")).to_be_disabled()
    expect(page.locator(".st-key-outcome")).to_have_text(before, use_inner_text=True)
    expect(page.locator(".st-key-partition .live-chart")).to_be_visible()
    expect(button(page, "Train this λ")).to_be_visible()
    switch.click()
    expect(page.get_by_text("has not been trained for task 1")).to_have_count(0)
    expect(measure(page, "Test accuracy")).to_contain_text("%")
    expect(slider(page, "θ")).to_be_enabled()
    expect(slider(page, "λ layer 1")).not_to_have_attribute("aria-valuetext", re.compile("train this"))
    newest = store.runs()[0]
    fits = [stage for stage in store.stages(newest.id) if stage["kind"] == "fit" and stage["task"] == 1]
    assert (len(fits), newest.spec.stream.tasks) == (1, 1)


ARE_SEEN = """
([last, ...others]) => {
  document.querySelector(last).scrollIntoView({ block: "end" });
  return [last, ...others].every((name) => {
    const part = document.querySelector(name);
    const { left, top, width, height } = part.getBoundingClientRect();
    const inside = top > -1 && top + height < innerHeight + 1;
    return inside && part.contains(document.elementFromPoint(left + width / 2, top + height / 2));
  });
}
"""


def test_front_partition_and_sliders_are_seen_together(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    parts = [".st-key-front .live-chart", ".st-key-partition .live-chart"]
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function(
        ARE_SEEN, arg=[".st-key-margin", ".st-key-theta", ".st-key-lambda-1", ".st-key-outcome", *parts]
    )
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    page.set_viewport_size({"width": 400, "height": 860})
    for name in (".st-key-lambda-1", ".st-key-theta", ".st-key-margin"):
        page.wait_for_function(ARE_SEEN, arg=[name, *parts])


def test_of_two_moves_at_once_none_is_lost(page: Page, explored: tuple[str, Store, str]):
    opened(page, explored[0])
    chance = random.Random(0)
    assert [lost(page, chance) for _ in range(8)] == [[]] * 8


def test_a_wrong_link_is_said_to_be_wrong(page: Page, explored: tuple[str, Store, str]):
    address, _, run = explored
    page.goto(f"{address}&theta=high")
    expect(page.get_by_text("The link's theta = high is not possible")).to_be_visible()
    page.goto(f"{address}&task=9")
    expect(page.get_by_text(f"The run {run} has not learned task 9")).to_be_visible()
