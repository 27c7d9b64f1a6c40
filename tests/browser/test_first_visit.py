"""The first minute of somebody who has never been here, on a store of its own."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import serving
from tests.browser.lab import button

pytestmark = pytest.mark.browser

FRONT = "document.querySelector('.live-chart')"
DRAWN = f"JSON.stringify({FRONT}.data)"


def test_a_fresh_store_opens_on_an_example_that_moves_and_leads_to_a_run(page: Page, scheduler: str, tmp_path: Path):
    with serving(tmp_path, scheduler) as address:
        page.goto(address)
        expect(page.get_by_role("heading", name="Learn task after task, forget none")).to_be_visible()
        page.wait_for_function(f"{FRONT}?.data")
        before = page.evaluate(DRAWN)
        page.get_by_role("slider", name="θ", exact=True).press("Home")
        page.wait_for_function(f"(before) => {DRAWN} !== before", arg=before)
        button(page, "Run your own").click()
        button(page, "Start digits").click()
        page.wait_for_selector(".live-chart .js-line")
        page.goto("about:blank")  # before the app ends, which the page would complain of
