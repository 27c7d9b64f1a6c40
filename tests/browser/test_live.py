"""Pages before the first run, and while runs are at work.

The test is the engine, so that a page that it wants to see stays until it has seen it, on any machine.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from tests.browser.lab import ROW_PIXELS, button, run_of, state, wait_until_finished
from tests.browser.player import Player

pytestmark = pytest.mark.browser

CURVES = "document.querySelector('.live-chart')"

WATCH = """
() => {
  window.removed = 0;
  const charts = (node) =>
    node.nodeType === 1 ? node.querySelectorAll(".live-chart").length + node.matches(".live-chart, .main-svg") : 0;
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.removedNodes) window.removed += charts(node);
  }).observe(document.body, { childList: true, subtree: true });
}
"""


def test_an_empty_store_says_what_to_do_and_a_wrong_link_that_it_is_wrong(held: tuple[str, Store], page: Page):
    address, _ = held
    page.goto(address)
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()
    expect(page.get_by_role("button", name="Start digits")).to_be_enabled()
    expect(page.locator(".live-chart")).to_have_count(0)
    page.goto(f"{address}/?run=digits-000000")
    expect(page.get_by_text("There is no run 'digits-000000'")).to_be_visible()


def test_where_nothing_has_been_learned_a_page_leads_to_where_to_begin(held: tuple[str, Store], page: Page):
    address, _ = held
    page.goto(f"{address}/partition")
    page.get_by_text("To the Lab").click()
    page.wait_for_url(f"{address}/")
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()


def test_on_a_phone_a_run_is_started_without_the_side_panel(held: tuple[str, Store], page: Page, player: Player):
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(held[0])
    button(page, "Choose split-digits").click()
    before = page.url
    button(page, "Start split-digits").click()
    run = run_of(page, "split-digits", before)
    player.learn(run, 1)
    expect(state(page, run)).to_contain_text("task 2 of 5")
    expect(page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 400


def test_a_running_run_is_updated_in_place_and_keeps_its_zoom(held: tuple[str, Store], page: Page, player: Player):
    run = player.ask()
    page.goto(f"{held[0]}/?run={run}")
    expect(state(page, run)).to_contain_text("Queued")
    player.train(run, 1, epoch=9)
    expect(state(page, run)).to_contain_text("task 1 of 3 · epoch 9 of 14")
    page.wait_for_selector(".live-chart .js-line")
    page.evaluate(WATCH)
    page.evaluate(f"Plotly.relayout({CURVES}, {{'xaxis.range': [2, 9]}})")
    for task, others in ((1, 0), (2, 6), (3, 8)):
        player.train(run, task, epoch=11)
        expect(state(page, run)).to_contain_text(f"task {task} of 3 · epoch 11 of 14")
        page.wait_for_function(f"{CURVES}.data.length > {others}")
        player.learn(run, task)
        expect(page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(task)
    expect(state(page, run)).to_contain_text("finishing")
    player.finish(run)
    wait_until_finished(page, run)
    assert page.evaluate("window.removed") == 0
    layout, traces = page.evaluate(f"(({{layout, data}}) => [layout, data])({CURVES})")
    assert layout["xaxis"]["range"] == [2, 9]
    assert len(traces) == 10


def test_a_paused_run_stays_where_it_is_until_it_is_resumed(held: tuple[str, Store], page: Page, player: Player):
    _, store = held
    run = player.ask()
    player.train(run, 1, epoch=7)
    page.goto(f"{held[0]}/?run={run}")
    expect(state(page, run)).to_contain_text("epoch 7 of 14")
    button(page, "Pause").click()
    expect(state(page, run)).to_contain_text("Pausing")
    assert store.run(run).wanted == "pause"
    store.leave(run, "paused")
    expect(state(page, run)).to_contain_text("Paused at")
    expect(button(page, "Pause")).to_be_disabled()
    where = state(page, run).inner_text()
    page.reload()
    expect(state(page, run)).to_have_text(where)
    button(page, "Resume").click()
    expect(state(page, run)).to_contain_text("Queued")
    for task in (1, 2, 3):
        player.learn(run, task)
    player.finish(run)
    wait_until_finished(page, run)
    expect(page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(3)


def test_a_preset_is_chosen_from_its_card_and_its_run_tagged_pinned_and_found_again(
    held: tuple[str, Store], page: Page, player: Player
):
    player.ask()
    page.goto(held[0])
    button(page, "Choose a preset").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    button(dialog, "Choose split-digits").click()
    before = page.url
    button(dialog, "Start split-digits").click()
    run = run_of(page, "split-digits", before)
    expect(dialog).to_have_count(0)
    button(page, "Cancel").click()
    expect(state(page, run)).to_contain_text("Cancelled at")

    button(page, "Name, tags, note").click()
    page.get_by_label("Name", exact=True).fill("first try")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="first try")).to_be_visible()
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
    expect(rows.first).to_contain_text("★ first try")
    page.get_by_label("Search", exact=True).fill("study")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Search", exact=True)).to_have_value("study")
    page.get_by_label("Search", exact=True).fill("no such run")
    expect(page.get_by_text("No run matches")).to_be_visible()


def test_rows_are_looked_at_and_boxes_ticked_apart_and_a_fork_leads_to_the_run_it_comes_from(
    held: tuple[str, Store], page: Page
):
    address, store = held
    spec = preset("digits", {"stream.tasks": 3})
    first, second = store.add(spec), store.add(preset("digits", {"seed": 1}))
    forked = store.add(fork(spec, 2, {"margin": 0.05}), like=store.run(first))
    page.goto(f"{address}/?run={forked}")

    def click(row: int, pixels: int) -> None:
        page.wait_for_selector("[data-test-script-state=notRunning]")  # what stands above the list may come and go
        corner = page.get_by_test_id("stDataFrame").bounding_box()
        page.mouse.click(corner["x"] + pixels, corner["y"] + (row + 1.5) * ROW_PIXELS)

    ticked = page.locator(".st-key-selected")
    for row in (0, 1):
        click(row, 20)
        expect(ticked).to_contain_text(("1 run", "2 runs")[row])
    click(1, 130)  # a row, and no box: it is looked at, and the boxes stay ticked
    page.wait_for_url(f"**/?run={second}")
    compare = ticked.get_by_role("link", name="Compare").first
    expect(compare).to_have_attribute("href", f"compare?runs={forked}%2C{second}")
    click(0, 20)
    expect(ticked).to_contain_text("1 run")
    click(0, 130)
    page.wait_for_url(f"**/?run={forked}")
    page.get_by_text("Forks: a tree of 2 runs").click()
    page.locator(".st-key-forks").get_by_role("link", name=first).click()
    page.wait_for_url(f"**/?run={first}")
    expect(page.get_by_role("heading", name=first)).to_be_visible()
    expect(ticked).to_contain_text("1 run")


def test_a_page_fills_by_itself_while_its_run_learns(held: tuple[str, Store], page: Page, player: Player):
    run = player.ask()
    page.goto(f"{held[0]}/accuracy?run={run}")
    expect(page.get_by_text(f"There is nothing to show here of {run}.")).to_be_visible()
    rows = page.get_by_test_id("stTable").locator("tbody tr")
    for task in (1, 2, 3):
        player.learn(run, task)
        expect(rows).to_have_count(task)
    expect(page.get_by_text("identical after 2 later tasks")).to_be_visible()
    player.finish(run)
    expect(page.locator(".live-chart .main-svg:first-child")).to_have_count(5)
    page.wait_for_selector("[data-test-script-state=notRunning]")
    assert page.url.endswith(f"/accuracy?run={run}")
