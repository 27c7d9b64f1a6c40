"""The first minute of somebody who has never been here: `python -m benchmarks.first_minute [--times N] [--json FILE]`.

A fresh store is opened with `clnp dashboard`, and Chromium looks at it, seconds:

- from the command until the app answers, and from the address until the example's figures are drawn;
- from the key that moves θ, or m, until the front of the example is drawn anew, the median of N;
- from the click on *Start digits* until its first curve is drawn;
- the time that is said to be left 5, 15 and 30 s after that click, against what it took.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks import report
from benchmarks.browser import AT_REST, WATCH_FIGURES
from clnp_core.runs.estimate import estimate
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.store import Store
from tests.browser.conftest import FLAGS, find_chromium, serving

LOOKS = (5, 15, 30)
DRAWN = "document.querySelector('.live-chart .js-line')"


def measure(times: int) -> dict[str, Any]:
    """Live through it once; print it beside what was asked for."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(0)
        began = time.monotonic()
        with serving(Path(folder)) as address:
            taken: dict[str, Any] = {"answers": time.monotonic() - began}
            began = time.monotonic()
            page.goto(address)
            page.wait_for_function(DRAWN)
            taken["example"] = time.monotonic() - began
            page.wait_for_selector(AT_REST)
            taken |= {name: _moves(page, name, times) for name in ("θ", "Margin m")}
            taken |= _own_run(page, Store(Path(folder)))
        browser.close()
    report.table(_beside_what_was_asked(taken))
    report.table(taken["left"])
    return taken


def _moves(page: Page, slider: str, times: int) -> list[float]:
    """Milliseconds from each key until the front is drawn."""
    page.evaluate(WATCH_FIGURES)
    handle, taken = page.get_by_role("slider", name=slider, exact=True), []
    for turn in range(times):
        began = page.evaluate("() => { window.drawn.clear(); return performance.now(); }")
        handle.press("ArrowRight" if turn % 2 else "ArrowLeft")
        page.wait_for_function("window.drawn.has(document.querySelector('.live-chart'))")
        taken.append(page.evaluate("window.drawn.get(document.querySelector('.live-chart'))") - began)
        page.wait_for_selector(AT_REST)
    return taken


def _own_run(page: Page, store: Store) -> dict[str, Any]:
    """Seconds until the first curve, and what was said of the time left."""
    there = {run.id for run in store.runs()}
    page.get_by_role("button", name="Run your own").click()
    start = page.get_by_role("button", name="Start digits")
    start.wait_for()
    page.wait_for_selector(AT_REST)
    clicked = time.monotonic()
    start.click()
    page.wait_for_function(DRAWN)
    curve = time.monotonic() - clicked
    run = next(run for run in store.runs() if run.id not in there)
    before, left = estimate(run.spec, store), []
    for seconds in LOOKS:
        time.sleep(max(0, clicked + seconds - time.monotonic()))
        left.append({"after s": seconds, "said to be left s": store.run(run.id).seconds_left})
    RunHandle(store, run.id).wait()
    took = time.monotonic() - clicked
    for look in left:
        look["were left s"] = took - look["after s"]
    return {"curve": curve, "took": took, "estimate": before and before.seconds, "left": left}


def _beside_what_was_asked(taken: dict[str, Any]) -> list[dict[str, Any]]:
    rows = {
        "answers": ("the app answers, s", ""),
        "example": ("the example's figures are drawn, s", ""),
        "θ": ("a step of θ: the front, ms", ""),
        "Margin m": ("a step of m: the front, ms", ""),
        "curve": ("the first curve of one's own run after the click, s", "< 10"),
        "estimate": ("what its card said it would take, s", ""),
        "took": ("what it took, s", ""),
    }
    told = {name: taken[name] for name in rows}
    medians = {name: statistics.median(each) if isinstance(each, list) else each for name, each in told.items()}
    return [{"what": what, "measured": medians[name], "asked": asked} for name, (what, asked) in rows.items()]


if __name__ == "__main__":
    report.main(__doc__, measure, times={"type": int, "default": 11})
