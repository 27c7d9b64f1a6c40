"""Takes the README's picture: `make tour`. Runs the digits preset and photographs the page it leaves."""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, find_chromium, serving

PICTURE = Path(__file__).parents[2] / "docs" / "dashboard.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as store:
        subprocess.run([sys.executable, "-m", "clnp_core.cli", "run", "digits", "--store", store], check=True)
        with serving(Path(store)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 1474})
            page.goto(url)
            page.get_by_text("Nothing forgotten").wait_for()
            page.wait_for_timeout(2000)  # the charts draw after the text
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
