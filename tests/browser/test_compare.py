"""The page that compares runs as a person uses it: queue another method, watch it come in, choose, save, send."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from clnp_core.runs.store import Store
from tests.browser.conftest import serving

pytestmark = pytest.mark.browser

PATIENCE = 60_000
SEQUENCE = ["digits", "--tasks", "2", "--epochs", "4", "--set", "single_task=false"]


@pytest.fixture(scope="module")
def compared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store, str]]:
    """The page's address, its store, and the first run in it."""
    folder = tmp_path_factory.mktemp("store")
    subprocess.run([sys.executable, "-m", "clnp_core.cli", "run", *SEQUENCE, "--store", folder], check=True)
    store = Store(folder)
    with serving(folder) as address:
        yield f"{address}/compare", store, store.runs()[0].id


def rows(page: Page) -> Locator:
    return page.get_by_test_id("stTable").first.locator("tbody tr")


def test_another_method_is_queued_learned_and_stands_beside_the_run(
    page: Page, compared: tuple[str, Store, str], tmp_path: Path
):
    address, store, first = compared
    page.goto(address)
    expect(rows(page)).to_have_count(1, timeout=PATIENCE)
    page.get_by_role("button", name="Queue finetune").click()
    expect(rows(page)).to_have_count(2, timeout=PATIENCE)
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=PATIENCE)
    newest = store.runs()[0]
    assert newest.spec.method == "finetune"
    assert page.url.endswith(f"?runs={first}%2C{newest.id}")
    for place, run in enumerate((first, newest.id)):
        expect(rows(page).nth(place)).to_contain_text(f"{100 * store.run(run).summary['mean_accuracy']:.2f} %")
    expect(rows(page).first).to_contain_text("baseline")
    assert page.locator(".live-chart").count() == 2
    with page.expect_download() as download:
        page.get_by_role("button", name="Table as CSV").click()
    download.value.save_as(tmp_path / "comparison.csv")
    assert list(pd.read_csv(tmp_path / "comparison.csv")["group"]) == ["clnp", "finetune"]


def test_a_choice_is_kept_while_another_page_is_looked_at(page: Page, compared: tuple[str, Store, str]):
    address, _, first = compared
    page.goto(f"{address}?runs={first}")
    expect(rows(page)).to_have_count(1, timeout=PATIENCE)
    page.get_by_role("link", name="Sweeps").click()
    expect(page.get_by_role("heading", name="Sweeps")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(f"{address}?runs={first}")


def test_an_empty_store_says_where_to_begin(empty_app: str, page: Page):
    page.goto(f"{empty_app}/compare")
    expect(page.get_by_text("Nothing has been learned yet")).to_be_visible()
    page.get_by_text("To the Lab").click()
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()
