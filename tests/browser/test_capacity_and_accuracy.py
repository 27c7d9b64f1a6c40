"""The pages Capacity and Accuracy as a person reads them: filled, on a phone, and with their code."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from clnp_core.runs.background import ensure_engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store

pytestmark = pytest.mark.browser

# With heads of their own, tasks use neurons of both layers again.
SHORT = {"stream.tasks": 3, "epochs": 9, "single_task": False}


@pytest.fixture(scope="module")
def reused(learned: tuple[str, Store, str]) -> tuple[str, Store, str]:
    """Address of the app, its store, and the run in it, which has learned three tasks."""
    address, store, _ = learned
    run = store.add(preset("digits-multihead", SHORT))
    ensure_engine(store)
    while store.run(run).is_active:
        time.sleep(0.1)
    return address, store, run


def drawn(page: Page, count: int) -> None:
    """Wait until so many charts are drawn."""
    expect(page.locator(".live-chart .main-svg:first-child")).to_have_count(count)
    page.wait_for_selector("[data-test-script-state=notRunning]")


def cells(page: Page, chart: str) -> Locator:
    return page.locator(f".live-chart[aria-label^='{chart}'] .heatmap-label")


def assert_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_function(
        "document.documentElement.scrollWidth === 400 && [...document.querySelectorAll('.live-chart')]"
        ".every((chart) => chart.getBoundingClientRect().right <= 400)"
    )


def test_capacity_shows_what_each_task_claims_and_whose_neurons_it_uses(page: Page, reused: tuple[str, Store, str]):
    address, store, run = reused
    page.goto(f"{address}/capacity?run={run}")
    drawn(page, 7)
    first = [record.claimed[0] for record in store.learned(run)]
    labels = cells(page, "Matrix: whose neurons of layer 1").all_text_contents()
    assert len(labels) == 6
    assert labels[-3:] == list(map(str, first))  # the diagonal is drawn last
    expect(page.get_by_text("would be full after about")).to_be_visible()
    chart = page.locator(".live-chart-menu").last
    chart.get_by_role("button", name="Code").click()
    expect(page.locator("pre.live-chart-code:visible")).to_contain_text('figures.reuse_matrix(run.reuse(), "layer 2")')
    assert_nothing_is_wider_than_a_phone(page)
    page.get_by_label("Tasks wanted").fill("4")
    page.get_by_label("Tasks wanted").press("Enter")
    page.get_by_role("button", name="Open as a run of 4 tasks").click()
    page.wait_for_url(re.compile(f"{address}/\\?run=(?!{run})"))
    opened = page.url.partition("?run=")[2]
    assert store.run(opened).spec.architecture.widths == RunHandle(store, run).plan(4).widths
    store.cancel(opened)


def test_the_run_that_is_looked_at_goes_along_to_the_next_page_and_its_measures_are_defined(
    page: Page, reused: tuple[str, Store, str]
):
    address, _, run = reused
    page.goto(f"{address}/capacity?run={run}")
    drawn(page, 7)
    page.get_by_role("link", name="Accuracy", exact=True).click()
    page.wait_for_url(f"**/accuracy?run={run}")
    drawn(page, 5)
    expect(page.get_by_text("identical after 2 later tasks")).to_be_visible()
    page.get_by_text("How these are defined").click()
    expect(page.locator("[data-testid=stExpander] .katex-display")).to_have_count(4)
    assert_nothing_is_wider_than_a_phone(page)
