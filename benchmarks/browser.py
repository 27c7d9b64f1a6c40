"""How fast pages follow in a browser: `python -m benchmarks.browser [--times N] [--json FILE]`.

Chromium looks at the app, on a store with a run of digits (three tasks, two λ at the first):

- Trade-off: from the key that moves θ until the last of its figures is drawn anew;
- 2000 x 2000 weights, as Partition shows them: from the call until they are drawn, light and dark by turns;
- Lab: from one change of what is said of a run that is learning to the next.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import plotly
from playwright.sync_api import Page, sync_playwright
from plotly.io.json import to_json_plotly

from benchmarks import report
from clnp_core.analysis import figures
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.browser.conftest import FLAGS, find_chromium, serving

LEARNED = {"stream.tasks": 3, "epochs": 14, "single_task": False, "lambda.2": [5e-4, 2e-3]}
# Longer than anybody measures.
LONG = {"stream.tasks": 10, "epochs": 10_000, "patience": 10_000, "single_task": False}
WIDTH, OWNERS = 2000, 11

AT_REST = "[data-test-script-state=notRunning]"
WATCH_FIGURES = """
() => {
  window.drawn = new Map();
  for (const chart of document.querySelectorAll(".js-plotly-plot"))
    chart.on("plotly_afterplot", () => window.drawn.set(chart, performance.now()));
}
"""
DRAW = """
async (code) => {
  const plot = document.body.appendChild(document.createElement("div"));
  await Plotly.newPlot(plot, [{ y: [1, 2] }], {});
  const milliseconds = [];
  for (const { data, layout } of JSON.parse(code)) {
    const drawn = new Promise((done) => plot.once("plotly_afterplot", done));
    const began = performance.now();
    Plotly.react(plot, data, layout);
    await drawn;
    milliseconds.push(performance.now() - began);
  }
  return milliseconds;
}
"""
WATCH_STATE = """
(run) => {
  window.updates = [];
  new MutationObserver(() => window.updates.push(performance.now()))
    .observe(document.querySelector(`.st-key-state-${run}`), { childList: true, subtree: true, characterData: true });
}
"""


def measure(times: int) -> dict[str, Any]:
    """Time each as often as that; print what came out beside what was asked for."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address, sync_playwright() as playwright:
        store = Store(Path(folder))
        run = learned(store)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        taken = {
            "trade-off": _steps_of_theta(page, f"{address}/trade-off?run={run}", times),
            "weights": _weights(page, times),
            "lab": _updates(page, address, store, times),
        }
        browser.close()
    report.table(_beside_what_was_asked(taken))
    return taken


def learned(store: Store) -> str:
    """Have a short run of digits learned by the engine that serves a store: its id."""
    run = store.add(preset("digits", LEARNED))
    RunHandle(store, run).wait()
    return run


def _steps_of_theta(page: Page, address: str, times: int) -> list[float]:
    page.goto(address)
    return steps_of_theta(page, times, lambda: page.wait_for_selector(AT_REST))


def steps_of_theta(page: Page, times: int, rest: Callable[[], object] = lambda: None) -> list[float]:
    """Time steps of the slider θ, up and down by turns, until the last of four figures is drawn anew, in ms.

    `rest` waits, before each, for what else has to come to rest.
    """
    page.wait_for_function("[...document.querySelectorAll('.js-plotly-plot')].filter(({ on }) => on).length === 4")
    rest()
    page.evaluate(WATCH_FIGURES)
    theta, taken = page.get_by_role("slider", name="θ", exact=True), []
    for turn in range(times):
        began = page.evaluate("() => { window.drawn.clear(); return performance.now(); }")
        theta.press("ArrowRight" if turn % 2 else "ArrowLeft")
        page.wait_for_function("window.drawn.size === 4")
        taken.append(page.evaluate("Math.max(...window.drawn.values())") - began)
        rest()
    return taken


def _weights(page: Page, times: int) -> list[float]:
    dice = np.random.default_rng(0)
    owners = np.arange(WIDTH, dtype=np.int16) % OWNERS
    names = ("input", "layer 1", "layer 2", "output")
    drawn = []
    for turn in range(times):
        theme = ("light", "dark")[turn % 2]
        drawn.append(figures.weight_classes(*(dice.permutation(owners) for _ in range(2)), names, 2, theme))
    page.goto("about:blank")
    page.add_script_tag(path=Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    return page.evaluate(DRAW, "[" + ",".join(to_json_plotly(figure.to_plotly_json()) for figure in drawn) + "]")


def _updates(page: Page, address: str, store: Store, times: int) -> list[float]:
    run = store.add(preset("digits", LONG))
    page.goto(f"{address}/?run={run}")
    page.wait_for_selector(".live-chart .js-line")
    page.evaluate(WATCH_STATE, run)
    page.wait_for_function(f"window.updates.length > {times}", timeout=0)
    assert store.run(run).state == "running", store.run(run).error
    store.cancel(run)
    return [later - earlier for earlier, later in pairwise(page.evaluate("window.updates"))]


def _beside_what_was_asked(taken: dict[str, list[float]]) -> list[dict[str, Any]]:
    rows = {
        "trade-off": ("a step of θ: all four figures", "< 400"),
        "weights": (f"{WIDTH} x {WIDTH} weights", "< 200"),
        "lab": ("a run that is learning: between updates", "< 1000"),
    }
    return [
        {
            "what": what,
            "median ms": statistics.median(taken[name]),
            "p95 ms": float(np.quantile(taken[name], 0.95)),
            "asked of the median": asked,
        }
        for name, (what, asked) in rows.items()
    ]


if __name__ == "__main__":
    report.main(__doc__, measure, times={"type": int, "default": 21})
