"""A sweep as a person runs it: chosen, watched, read off, taken home, and one of its runs opened in the lab."""

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from clnp_core.runs.store import Store
from tests.browser.conftest import MARGINS

pytestmark = pytest.mark.browser

ROW_PIXELS = 35


def test_a_sweep_started_in_the_page_fills_figure_table_and_files_and_leads_to_its_runs(
    page: Page, learned: tuple[str, Store, str]
):
    app, store, _ = learned
    before = {sweep.id for sweep in store.sweeps()}
    page.goto(app)
    page.get_by_role("link", name="Sweeps").click()
    page.wait_for_url(f"{app}/sweeps*")
    for label, value in (("Tasks", 2), ("Epochs", 7)):
        page.get_by_label(label, exact=True).fill(str(value))
        page.get_by_label(label, exact=True).press("Enter")
    expect(page.get_by_text("3 sequences, at most 6 trainings of up to 7 epochs")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(lambda url: url.partition("?sweep=")[2] not in {"", *before})
    sweep = page.url.partition("?sweep=")[2]
    expect(page.locator(f".st-key-state-{sweep}")).to_contain_text("3 of 3 sequences finished")

    accuracies, settings = (page.locator(".live-chart").nth(place) for place in range(2))
    marks = accuracies.locator(".scatterlayer .trace .points path")
    expect(marks).to_have_count(3)
    expect(settings.locator(".scatterlayer .js-line")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("button", name="Table as CSV").click()
    table = pd.read_csv(download.value.path())
    assert download.value.suggested_filename == f"{sweep}.csv"
    assert list(table["margin"]) == [0.005, 0.01, 0.02]
    assert list(table["state"]) == ["finished"] * 3
    assert table["mean_accuracy"].between(0.5, 1).all()

    rows = page.get_by_test_id("stDataFrame")
    rows.scroll_into_view_if_needed()
    corner = rows.bounding_box()
    page.mouse.click(corner["x"] + 20, corner["y"] + 2.5 * ROW_PIXELS)
    page.wait_for_url(f"{app}/?run={table['run'][1]}")
    expect(page.locator(f".st-key-state-{table['run'][1]}")).to_contain_text("Finished in")
    page.get_by_role("link", name="Sweeps").click()
    page.wait_for_url(f"{app}/sweeps?sweep={sweep}")
    expect(marks).to_have_count(3)
    marks.first.scroll_into_view_if_needed()
    mark = marks.first.bounding_box()
    page.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.wait_for_url(f"{app}/?run=digits-*")


def test_a_brush_on_an_axis_chooses_sequences_and_stays_until_all_are_shown_again(
    page: Page, learned: tuple[str, Store, str]
):
    app, store, _ = learned
    sweep = next(sweep.id for sweep in store.sweeps() if sweep.over == MARGINS)
    page.goto(f"{app}/sweeps?sweep={sweep}")
    accuracies, settings = (page.locator(".live-chart").nth(place) for place in range(2))
    drawn = settings.locator(".shapelayer path[fill-rule]")  # three axes, and brushes
    on_axis = settings.locator(".scatterlayer .trace").last.locator(".points path").first
    expect(settings.locator(".scatterlayer .js-line")).to_have_count(2)
    on_axis.scroll_into_view_if_needed()
    mark = on_axis.bounding_box()
    page.mouse.move(mark["x"], mark["y"] - 20)
    page.mouse.down()
    page.mouse.move(mark["x"] + 3, mark["y"] + 20, steps=4)
    page.mouse.up()
    chosen = page.get_by_text("1 of 2 sequences")
    for _ in range(2):
        expect(chosen).to_be_visible()
        expect(drawn).to_have_count(4)
        expect(accuracies.locator(".scatterlayer .trace[style*='opacity: 0.25']")).to_have_count(1)
        assert "chosen=" in page.url
        page.reload()
    page.get_by_role("button", name="Show all").click()
    expect(chosen).to_have_count(0)
    expect(drawn).to_have_count(3)
    page.wait_for_url(f"{app}/sweeps?sweep={sweep}")
