"""What a run, a sweep and a trade-off show of themselves in a notebook."""

from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from clnp_core.lesson.parts import as_trade_off, shipped
from clnp_core.runs import submit_sweep
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.made_up import summary


def test_a_run_that_failed_shows_why_as_text(tmp_path: Path):
    store = Store(tmp_path)
    run = store.add(preset("digits"))
    store.fail(run, "<img src=x>")
    assert "<th>error</th><td>&lt;img src=x&gt;</td>" in RunHandle(store, run)._repr_html_()


def test_a_sweep_shows_its_most_accurate_sequences_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("clnp_core.runs.background.ensure_engine", lambda store: None)
    axes = {"method": ["clnp", "finetune"], "margin": [margin / 100 for margin in range(11)]}
    swept = submit_sweep("digits", axes, {"stream.tasks": 2}, Store(tmp_path))
    best = swept.runs[4]
    swept.store.finish(best.id, summary())
    told = swept._repr_html_()
    assert f"{swept.id}: 1 of 12 sequences finished." in told
    (shown,) = pd.read_html(StringIO(told))
    assert len(shown) == 10
    assert shown.loc[0, ["method", "m (points)", "run"]].tolist() == ["clnp", 4, best.id]
    assert (shown["mean test accuracy"] == "90.00%").tolist() == [True] + 9 * [False]


def test_a_trade_off_shows_what_the_margin_rule_chooses():
    tradeoff = as_trade_off(shipped("sparsity"))
    (shown,) = pd.read_html(StringIO(tradeoff._repr_html_()))
    assert shown["m (points)"].tolist() == [0, 0.5, 1, 2, 5]
    assert shown.loc[3, ["layer 1 claimed", "layer 2 claimed"]].tolist() == [13, 10]
    assert shown.loc[3, "λ"] == "1e-5 / 0.03 / 3e-4"
