"""The lab as a person uses it: start a run, watch it, leave, come back, stop it, fork it, delete it."""

import re
from itertools import pairwise
from statistics import median

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

PATIENCE = 90_000
ROW_PIXELS = 35

WATCH = """
(run) => {
  window.watch = { removed: 0, updates: [] };
  const charts = (node) =>
    node.nodeType === 1 ? node.querySelectorAll(".live-chart").length + node.matches(".live-chart, .main-svg") : 0;
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.removedNodes) window.watch.removed += charts(node);
  }).observe(document.body, { childList: true, subtree: true });
  new MutationObserver(() => window.watch.updates.push(performance.now()))
    .observe(document.querySelector(`.st-key-state-${run}`), { childList: true, subtree: true, characterData: true });
}
"""


def start(page: Page, tasks: int, epochs: int) -> str:
    """Start a digits run without the single-task reference, and return its id."""
    for label, value in (("Tasks", tasks), ("Epochs", epochs)):
        page.get_by_label(label, exact=True).fill(str(value))
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_text("Also train each task alone").click()
    expect(page.get_by_text(f"{tasks} × up to {epochs} epochs")).to_be_visible()
    page.wait_for_selector("[data-test-script-state=notRunning]")  # until then its address may still change
    before = page.url
    button(page, "Start").click()
    page.wait_for_url(lambda url: "?run=digits-" in url and url != before)
    return page.url.partition("?run=")[2]


def state(page: Page, run: str) -> Locator:
    return page.locator(f".st-key-state-{run}")


def button(page: Page, label: str) -> Locator:
    return page.get_by_role("button", name=label, exact=True)


def wait_until_finished(page: Page, run: str) -> None:
    expect(state(page, run)).to_contain_text("Finished in", timeout=PATIENCE)


def test_an_empty_store_says_what_to_do_and_a_wrong_link_that_it_is_wrong(empty_app: str, page: Page):
    page.goto(empty_app)
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()
    expect(page.get_by_role("button", name="Start digits")).to_be_enabled()
    expect(page.locator(".live-chart")).to_have_count(0)
    page.goto(f"{empty_app}/?run=digits-000000")
    expect(page.get_by_text("There is no run 'digits-000000'")).to_be_visible()


def test_a_run_started_in_the_page_finishes_with_its_charts_filled(page: Page, app: str):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app)
    run = start(page, tasks=2, epochs=8)
    wait_until_finished(page, run)
    curves, capacity, matrix = (page.locator(".live-chart").nth(place) for place in range(3))
    expect(curves.locator(".scatterlayer .trace .js-line")).to_have_count(4)
    expect(capacity.locator(".barlayer .trace.bars")).to_have_count(3)
    expect(matrix.locator(".heatmap-label")).to_have_text([re.compile(r"^\d\d\.\d$")] * 3)
    expect(page.get_by_text("Task 1: identical after 1 later task.")).to_be_visible()
    expect(page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(2)
    assert [url for url in asked if not url.startswith((app, "data:", "blob:"))] == []


def test_a_running_run_is_updated_in_place_every_second_and_keeps_its_zoom(page: Page, app: str):
    page.goto(app)
    run = start(page, tasks=4, epochs=120)
    expect(state(page, run)).to_contain_text("task 1 of 4", timeout=PATIENCE)
    page.wait_for_selector(".live-chart .js-line", timeout=PATIENCE)
    page.evaluate(WATCH, run)
    page.evaluate("Plotly.relayout(document.querySelector('.live-chart'), {'xaxis.range': [2, 9]})")
    wait_until_finished(page, run)
    removed, updates = page.evaluate("[window.watch.removed, window.watch.updates]")
    assert removed == 0
    assert len(updates) > 3
    assert median(later - earlier for earlier, later in pairwise(updates)) < 1000
    layout, traces = page.evaluate("(({layout, data}) => [layout, data])(document.querySelector('.live-chart'))")
    assert layout["xaxis"]["range"] == [2, 9]
    assert len(traces) == 8


def test_a_run_goes_on_while_nobody_looks_and_its_link_brings_it_back(page: Page, app: str):
    page.goto(app)
    run = start(page, tasks=2, epochs=20)
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    wait_until_finished(page, run)
    assert page.url == link
    expect(page.locator(".live-chart .scatterlayer .js-line")).to_have_count(4)


def test_a_paused_run_stays_where_it_is_until_it_is_resumed(page: Page, app: str):
    page.goto(app)
    run = start(page, tasks=2, epochs=200)
    expect(state(page, run)).to_contain_text("epoch", timeout=PATIENCE)
    button(page, "Pause").click()
    expect(state(page, run)).to_contain_text("Paused at", timeout=PATIENCE)
    expect(button(page, "Pause")).to_be_disabled()
    where = state(page, run).inner_text()
    page.reload()
    expect(state(page, run)).to_have_text(where)
    button(page, "Resume").click()
    wait_until_finished(page, run)
    expect(page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(2)


def test_a_cancelled_run_is_deleted_only_after_a_second_yes(page: Page, app: str):
    page.goto(app)
    run = start(page, tasks=5, epochs=200)
    expect(state(page, run)).to_contain_text("epoch", timeout=PATIENCE)
    expect(button(page, "Delete")).to_be_disabled()
    button(page, "Cancel").click()
    expect(state(page, run)).to_contain_text("Cancelled at", timeout=PATIENCE)
    button(page, "Delete").click()
    dialog = page.get_by_role("dialog")
    button(dialog, "Keep it").click()
    expect(dialog).to_have_count(0)
    expect(state(page, run)).to_be_visible()
    button(page, "Delete").click()
    button(dialog, "Delete").click()
    expect(state(page, run)).to_have_count(0)
    page.goto(f"{app}/?run={run}")
    expect(page.get_by_text(f"There is no run '{run}'")).to_be_visible()


def test_a_finished_run_is_forked_at_its_second_task_and_found_again_in_the_list(page: Page, app: str):
    page.goto(app)
    run = start(page, tasks=2, epochs=8)
    wait_until_finished(page, run)
    link = page.url
    button(page, "Fork").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Shares task 1 with {run}.")
    dialog.get_by_label("Epochs", exact=True).fill("12")
    dialog.get_by_label("Epochs", exact=True).press("Enter")
    expect(dialog).to_contain_text("up to 12 epochs")
    button(dialog, "Start the fork").click()
    page.wait_for_url(lambda url: "?run=digits-" in url and url != link)
    wait_until_finished(page, page.url.partition("?run=")[2])
    expect(dialog).to_have_count(0)
    expect(page.get_by_text(f"Forked from {run}: these settings hold from task 2 on.")).to_be_visible()
    lengths = page.evaluate("document.querySelector('.live-chart').calcdata.map((points) => points.length)")
    assert lengths == [8, 8, 12, 12]
    rows = page.get_by_test_id("stDataFrame")
    expect(rows.locator("[role=row][aria-selected=true]")).to_have_count(1)
    corner = rows.bounding_box()
    page.mouse.click(corner["x"] + 20, corner["y"] + 2.5 * ROW_PIXELS)
    page.wait_for_url(link)
    expect(state(page, run)).to_be_visible()


def test_a_preset_is_chosen_from_its_card_and_its_run_tagged_pinned_and_found_again(page: Page, app: str):
    page.goto(app)
    start(page, tasks=1, epochs=3)
    button(page, "Choose a preset").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    button(dialog, "Choose split-digits").click()
    before = page.url
    button(dialog, "Start split-digits").click()
    page.wait_for_url(lambda url: "?run=split-digits-" in url and url != before)
    run = page.url.partition("?run=")[2]
    expect(dialog).to_have_count(0)
    button(page, "Cancel").click()
    expect(state(page, run)).to_contain_text("Cancelled at", timeout=PATIENCE)

    button(page, "Tags, note").click()
    page.get_by_label("Tags", exact=True).fill("seed study")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stMarkdown").filter(has_text="seed study")).to_be_visible()
    page.get_by_label("Note", exact=True).fill("Worth another look.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("stText").filter(has_text="Worth another look.")).to_be_visible()
    page.get_by_text("Baseline", exact=True).click()
    expect(page.get_by_test_id("stMarkdown").filter(has_text=re.compile("baseline$"))).to_be_visible()
    page.keyboard.press("Escape")
    rows = page.get_by_test_id("stDataFrame").locator("tbody [role=row]")
    expect(rows.first).to_contain_text(f"★ {run}")
    page.get_by_label("Search", exact=True).fill("study")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Search", exact=True)).to_have_value("study")
    page.get_by_label("Search", exact=True).fill("no such run")
    expect(page.get_by_text("No run is like that")).to_be_visible()


def test_on_a_phone_a_run_is_started_without_the_side_panel(new_app: str, page: Page):
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(new_app)
    button(page, "Choose split-digits").click()
    button(page, "Start split-digits").click()
    page.wait_for_url(lambda url: "?run=split-digits-" in url)
    expect(state(page, page.url.partition("?run=")[2])).to_contain_text("task 2 of 5", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
