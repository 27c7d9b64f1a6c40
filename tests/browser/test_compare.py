"""The page that compares runs as a person uses it: queue another method, watch it come in, choose, save, send."""

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from clnp_core.runs.store import Store

pytestmark = pytest.mark.browser


def rows(page: Page) -> Locator:
    return page.get_by_test_id("stTable").first.locator("tbody tr")


def test_a_choice_is_kept_and_another_method_is_queued_learned_and_stands_beside_the_run(
    page: Page, learned: tuple[str, Store, str], tmp_path: Path
):
    address, store, first = learned
    page.goto(f"{address}/compare?runs={first}")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="Sweeps").click()
    expect(page.get_by_role("heading", name="Sweeps")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(f"{address}/compare?runs={first}")
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.get_by_role("button", name="Queue finetune").click()
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    newest = store.runs()[0]
    assert newest.spec.method == "finetune"
    assert page.url.endswith(f"?runs={first}%2C{newest.id}")
    for place, run in enumerate((first, newest.id)):
        expect(rows(page).nth(place)).to_contain_text(f"{100 * store.run(run).summary.mean_accuracy:.2f} %")
    expect(rows(page).first).to_contain_text("baseline")
    expect(page.locator(".live-chart")).to_have_count(2)  # until then the page before it is still being put away
    button = page.get_by_role("button", name="Table as CSV")
    expect(button).to_have_count(1)
    with page.expect_download() as download:
        button.click()
    download.value.save_as(tmp_path / "comparison.csv")
    assert list(pd.read_csv(tmp_path / "comparison.csv")["group"]) == ["clnp", "finetune"]
