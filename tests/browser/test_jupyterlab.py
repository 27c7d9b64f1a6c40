"""The explorer of a trade-off in JupyterLab, as a researcher uses it."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clnp_core.analysis.choice import theta_places
from clnp_core.lesson.example_run import give
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.store import Store
from tests.browser.jupyterlab import EXPLORE, open_notebook, run_cell, serving_notebook

pytestmark = pytest.mark.skipif(find_spec("jupyterlab") is None, reason="no JupyterLab: `make test` installs it")

TELL = "for each in explorer.kept:\n    print(each.claimed, each.theta, each.accuracy)"
WITHOUT_WIDGETS = 'import sys\n\nsys.modules["anywidget"] = None\nexplorer'
SELECTED = """(x) => {
  const marks = document.querySelector(".js-plotly-plot")?.data?.find(({ name }) => name === "selected");
  return marks && Math.abs(marks.x[0] - x) < 1e-9;
}"""


def test_theta_is_moved_what_is_seen_is_kept_and_committed(page: Page, tmp_path: Path):
    store = Store(tmp_path / "store")
    run = RunHandle(store, give(store))
    there = run.explore(1)
    # This process is the store's engine: what is asked for stays as it is.
    with store.hold_engine(), serving_notebook(tmp_path, store.location, EXPLORE, TELL, WITHOUT_WIDGETS) as address:
        open_notebook(page, address)
        run_cell(page, 0)
        page.wait_for_function(SELECTED, arg=100 * there.outcome.sparsity)
        assert page.locator(".js-plotly-plot .main-svg").count() >= 4
        values = theta_places(there.outcome.candidate.thresholds(), there.choice.theta)
        there.move(theta=values[values.index(there.choice.theta) + 3])
        for _ in range(3):
            page.get_by_role("slider", name="θ", exact=True).press("ArrowRight")
        page.wait_for_function(SELECTED, arg=100 * there.outcome.sparsity)
        expect(page.get_by_text(f"{there.told}.", exact=True)).to_be_visible()
        page.get_by_role("button", name="Keep").click()
        expect(page.get_by_text(f"kept[0]: {there.told}.")).to_be_visible()
        kept = there.outcome
        expect(run_cell(page, 1)).to_have_text(f"{kept.claimed} {kept.theta} {kept.accuracy}\n")
        page.get_by_role("button", name="Commit").click()
        expect(page.get_by_text("committed[0]:")).to_be_visible()
        (fork,) = (each for each in store.runs() if each.id != run.id)
        assert fork.spec.at(1).theta == kept.theta[0]
        assert (fork.parent, fork.state) == (run.id, "queued")
        shown = run_cell(page, 2)
        expect(shown.last).to_contain_text(there.told)
        expect(shown.last).to_contain_text("pip install anywidget")
        expect(shown.locator(".main-svg").first).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())  # whether to leave what is not saved
        page.goto("about:blank")  # before the server goes
