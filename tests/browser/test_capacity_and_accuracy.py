"""The pages Capacity and Accuracy as a person reads them: filled, live, on a phone, and with their code."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.browser.conftest import serving

pytestmark = pytest.mark.browser

PATIENCE = 60_000
PRESET = ["digits-multihead", "--tasks", "3", "--epochs", "9", "--set", "single_task=false"]


@pytest.fixture(scope="module")
def learned(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store, str]]:
    """Address of the app, its store, and the run in it, which has learned three tasks."""
    folder = tmp_path_factory.mktemp("store")
    subprocess.run([sys.executable, "-m", "clnp_core.cli", "run", *PRESET, "--store", folder], check=True)
    store = Store(folder)
    with serving(folder) as address:
        yield address, store, store.runs()[0].id


def drawn(page: Page, count: int) -> None:
    """Wait until so many charts are drawn."""
    expect(page.locator(".live-chart .main-svg:first-child")).to_have_count(count, timeout=PATIENCE)
    page.wait_for_selector("[data-test-script-state=notRunning]")


def cells(page: Page, chart: str) -> Locator:
    return page.locator(f".live-chart[aria-label^='{chart}'] .heatmap-label")


def test_capacity_shows_what_each_task_claims_and_whose_neurons_it_uses(page: Page, learned: tuple[str, Store, str]):
    address, store, run = learned
    page.goto(f"{address}/capacity")
    drawn(page, 6)
    assert page.url.endswith(f"/capacity?run={run}")
    first = [record["claimed"][0] for record in store.learned(run)]
    labels = cells(page, "Matrix: whose neurons of layer 1").all_text_contents()
    assert len(labels) == 6
    assert labels[-3:] == list(map(str, first))  # the diagonal is drawn last
    expect(page.get_by_text("would be full after about")).to_be_visible()
    chart = page.locator(".live-chart-menu").last
    chart.get_by_role("button", name="Code").click()
    expect(page.locator("pre.live-chart-code:visible")).to_contain_text('figures.reuse_matrix(run.reuse(), "layer 2")')


def test_the_run_that_is_looked_at_goes_along_to_the_next_page_and_its_measures_are_defined(
    page: Page, learned: tuple[str, Store, str]
):
    address, _, run = learned
    page.goto(f"{address}/capacity?run={run}")
    drawn(page, 6)
    page.get_by_role("link", name="Accuracy", exact=True).click()
    page.wait_for_url(f"**/accuracy?run={run}")
    drawn(page, 4)
    expect(page.get_by_text("identical after 2 later tasks")).to_be_visible()
    page.get_by_text("How these are defined").click()
    expect(page.locator("[data-testid=stExpander] .katex-display")).to_have_count(4)


@pytest.mark.parametrize(("name", "charts"), [("capacity", 6), ("accuracy", 4)])
def test_on_a_phone_nothing_is_wider_than_the_page(page: Page, learned: tuple[str, Store, str], name: str, charts: int):
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{learned[0]}/{name}")
    drawn(page, charts)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.live-chart')].map((e) => e.getBoundingClientRect().right))"
    )
    assert widest <= 400


def test_a_page_fills_by_itself_while_its_run_learns(page: Page, learned: tuple[str, Store, str]):
    address, store, _ = learned
    run = store.add(preset("digits", {"stream.tasks": 2, "epochs": 35, "single_task": False}))
    page.goto(f"{address}/accuracy?run={run}")
    expect(page.get_by_text(f"There is nothing to show here of {run}.")).to_be_visible()
    expect(page.locator("[data-testid=stTable] tbody tr")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("[data-testid=stTable] tbody tr")).to_have_count(2, timeout=PATIENCE)
    expect(page.get_by_text("identical after 1 later task")).to_be_visible()
    drawn(page, 4)
    assert page.url.endswith(f"/accuracy?run={run}")


def test_an_empty_store_says_where_to_begin(empty_app: str, page: Page):
    for name in ("capacity", "accuracy"):
        page.goto(f"{empty_app}/{name}")
        expect(page.get_by_text("Nothing has been learned yet")).to_be_visible()
    page.get_by_text("To the Lab").click()
    page.wait_for_url(f"{empty_app}/")
