"""How fast the explorer follows in JupyterLab: `python -m benchmarks.explorer [--times N] [--json FILE]`.

Chromium has a notebook open with the explorer of the example that ships with the package: a task of digits with nine λ.
Measured is from the key that moves θ by a step until the last of the four figures is drawn anew: the browser tells the
kernel, which draws the figures, and the browser shows them.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks import report
from benchmarks.browser import steps_of_theta
from clnp_core.lesson.example_run import give
from clnp_core.runs.store import Store
from tests.browser.conftest import FLAGS, PATIENCE, find_chromium
from tests.browser.jupyterlab import EXPLORE, open_notebook, run_cell, serving_notebook


def measure(times: int) -> dict[str, Any]:
    """Time steps of θ, up and down by turns."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        store = Store(folder / "store")
        give(store)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)
        with serving_notebook(folder, store.location, EXPLORE) as address:
            open_notebook(page, address)
            run_cell(page, 0)
            taken = steps_of_theta(page, times)
        browser.close()
    report.table(
        [
            {
                "what": "a step of θ in JupyterLab: all four figures",
                "median ms": statistics.median(taken),
                "p95 ms": float(np.quantile(taken, 0.95)),
                "asked of the median": "< 400",
            }
        ]
    )
    return {"taken": taken}


if __name__ == "__main__":
    report.main(__doc__, measure, times={"type": int, "default": 41})
