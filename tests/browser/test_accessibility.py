"""Every page, light and dark, as axe-core sees it; and that none lets anything run out of a narrow screen."""

import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import dashboard
from clnp_core.runs.store import Store
from dashboard.shared.pages import pages
from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser

PAGES = ["", *(page.address for page in pages(Path(dashboard.__file__).parent)[1:])]


def settled(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_function(
        "[...document.querySelectorAll('.live-chart')].every((chart) => chart.on)"
        " && document.querySelector('[data-test-script-state=notRunning]')"
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_both_themes_and_fits_a_narrow_screen(
    page: Page, learned: tuple[str, Store, str], name: str
):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settled(page, f"{learned[0]}/{name}")
        deadline = time.monotonic() + PATIENCE / 1000
        while found := serious(page):  # what is still being drawn may be faded, or not named yet
            assert time.monotonic() < deadline, found
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= 400")


def serious(page: Page) -> list[str]:
    """What axe-core finds to be a serious or critical violation."""
    return [
        f"{each['id']}: {each['help']}: " + " | ".join(node["html"][:200] for node in each["nodes"][:3])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
