"""The lab as a person uses it, with an engine at work: start a run, leave, come back, stop it, delete it, fork it."""

import re

import pytest
from playwright.sync_api import Page, expect

from clnp_core.runs.background import ensure_engine
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.browser.lab import ROW_PIXELS, button, run_of, state, wait_until_finished

pytestmark = pytest.mark.browser

# Minutes of work, so that it is not over before somebody stops it.
LONG = {"stream.tasks": 5, "epochs": 10_000, "patience": 10_000, "single_task": False}


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
    return run_of(page, "digits", before)


def test_a_run_goes_on_while_nobody_looks_and_its_link_brings_it_back_with_its_charts_filled(
    page: Page, learned: tuple[str, Store, str]
):
    app = learned[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app)
    run = start(page, tasks=2, epochs=8)
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    wait_until_finished(page, run)
    assert page.url == link
    curves, capacity, matrix = (page.locator(".live-chart").nth(place) for place in range(3))
    expect(curves.locator(".scatterlayer .trace .js-line")).to_have_count(8)
    expect(capacity.locator(".barlayer .trace.bars")).to_have_count(3)
    expect(matrix.locator(".heatmap-label")).to_have_text([re.compile(r"^\d\d\.\d$")] * 3)
    expect(page.get_by_text("Task 1: identical after 1 later task.")).to_be_visible()
    expect(page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(2)
    assert [url for url in asked if not url.startswith((app, "data:", "blob:", "about:"))] == []


def test_a_cancelled_run_is_deleted_only_after_a_second_yes(page: Page, learned: tuple[str, Store, str]):
    app, store, _ = learned
    run = store.add(preset("digits", LONG))
    ensure_engine(store)
    page.goto(f"{app}/?run={run}")
    expect(state(page, run)).to_contain_text("epoch")
    expect(button(page, "Delete")).to_be_disabled()
    button(page, "Cancel").click()
    expect(state(page, run)).to_contain_text("Cancelled at")
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


def test_a_finished_run_is_forked_at_its_second_task_and_found_again_in_the_list(
    page: Page, learned: tuple[str, Store, str]
):
    app, store, learned_before = learned
    run = store.add(store.run(learned_before).spec)  # all of it is there already
    ensure_engine(store)
    page.goto(f"{app}/?run={run}")
    wait_until_finished(page, run)
    link = page.url
    button(page, "Fork").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Shares task 1 with {run}.")
    dialog.get_by_label("Epochs", exact=True).fill("12")
    dialog.get_by_label("Epochs", exact=True).press("Enter")
    expect(dialog).to_contain_text("up to 12 epochs")
    button(dialog, "Start the fork").click()
    wait_until_finished(page, run_of(page, "digits", link))
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("These settings hold from task 2 on.")).to_be_visible()
    lengths = page.evaluate("document.querySelector('.live-chart').calcdata.map((points) => points.length)")
    # A fork's first task has both λ again. The neurons left are a line for each layer, with a gap between tasks.
    assert lengths == [*[14] * 4, *[12] * 6, *[14 + 1 + 12 + 1 + 12] * 2]
    corner = page.get_by_test_id("stDataFrame").bounding_box()
    page.mouse.click(corner["x"] + 130, corner["y"] + 2.5 * ROW_PIXELS)
    page.wait_for_url(link)
    expect(state(page, run)).to_be_visible()
