"""A trade-off in Jupyter: what is moved, kept and committed, with sliders and without."""

import json
import sys

import pytest

from clnp_core.analysis.figures import INK
from clnp_core.errors import SpecError
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.jupyter import explorer as exploring
from clnp_core.runs.jupyter.explorer import Explorer
from clnp_core.runs.jupyter.panel import Panel
from clnp_core.runs.store import Store
from tests.runs.conftest import learn, store  # noqa: F401

GRID = {"lambda.2": [5e-4, 2e-3], "stream.tasks": 2}


@pytest.fixture
def explorer(store: Store, learn, monkeypatch: pytest.MonkeyPatch) -> Explorer:  # noqa: F811
    monkeypatch.setattr(exploring, "ensure_engine", lambda store: None)
    run, _ = learn(GRID)
    return RunHandle(store, run).explore(1)


def test_it_starts_where_the_margin_rule_is_and_follows_m(explorer: Explorer):
    tradeoff = explorer.tradeoff
    assert explorer.outcome == tradeoff.verdict(0.01).outcome
    wide = explorer.move(margin=0.05).outcome
    assert wide == tradeoff.verdict(0.05).outcome
    assert explorer.keep() == wide
    lowest = explorer.move(theta=0.0).outcome
    assert explorer.move(margin=0.0).outcome == lowest, "what was moved by hand stays"
    assert explorer.follow().outcome == tradeoff.verdict(0.0).outcome
    assert explorer.kept == [wide]


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ({"margin": 1.5}, "margin = 1.5 is not possible: it should be a fraction from 0 to below 1"),
        ({"margin": float("nan")}, "margin = nan is not possible"),
        ({"theta": [0.1, 0.2, 0.3]}, "it should be 1 or 2 numbers from 0 up"),
        ({"theta": -1.0}, "it should be 1 or 2 numbers from 0 up"),
        ({"theta": "high"}, "theta = 'high' is not possible"),
        ({"l1": (1e-5, 7e-4, 3e-4)}, r"λ = 1e-05 / 0.0007 / 0.0003 is not trained for task 1; there is .*0.0005"),
    ],
)
def test_a_wrong_move_is_refused_and_changes_nothing(explorer: Explorer, moves, words: str):
    before = explorer.choice
    with pytest.raises(SpecError, match=words):
        explorer.move(**moves)
    assert explorer.choice == before


def test_committed_is_what_is_seen(explorer: Explorer):
    explorer.move(margin=0.02, theta=(0.1, 0.2))
    committed = explorer.commit()
    assert explorer.committed == [committed]
    spec = explorer.run.store.run(committed.id).spec
    assert list(spec.at(1).theta) == [0.1, 0.2]
    assert (spec.at(2).theta, spec.margin, spec.stream.tasks) == (None, 0.02, 2)


def test_sliders_move_it_and_show_where_it_is(explorer: Explorer):
    panel = explorer.panel()
    drawn = panel.charts.figures
    assert [json.loads(each)["layout"]["title"]["text"] for each in drawn] == [
        "Accuracy against sparsity",
        "Partition after task 1",
        "Activity, layer 1",
        "Activity, layer 2",
    ]
    panel.move("m (points)", 0.04)
    assert explorer.choice.margin == 0.04
    assert panel.charts.figures != drawn
    assert at(panel)["θ"] == explorer.outcome.theta[0]
    for value in GRID["lambda.2"]:
        panel.move("λ, layer 2", value)
        assert explorer.choice.l1[1] == at(panel)["λ, layer 2"] == value
    panel.by_layer.value = True
    panel.move("θ, layer 2", 100.0)
    assert explorer.outcome.claimed[1] == 0
    assert explorer.outcome.claimed[0] > 0
    explorer.move(theta=0.0)
    assert not panel.by_layer.value
    explorer.move(margin=0.0123, theta=0.0567)
    assert at(panel) == {"m (points)": 0.0123, "λ, layer 2": GRID["lambda.2"][1], "θ": 0.0567}


def at(panel: Panel) -> dict[str, float]:
    """Where its sliders are. Each offers where it is."""
    assert all(each["at"] in each["values"] for each in panel.sliders.sliders)
    return {each["name"]: each["at"] for each in panel.sliders.sliders}


def test_figures_are_in_the_theme_of_the_page(explorer: Explorer):
    panel = explorer.panel()
    panel.charts.theme = "dark"
    assert {json.loads(each)["layout"]["font"]["color"] for each in panel.charts.figures} == {INK["dark"]}


def test_a_page_without_widgets_shows_the_figure(explorer: Explorer, monkeypatch: pytest.MonkeyPatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    explorer._ipython_display_()
    explorer._ipython_display_()
    first, again = (bundle["application/vnd.jupyter.widget-view+json"] for bundle in shown)
    assert first == again
    assert shown[0]["application/vnd.plotly.v1+json"]["layout"]["title"]["text"] == "Accuracy against sparsity"
    assert shown[0]["text/plain"] == repr(explorer)


def test_a_run_shows_what_it_is_and_what_it_came_to(explorer: Explorer):
    run = explorer.run
    summary = run.summary()
    told = run._repr_html_()
    assert f"<tr><th>mean test accuracy</th><td>{summary['mean_accuracy']:.2%}</td></tr>" in told
    assert f"{summary['layers'][0]['free_after'][-1]} of layer 1" in told
    assert "<td>2 of 2</td>" in told


def test_a_run_that_has_ended_is_watched_without_waiting(explorer: Explorer):
    watch = explorer.run.watch()
    assert watch.told == f"{explorer.run.id}: finished."
    assert watch.figure().layout.title.text


def test_without_widgets_figures_are_shown_and_what_is_missing_is_said(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    shown = []
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.setattr("IPython.display.display", lambda *figures: shown.extend(figures))
    explorer._ipython_display_()
    assert len(shown) == 4
    assert capsys.readouterr().out.endswith("pip install anywidget, then restart the kernel.\n")
