"""The app's logic, without a browser."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.runs import background
from clnp_core.runs.spec import RunSpec, preset, preset_names
from clnp_core.runs.store import Store

APP = str(Path(dashboard.__file__).parent / "app.py")
RECORD = {
    "single_task_accuracy": None,
    "lambda": [1e-5, 1e-3, 3e-4],
    "learning_rate": 1e-2,
    "theta": [0.25, 0.25],
    "notes": [],
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    return Store(tmp_path)


@pytest.fixture
def asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """Runs that were asked for; none is carried out."""
    specs: list[RunSpec] = []

    def start(store: Store, spec: RunSpec) -> str:
        specs.append(spec)
        return store.add(spec)

    monkeypatch.setattr(background, "start", start)
    return specs


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=20)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def learned(store: Store, run: str, tasks: int) -> None:
    """Store as many learned tasks, one or two, with the single-task reference measured."""
    for task in range(1, tasks + 1):
        epoch = {"candidate": 0, "epoch": 1, "loss": 0.5, "validation_accuracy": 0.9, "seconds": 0.1}
        store.add_epoch(run, task / tasks, task=task, **epoch)
        accuracies = {"accuracy": [0.9, 0.8][:task], "single_task_accuracy": 0.95}
        neurons = {"claimed": [40, 20], "reused": [0, 0], "free": [400 - 40 * task, 400 - 20 * task]}
        store.add_learned(run, task, RECORD | accuracies | neurons | {"task": task})


def test_an_empty_store_invites_and_its_button_starts_the_default(store: Store, asked: list[RunSpec]):
    app = opened()
    assert "Nothing has run yet" in [heading.value for heading in app.subheader]
    button(app, f"Start {preset_names()[0]}").click().run()
    assert asked == [preset(preset_names()[0])]
    assert app.query_params["run"] == store.runs()[0].id


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_untouched_is_asked_for_as_it_is(name: str, store: Store, asked: list[RunSpec]):
    app = opened()
    app.selectbox(key="preset").select(name).run()
    button(app, "Start").click().run()
    assert not app.exception
    assert asked == [preset(name)]


def test_the_settings_reach_the_run_in_the_codes_units(store: Store, asked: list[RunSpec]):
    app = opened()
    app.number_input(key="digits stream.tasks").set_value(3)
    app.number_input(key="digits epochs").set_value(5)
    app.number_input(key="digits seed").set_value(7)
    app.select_slider(key="digits lambda.2").set_value(3e-3)
    app.slider(key="digits margin").set_value(2.5)
    app.segmented_control(key="digits theta_mode").set_value("per-layer")
    app.checkbox(key="digits single_task").uncheck().run()
    button(app, "Start").click().run()
    changes = {"stream.tasks": 3, "epochs": 5, "seed": 7, "lambda.2": 3e-3, "margin": 0.025}
    assert asked == [preset("digits", changes | {"theta_mode": "per-layer", "single_task": False})]


def test_there_is_a_slider_for_each_layer(store: Store):
    labels = [slider.label for slider in opened().select_slider]
    assert labels == ["λ layer 1", "λ layer 2", "λ output"]


def test_a_finished_run_shows_its_measures_its_promise_and_its_tasks(store: Store):
    run = store.add(preset("digits", {"stream.tasks": 2}))
    store.start(run)
    learned(store, run, tasks=2)
    store.finish(run, {"notes": ["Task 2: a note."]})
    app = opened()
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Mean accuracy"] == "85.00%"
    assert values["Each task alone"] == "95.00%"
    assert values["Free in layer 1"] == "80.0%"
    assert "Task 1: identical after 1 later task." in "".join(text.value for text in app.markdown)
    assert app.info[0].value == "Task 2: a note."
    assert len(app.table[0].value) == 2


def test_without_a_link_the_newest_run_is_shown_and_the_address_becomes_its_link(store: Store):
    store.add(preset("digits"))
    newest = store.add(preset("digits"))
    app = opened()
    assert app.selectbox(key="run").value == newest
    assert app.query_params["run"] == newest


def test_choosing_a_run_changes_the_link(store: Store):
    older = store.add(preset("digits"))
    newer = store.add(preset("digits"))
    app = opened(run=newer)
    app.selectbox(key="run").select(older).run()
    assert app.query_params["run"] == older


def test_a_failed_run_shows_its_sentence(store: Store):
    run = store.add(preset("digits"))
    store.start(run)
    store.fail(run, "Task 1: training diverged.")
    assert [error.value for error in opened(run=run).error] == ["Task 1: training diverged."]


def test_a_run_that_failed_later_keeps_its_tasks_and_does_not_promise(store: Store):
    run = store.add(preset("digits", {"stream.tasks": 3}))
    store.start(run)
    learned(store, run, tasks=2)
    store.fail(run, "Task 1 forgot.")
    app = opened(run=run)
    assert len(app.table[0].value) == 2
    assert "Nothing forgotten" not in "".join(text.value for text in app.markdown)


def test_an_interrupted_run_says_so(store: Store):
    run = store.add(preset("digits"))
    store.start(run)
    assert "Interrupted at 0%" in opened(run=run).warning[0].value


def test_a_link_to_no_run_and_a_store_that_cannot_be_read_are_said_in_a_sentence(store: Store, monkeypatch):
    assert "There is no run 'nope'" in opened(run="nope").error[0].value
    file = store.location / "file"
    file.write_text("")
    monkeypatch.setenv("CLNP_STORE", str(file / "store"))
    assert "cannot be made" in opened().error[0].value


def test_the_app_does_without_torch(tmp_path: Path):
    code = (
        "import os, sys; from streamlit.testing.v1 import AppTest;"
        f"os.environ['CLNP_STORE'] = {str(tmp_path)!r};"
        f"app = AppTest.from_file({APP!r}, default_timeout=30).run();"
        "assert not app.exception; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
