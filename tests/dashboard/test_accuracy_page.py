"""The page of accuracies, without a browser: on a store in which every kind of method has learned real tasks."""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.cli import main
from clnp_core.errors import SpecError, StoreError
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from dashboard.accuracy.view import MEASURES
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts
from tests.made_up import record

PAGE = str(Path(dashboard.__file__).parent / "accuracy" / "page.py")
opened = partial(at, PAGE)
SHORT = {"stream.tasks": 3, "epochs": 4}
METHODS = ("clnp", "single", "joint", "finetune")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Path, dict[str, str]]:
    """A folder with a store in it, and the run it has of each method."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    runs = {method: store.add(preset("digits", SHORT | {"method": method})) for method in METHODS}
    runs["grid"] = store.add(preset("digits", SHORT | {"single_task": False, "lambda.2": [5e-4, 2e-3]}))
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    return folder, runs


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def measures(app: AppTest) -> dict[str, str]:
    return {metric.label: plain(metric.value) for metric in app.metric if metric.value != "–"}


@pytest.mark.parametrize("what", [*METHODS, "grid"])
def test_measures_and_tasks_are_those_of_clnp_show_and_code_makes_the_figures(
    store: Store, runs: dict[str, str], what: str, capsys: pytest.CaptureFixture
):
    assert main(["show", runs[what], "--store", str(store.location)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    told = {
        name: found[1]
        for name in ("mean accuracy", "each task alone", "forgetting", "backward transfer", "forward transfer")
        if (found := re.search(rf"{name} ([+-]?[\d.]+(%| points))", shown))
    }
    app = opened(run=runs[what])
    assert {name.lower(): value for name, value in measures(app).items()} == told
    rows = re.findall(r"│ (\d) │ ([\d.]+%)", shown)
    table = app.table[0].value
    assert [(str(row.Task), f"{row.Now:.2%}") for row in table.itertuples()] == rows
    assert len(charts(app)) >= 2
    for chart in charts(app):
        assert_code_makes_its_chart(chart)


def test_every_measure_is_defined_by_a_formula_and_a_source(store: Store, runs: dict[str, str]):
    app = opened(run=runs["clnp"])
    defined = "\n".join(element.value for element in app.expander[0].markdown)
    assert [element.value.strip("$ \n") for element in app.expander[0].latex] == [each.formula for each in MEASURES]
    for measure in MEASURES:
        assert f"**{measure.name}.** {measure.about} *{measure.source}.*" in defined


def test_fingerprints_say_after_how_many_later_tasks_they_are_identical(store: Store, runs: dict[str, str]):
    app, records = opened(run=runs["clnp"]), store.learned(runs["clnp"])
    table = app.table[0].value
    assert list(table["Fingerprint"]) == [f"{record.fingerprint[:12]}…" for record in records]
    assert list(map(plain, table["Checked"])) == [
        "identical after 2 later tasks",
        "identical after 1 later task",
        "just learned",
    ]


def test_a_run_that_failed_claims_nothing(store: Store, runs: dict[str, str]):
    store.fail(runs["clnp"], "Task 1: layer 1 differs.")
    app = opened(run=runs["clnp"])
    assert app.error[0].value == "Task 1: layer 1 differs."
    assert "Checked" not in app.table[0].value


def test_without_a_promise_the_table_says_what_each_task_lost(store: Store, runs: dict[str, str]):
    table = opened(run=runs["finetune"]).table[0].value
    *_, last = rows = [record.accuracy for record in store.learned(runs["finetune"])]
    assert table["Forgotten"][1] == pytest.approx(rows[1][1] - last[1])
    assert table["Forgotten"].isna().tolist() == [False, False, True]
    assert "Fingerprint" not in table


def test_what_learns_all_tasks_at_once_has_no_course_over_tasks(store: Store, runs: dict[str, str]):
    app = opened(run=runs["joint"])
    assert [chart["name"] for chart in charts(app)] == [
        "loss-and-validation-accuracy",
        "accuracy-matrix",
        "accuracy-by-class",
    ]
    assert list(app.table[0].value) == ["Task", "Now"]
    assert list(measures(app)) == ["Mean accuracy"]


def test_a_run_at_work_shows_each_task_as_soon_as_it_is_learned(store: Store, runs: dict[str, str]):
    run, records = store.add(preset("digits", SHORT)), store.learned(runs["clnp"])
    store.start(run)
    with store.hold_engine():
        store.put_learned(run, records[0].model_copy(update={"single_task_accuracy": None}))
        app = opened(run=run)
        assert list(measures(app)) == ["Mean accuracy"]
        store.put_learned(run, records[0])
        store.put_learned(run, records[1].model_copy(update={"single_task_accuracy": None}))
        app.run()
        assert list(measures(app)) == ["Mean accuracy", "Forgetting", "Backward transfer"]
        assert len(app.table[0].value) == 2


@pytest.mark.parametrize("what", METHODS)
def test_classes_are_those_that_were_tested_and_a_confusion_is_drawn_on_demand(
    store: Store, runs: dict[str, str], what: str
):
    run = RunHandle(store, runs[what])
    told, last = run.metrics("class"), run.summary()["accuracy"][-1]
    for task, accuracy in enumerate(last, start=1):
        own = told[told["task"] == task]
        assert own["right"].sum() / own["test"].sum() == pytest.approx(accuracy)
        confusion = run.confusion(task)
        assert confusion["images"].sum() == own["test"].sum()
        right = confusion[confusion["label"] == confusion["answer"]].set_index("label")["images"]
        assert right.reindex(own["class"], fill_value=0).tolist() == own["right"].tolist()
        answered = confusion.groupby("answer")["images"].sum()
        assert answered.reindex(own["class"], fill_value=0).tolist() == own["answered"].tolist()
    app = opened(run=runs[what])
    before = len(charts(app))
    (choice,) = (each for each in app.selectbox if each.label == "What images are taken for")
    choice.select(2).run()
    assert len(charts(app)) == before + 1
    (chart,) = (each for each in charts(app) if "are taken for another class" in each["alt"])
    assert_code_makes_its_chart(chart)


def test_notes_are_shown_and_of_a_run_of_an_earlier_version_no_classes(store: Store):
    run = store.add(preset("digits", SHORT | {"single_task": False}))
    store.put_learned(run, record(claimed=[0, 0]))
    app = opened(run=run)
    assert app.info[0].value == "Task 1: It claims no neuron of any layer."
    assert any("kept no accuracy by class" in each.value for each in app.caption)
    with pytest.raises(StoreError, match="a version that did not keep"):
        RunHandle(store, run).confusion(1)
    with pytest.raises(StoreError, match="has not learned task 2"):
        RunHandle(store, run).confusion(2)
    for wrong in ("1", 1.0, None):
        with pytest.raises(StoreError, match="is not the number of a task"):
            RunHandle(store, run).confusion(wrong)
        with pytest.raises(StoreError, match="has no task"):
            RunHandle(store, run).classes(wrong)
    assert RunHandle(store, run).metrics("class").empty
    with pytest.raises(SpecError, match="by = 'task' is not possible"):
        RunHandle(store, run).metrics("task")


def test_a_wrong_link_is_said_to_be_wrong(store: Store):
    assert opened(run="digits-000000").error[0].value.startswith("There is no run 'digits-000000'")
