"""Every page, light and dark, as axe-core sees it; and that none lets anything run out of a narrow screen."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import serving

pytestmark = pytest.mark.browser

PAGES = ["", "partition", "trade-off", "capacity", "accuracy", "compare", "sweeps", "learn"]
PATIENCE = 15
SWEEP = ["digits", "--tasks", "2", "--epochs", "13", "--set", "lambda.2=5e-4,1e-3", "--over", "margin=0.01,0.05"]


@pytest.fixture(scope="module")
def filled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app on a store with a sweep and its runs."""
    folder = tmp_path_factory.mktemp("store")
    subprocess.run([sys.executable, "-m", "clnp_core.cli", "sweep", *SWEEP, "--store", folder], check=True)
    with serving(Path(folder)) as address:
        yield address


def settled(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_function(
        "[...document.querySelectorAll('.live-chart')].every((chart) => chart.on)"
        " && document.querySelector('[data-test-script-state=notRunning]')"
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_both_themes_and_fits_a_narrow_screen(page: Page, filled: str, name: str):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settled(page, f"{filled}/{name}")
        deadline = time.monotonic() + PATIENCE
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
