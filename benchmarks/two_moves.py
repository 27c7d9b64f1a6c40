"""Two moves at once, none lost: `python -m benchmarks.two_moves [--pairs N] [--json FILE]`.

Chromium looks at the page Trade-off, on a store with a run of digits (three tasks). θ and m are moved one after the
other, at gaps of 0 to 300 ms that are drawn at random, and then the page's address has to tell both.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks import report
from benchmarks.browser import learned
from clnp_core.runs.store import Store
from tests.browser.conftest import FLAGS, find_chromium, serving
from tests.browser.two_moves import lost


def measure(pairs: int) -> dict[str, Any]:
    """Move both as often as that; print how many moves were lost."""
    chance = random.Random(0)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address, sync_playwright() as playwright:
        store = Store(Path(folder))
        run = learned(store)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/trade-off?run={run}")
        page.wait_for_function("[...document.querySelectorAll('.live-chart')].filter((chart) => chart.on).length === 4")
        page.wait_for_selector("[data-test-script-state=notRunning]")
        missed = Counter(name for _ in range(pairs) for name in lost(page, chance))
        browser.close()
    report.table([{"pairs": pairs, "θ lost": missed["θ"], "m lost": missed["Margin m"]}])
    return {"lost": dict(missed)}


if __name__ == "__main__":
    report.main(__doc__, measure, pairs={"type": int, "default": 200})
