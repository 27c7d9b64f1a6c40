"""The page that compares runs, without a browser: on a store in which real runs have learned two tasks."""

import asyncio
import json
from pathlib import Path
from statistics import fmean, stdev

import pandas as pd
import plotly.graph_objects as go
import pytest
import streamlit as st
from plotly.io.json import to_json_plotly
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.lesson import example
from clnp_core.methods import METHODS
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.dashboard.pages import made_by

PAGE = str(Path(dashboard.__file__).parent / "compare" / "page.py")
SHORT = {"stream.tasks": 2, "epochs": 3, "single_task": False}
ASKED = {
    "first": {},
    "second": {"seed": 1, "for_comparison": True},
    "bold": {"margin": 0.05},
    "finetune": {"method": "finetune"},
}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Path, dict[str, str]]:
    """A folder with a store in it, and the runs it has."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    runs = {name: store.add(preset("digits", SHORT | changes)) for name, changes in ASKED.items()}
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    return folder, runs


def opened(*chosen: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    if chosen:
        app.query_params["runs"] = ",".join(chosen)
    app.run()
    assert not app.exception
    return app


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def measures(app: AppTest) -> pd.DataFrame:
    return app.table[0].value.map(lambda cell: cell.replace("\N{NO-BREAK SPACE}", " "))


def charts(app: AppTest) -> list[dict]:
    told = (json.loads(element.proto.json) for element in app.get("bidi_component") if element.proto.json)
    return [each for each in told if "figure" in each]


def test_it_opens_on_the_newest_run_and_its_like_in_groups_with_mean_and_spread_over_seeds(
    store: Store, runs: dict[str, str]
):
    app = opened()
    assert set(app.multiselect[0].value) == set(runs.values())
    assert app.query_params["runs"].split(",") == app.multiselect[0].value
    table = measures(app)
    assert list(table["Runs"])[1:] == ["clnp · m (points) = 5", "clnp · m (points) = 1"]
    assert table["Runs"][0].startswith("finetune")
    assert list(table["Seeds"]) == ["1", "1", "2"]
    both = [100 * store.run(runs[name]).summary.mean_accuracy for name in ("first", "second")]
    accuracy = table["Mean\N{NO-BREAK SPACE}accuracy"][2]
    assert accuracy.startswith(f"{fmean(both):.2f} ± {stdev(both):.2f} %")
    base = 100 * store.run(runs["finetune"]).summary.mean_accuracy
    assert f"[{fmean(both) - base:+.2f}]" in accuracy


def test_the_settings_that_differ_are_listed_and_stand_out_and_the_rest_is_a_sentence(
    store: Store, runs: dict[str, str]
):
    app = opened(runs["first"], runs["bold"], runs["finetune"])
    table = app.table[1].value.rename(columns=lambda name: name.replace("\N{NO-BREAK SPACE}", " "))
    table["Settings that differ"] = table["Settings that differ"].str.replace("\N{NO-BREAK SPACE}", " ")
    assert list(table["Settings that differ"]) == ["method", "m (points)"]
    assert list(table["clnp · m (points) = 1"]) == ["clnp", "1"]
    assert list(table["clnp · m (points) = 5"]) == ["clnp", ":orange-background[**5**]"]
    assert list(table["finetune"]) == [":orange-background[**finetune**]", "–"]
    common = "The same in all: 2 tasks of digits · digits-mlp · up to 3 epochs · λ 1e-5 / 1e-3 / 3e-4"
    assert app.caption[1].value.startswith(common)
    assert "m 1 point" not in app.caption[1].value


def test_the_pinned_baseline_comes_first_wherever_it_was_chosen(store: Store, runs: dict[str, str]):
    store.pin(runs["bold"])
    app = opened(runs["first"], runs["bold"])
    assert "baseline" in measures(app)["Runs"][0]
    assert measures(app)["Runs"][0].startswith("clnp · m (points) = 5")
    assert app.multiselect[0].value == [runs["first"], runs["bold"]]
    assert opened().multiselect[0].value[0] == runs["bold"]


def test_a_choice_is_in_the_address(store: Store, runs: dict[str, str]):
    app = opened(runs["first"], runs["bold"])
    app.multiselect[0].set_value([runs["first"], runs["second"], runs["finetune"]]).run()
    assert app.query_params["runs"] == ",".join([runs["first"], runs["second"], runs["finetune"]])
    assert len(measures(app)) == 2


def test_the_code_of_every_figure_makes_it(store: Store, runs: dict[str, str]):
    shown = charts(opened(*runs.values()))
    assert len(shown) == 3
    for chart in shown:
        *before, drawing = chart["code"].strip().splitlines()
        names: dict = {}
        exec("\n".join(before), names)  # noqa: S102 - our own lines
        drawn = eval(drawing, names).to_plotly_json()  # noqa: S307
        page = json.loads(chart["figure"])
        page["layout"].pop("uirevision")
        assert go.Figure(drawn).to_json() == go.Figure(page).to_json()


def test_a_single_run_is_offered_other_methods_and_one_that_is_there_already_is_taken(
    store: Store, runs: dict[str, str]
):
    app = opened(runs["first"])
    labels = [each.label for each in app.button]
    assert [f"Queue {method}" for method in METHODS if method != "clnp"] == [each for each in labels if "Queue" in each]
    button(app, "Queue finetune").click().run()
    assert app.query_params["runs"] == f"{runs['first']},{runs['finetune']}"
    assert len(store.runs()) == len(runs)
    assert len(measures(app)) == 2


def test_another_method_is_queued_with_the_same_settings_and_followed(store: Store, runs: dict[str, str]):
    app = opened(runs["bold"])
    button(app, "Queue single").click().run()
    (asked,) = (run for run in store.runs() if run.id not in runs.values())
    assert asked.spec == preset("digits", SHORT | {"margin": 0.05, "method": "single"})
    assert app.query_params["runs"] == f"{runs['bold']},{asked.id}"
    assert app.get("progress")[0].proto.text == f"{asked.id} · queued at 0%"
    assert not [each.label for each in app.button if "Queue" in each.label]


def test_nothing_chosen_is_said(store: Store):
    app = opened()
    app.multiselect[0].set_value([]).run()
    assert not app.table
    assert "Choose two or more runs" in app.markdown[0].value


def test_a_store_without_runs_shows_the_comparison_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    monkeypatch.setattr(st, "page_link", lambda *arguments, **options: None)  # of the app, which this page is not in
    app = opened()
    methods = [name.split("  \n")[0].split(" ·")[0] for name in measures(app)["Runs"]]
    assert sorted(methods) == sorted(METHODS)
    assert set(measures(app)["Seeds"]) == {str(example.SEEDS)}
    for chart in charts(app):
        assert json.loads(to_json_plotly(made_by(chart["code"])))["data"] == json.loads(chart["figure"])["data"]


def test_a_link_to_a_run_that_there_is_not_gets_a_sentence(store: Store, runs: dict[str, str]):
    app = opened(runs["first"], "digits-000000")
    assert "There is no run 'digits-000000'" in app.error[0].value
