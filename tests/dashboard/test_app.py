"""The app's logic, without a browser."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.analysis.epochs import TUNED
from clnp_core.errors import StoreError
from clnp_core.runs import background
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec, fork, preset, preset_names
from clnp_core.runs.store import Store
from clnp_core.runs.store.reading import STARTING
from clnp_core.runs.store.results import STARTED
from dashboard.shared.run_text import STATE_COLOURS
from tests.made_up import epoch, record, summary

APP = str(Path(dashboard.__file__).parent / "app.py")
ASKED_ALREADY = {"pausing": ["Pause"], "cancelling": ["Pause", "Cancel"]}
UNPARTITIONED = {
    "fingerprint": None,
    "lambda": [0.0] * 3,
    "theta": [],
    "claimed": [],
    "reused": [],
    "free": [],
    "grown": [],
}
TUNED_RUN = {"fine_tuning.epochs": 5, "fine_tuning.learning_rate": 1e-3}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    return Store(tmp_path)


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """Stores that an engine was started for. None is: tests that need one at work say so with `served`."""
    started: list[Store] = []
    monkeypatch.setattr(background, "ensure_engine", started.append)
    return started


@contextmanager
def served(store: Store) -> Iterator[None]:
    """An engine that does nothing."""
    with store.hold_engine():
        yield


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def asked(store: Store) -> list[RunSpec]:
    return [run.spec for run in store.runs()]


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def progress(app: AppTest) -> str:
    return app.get("progress")[0].proto.text


def trained(store: Store, run: str, task: int, candidate: int = 0, epochs: int = 1, part: int = 1) -> None:
    """Store epochs of a task's training."""
    stage = Stage("fit", {"task": task, "run": run, "candidate": candidate, "part": part})
    store.link(run, stage, candidate)
    store.put_epochs([(stage.key, epoch(number)) for number in range(1, epochs + 1)])


def learned(store: Store, run: str, tasks: int) -> None:
    """Store as many learned tasks, one or two, with the single-task reference measured."""
    for task in range(1, tasks + 1):
        trained(store, run, task)
        accuracies = {"accuracy": [0.9, 0.8][:task], "single_task_accuracy": 0.95}
        neurons = {"claimed": [40, 20], "reused": [0, 0], "free": [400 - 40 * task, 400 - 20 * task]}
        store.put_learned(run, record(task=task, **accuracies, **neurons))


def started(store: Store, changes: dict, name: str = "digits") -> str:
    """A run at work."""
    run = store.add(preset(name, changes))
    store.start(run)
    return run


def charts(app: AppTest) -> int:
    return len(app.get("bidi_component"))


def in_state(store: Store, state: str) -> str:
    """A run in that state, as the store knows it; "pausing" and "cancelling" are asked for and not yet done."""
    run = store.add(preset("digits", {"stream.tasks": 3}))
    if state == "queued":
        return run
    store.start(run)
    store.put_progress(run, seconds=20.1, fraction=0.34, seconds_left=42.3)
    if state in ("paused", "cancelled"):
        store.leave(run, state)
    elif state == "failed":
        store.fail(run, "Task 1: training diverged.", "Traceback\nValueError: nan")
    elif state == "finished":
        store.finish(run, summary(seconds=75.2))
    elif state in ("pausing", "cancelling"):
        getattr(store, {"pausing": "pause", "cancelling": "cancel"}[state])(run)
    return run


def test_an_empty_store_invites_and_its_button_starts_the_default(store: Store, engines: list[Store]):
    app = opened()
    assert "Nothing has run yet" in [heading.value for heading in app.subheader]
    button(app, f"Start {preset_names()[0]}").click().run()
    assert asked(store) == [preset(preset_names()[0])]
    assert [store.location for store in engines] == [store.location]
    assert app.query_params["run"] == store.runs()[0].id


def test_where_nothing_has_been_learned_a_page_says_so(store: Store):
    app = opened()
    for page in ("partition", "tradeoff", "capacity", "accuracy", "compare"):
        app.switch_page(f"{page}/page.py").run()
        assert not app.exception
        assert app.subheader[0].value == "Nothing has been learned yet", page


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_untouched_is_asked_for_as_it_is(name: str, store: Store):
    app = opened()
    app.selectbox(key="preset").select(name).run()
    button(app, "Start").click().run()
    assert not app.exception
    assert asked(store) == [preset(name)]


def test_the_settings_reach_the_run_in_the_codes_units(store: Store):
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
    assert asked(store) == [preset("digits", changes | {"theta_mode": "per-layer", "single_task": False})]


def test_there_is_a_slider_for_each_layer(store: Store):
    app = opened()
    assert [slider.label for slider in app.select_slider] == ["λ layer 1", "λ layer 2", "λ output"]
    app.selectbox(key="preset").select("split-digits-cnn").run()
    assert [slider.label for slider in app.select_slider] == ["λ conv 1", "λ conv 2", "λ dense 1", "λ output"]


def test_a_data_set_is_chosen_where_the_network_takes_several(store: Store):
    app = opened()
    assert not [select for select in app.selectbox if select.label == "Data set"]
    app.selectbox(key="preset").select("permuted-mnist-quick").run()
    app.selectbox(key="permuted-mnist-quick stream.dataset").select("fashion-mnist").run()
    button(app, "Start").click().run()
    assert asked(store) == [preset("permuted-mnist-quick", {"stream.dataset": "fashion-mnist"})]
    app.selectbox(key="preset").select("split-mnist").run()
    app.multiselect(key="split-mnist stream.datasets").set_value([]).run()
    assert [error.value for error in app.error] == ["Stream: choose at least one data set."]
    assert button(app, "Start").disabled


def test_epochs_that_differ_by_task_are_said_and_kept(store: Store):
    app = opened()
    app.selectbox(key="preset").select("split-cifar-quick").run()
    assert "Up to 6, then 24 epochs" in [text.value for text in app.text]
    assert "Epochs" not in [number.label for number in app.number_input]
    assert "1 × up to 6 and 5 × up to 24 epochs of training" in text(app)
    app.number_input(key="split-cifar-quick seed").set_value(7).run()
    button(app, "Start").click().run()
    assert asked(store) == [preset("split-cifar-quick", {"seed": 7})]


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "digits",
            {},
            "10 tasks of digits · digits-mlp · up to 60 epochs · λ 1e-5 / 1e-3 / 3e-4 · m 1 point · "
            "one θ for all layers · gradual pruning · from epoch 4, at most 10% of a layer an epoch · seed 0",
        ),
        (
            "split-cifar-quick",
            {"theta": 0.25},
            "6 tasks of cifar10 + cifar100 · table2-cnn · up to 6, then 24 epochs · λ 5e-5 in every layer · "
            "m 2 points · θ 0.25 · seed 0",
        ),
        (
            "digits",
            {"stream.tasks": 1, "method": "finetune"},
            "1 task of digits · digits-mlp · up to 60 epochs · method finetune · seed 0",
        ),
        ("digits", TUNED_RUN | {"pruning": "after"}, "one θ for all layers · fine-tuning 5 epochs at 1e-3 · seed 0"),
        ("digits", TUNED_RUN | {"fine_tuning.rounds": 2}, "fine-tuning 2 rounds of 5 epochs at 1e-3"),
    ],
)
def test_a_runs_settings_are_said_on_one_line(store: Store, name: str, changes: dict, said: str):
    assert said in text(opened(run=store.add(preset(name, changes))))


def test_a_finished_run_shows_its_measures_its_promise_and_its_tasks(store: Store):
    run = store.add(preset("digits", {"stream.tasks": 2}))
    store.start(run)
    learned(store, run, tasks=2)
    store.finish(run, summary(notes=("Task 2: a note.",)))
    app = opened()
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Mean accuracy"] == "85.00%"
    assert values["Each task alone"] == "95.00%"
    assert values["Free in layer 1"] == "80.0%"
    assert "Task 1: identical after 1 later task." in "".join(text.value for text in app.markdown)
    assert app.info[0].value == "Task 2: a note."
    table = app.table[0].value
    assert list(table) == ["Task", "Accuracy", "Alone", "θ", "Layer\xa01", "Layer\xa02"]
    assert list(table["Layer\xa01"]) == ["40\xa0/\xa00\xa0/\xa0360", "40\xa0/\xa00\xa0/\xa0320"]
    assert charts(app) == 3


def test_what_is_free_is_a_share_of_the_layer_as_wide_as_it_is_now(store: Store):
    run = started(store, {"stream.tasks": 2, "grow.1": 100, "grow_below": 0.95})
    learned(store, run, tasks=1)
    trained(store, run, task=2)
    neurons = {"claimed": [40, 20], "reused": [0, 0], "free": [420, 360], "widths": [500, 400], "grown": [100, 0]}
    store.put_learned(run, record(task=2, accuracy=[0.9, 0.8], **neurons))
    values = {metric.label: metric.value for metric in opened(run=run).metric}
    assert (values["Free in layer 1"], values["Free in layer 2"]) == ("84.0%", "90.0%")


def test_a_method_without_partition_shows_what_it_forgot_and_promises_nothing(store: Store):
    run = started(store, {"stream.tasks": 2, "method": "finetune", "learning_rate": [1e-2, 2e-2]})
    for task, accuracy in ((1, [0.9]), (2, [0.4, 0.8])):
        trained(store, run, task)
        store.put_learned(run, record(task=task, accuracy=accuracy, single_task_accuracy=0.95, **UNPARTITIONED))
    store.finish(run, summary())
    app = opened(run=run)
    values = {metric.label: metric.value for metric in app.metric}
    assert values == {"Mean accuracy": "60.00%", "Each task alone": "95.00%", "Forgetting": "50.00 points"}
    assert "Nothing forgotten" not in text(app)
    assert list(app.table[0].value) == ["Task", "Accuracy", "Alone"]
    assert charts(app) == 2


def test_what_learns_all_tasks_at_once_shows_each_and_has_no_fork(store: Store):
    run = started(store, {"stream.tasks": 2, "method": "joint"})
    with served(store):
        trained(store, run, task=2, epochs=3)
        app = opened(run=run)
        assert progress(app).endswith("all 2 tasks at once · epoch 3 of 60")
        store.put_learned(run, record(task=2, accuracy=[0.9, 0.8], **UNPARTITIONED))
        app.run()
        assert progress(app).endswith("finishing")
    store.finish(run, summary())
    app = opened(run=run)
    assert [(metric.label, metric.value) for metric in app.metric] == [("Mean accuracy", "85.00%")]
    assert list(app.table[0].value["Task"]) == [1, 2]
    assert "Fork" not in [button.label for button in app.button]
    assert charts(app) == 2


def test_a_table_tells_the_thresholds_of_all_layers_apart(store: Store):
    run = started(store, {"stream.tasks": 1, "theta_mode": "per-layer"}, "split-digits-cnn")
    trained(store, run, task=1)
    neurons = {name: [1, 2, 3] for name in ("claimed", "reused", "free", "grown")} | {"widths": [24, 48, 128]}
    store.put_learned(run, record(theta=[0.5, 0.5, 0.25], **neurons))
    app = opened(run=run)
    assert list(app.table[0].value["θ"]) == ["0.500\xa0/\xa00.500\xa0/\xa00.250"]
    assert "Free in conv 1" in [metric.label for metric in app.metric]


def test_without_a_link_the_newest_run_is_shown_and_the_address_becomes_its_link(store: Store):
    store.add(preset("digits"))
    newest = store.add(preset("digits"))
    app = opened()
    assert newest in [heading.value for heading in app.subheader]
    assert app.query_params["run"] == newest


def test_who_comes_back_to_the_lab_finds_the_run_that_was_looked_at(store: Store):
    older, newest = (store.add(preset("digits")) for _ in range(2))
    app = opened(run=older)
    del app.query_params["run"]
    app.run()
    assert app.query_params["run"] == older
    store.remove(older)
    del app.query_params["run"]
    app.run()
    assert app.query_params["run"] == newest


def test_the_list_shows_state_progress_and_time_left_and_marks_the_linked_run(store: Store):
    running, paused = in_state(store, "running"), in_state(store, "paused")
    newest = store.add(preset("digits", {"stream.tasks": 5}))
    with served(store):
        app = opened(run=paused)
    table = app.dataframe[0].value
    assert list(table["Run"]) == [running, newest, paused]
    assert list(table["Shown"]) == ["", "", "●"]
    assert [list(state) for state in table["State"]] == [["running"], ["queued"], ["paused"]]
    assert list(table["Done"]) == [0.34, 0, 0.34]
    assert list(table["Time left"]) == ["about 42 s left", "", ""]


def test_two_hundred_queued_runs_are_all_in_the_list(store: Store):
    for seed in range(200):
        store.add(preset("digits", {"seed": seed}))
    assert len(opened().dataframe[0].value) == 200


@pytest.mark.parametrize("state", STATE_COLOURS)
def test_a_button_is_on_exactly_where_the_store_allows_what_it_asks(state: str, store: Store):
    with nullcontext() if state == "interrupted" else served(store):
        run = in_state(store, state)
        app = opened(run=run)
        assert not app.error or state == "failed"
        on = {label: not button(app, label).disabled for label in ("Pause", "Resume", "Cancel", "Fork", "Delete")}
        for label, ask in (("Pause", "pause"), ("Resume", "resume"), ("Cancel", "cancel"), ("Delete", "remove")):
            possible = allowed(store, in_state(store, state), ask) and label not in ASKED_ALREADY.get(state, ())
            assert on[label] == possible, label
    assert on["Fork"]
    assert state in str(list(app.dataframe[0].value["State"][0]))


def allowed(store: Store, run: str, ask: str) -> bool:
    try:
        getattr(store, ask)(run)
    except StoreError:
        return False
    return True


def test_pause_resume_and_cancel_ask_the_store(store: Store, engines: list[Store]):
    run = store.add(preset("digits"))
    app = opened(run=run)
    button(app, "Pause").click().run()
    assert (store.run(run).state, progress(app)[:12]) == ("paused", "Paused at 0%")
    button(app, "Resume").click().run()
    assert (store.run(run).state, len(engines)) == ("queued", 1)
    button(app, "Cancel").click().run()
    assert store.run(run).state == "cancelled"
    assert not app.exception


def test_what_the_store_refuses_after_all_is_said_in_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise StoreError("It has just finished.")

    app = opened(run=store.add(preset("digits")))
    monkeypatch.setattr(Store, "pause", refuse)
    button(app, "Pause").click().run()
    assert app.toast[0].value == "It has just finished."


def test_delete_asks_first(store: Store):
    keeps, run = store.add(preset("digits")), store.add(preset("digits"))
    app = opened(run=run)
    button(app, "Delete").click().run()
    assert "This deletes" in text(app)
    assert len(store.runs()) == 2
    app.button(key="delete for good").click().run()
    assert [left.id for left in store.runs()] == [keeps]
    assert app.query_params["run"] == keeps
    assert "This deletes" not in text(app)


def test_a_fork_shares_the_tasks_before_it_and_changes_only_what_was_moved(store: Store, engines: list[Store]):
    run = in_state(store, "finished")
    app = opened(run=run)
    button(app, "Fork").click().run()
    app.number_input(key=f"fork {run} at_task").set_value(3).run()
    assert f"Shares tasks 1 to 2 with {run}." in text(app)
    app.slider(key=f"fork {run} margin").set_value(2.5)
    app.select_slider(key=f"fork {run} lambda.2").set_value(3e-3).run()
    button(app, "Start the fork").click().run()
    assert asked(store)[0] == fork(store.run(run).spec, 3, {"margin": 0.025, "lambda.2": 3e-3})
    assert app.query_params["run"] == store.runs()[0].id
    assert "These settings hold from task 3 on." in text(app)
    assert len(engines) == 1


def test_the_tree_of_forks_is_drawn_and_each_run_in_it_is_a_link(store: Store):
    base = preset("digits", {"stream.tasks": 3})
    run = store.add(base)
    middle = store.add(fork(base, 2, {"margin": 0.05}), like=store.run(run))
    leaf = store.add(fork(store.run(middle).spec, 3, {"theta": 0.5}), like=store.run(middle))
    store.rename(middle, "*loose*")
    app = opened(run=middle)
    links = [(link.proto.label, link.proto.query_string) for link in app.get("page_link")]
    assert links == [(each, f"run={each}&linked=1") for each in (run, run, leaf)]
    assert opened(run=leaf, linked="1").query_params == {"run": leaf}
    assert r"**\*loose\*** :small[:gray[this run]]" in text(app)
    assert r"from task 3\: θ = 0.5" in text(app)
    store.remove(run)
    app = opened(run=middle)
    assert [link.proto.label for link in app.get("page_link")] == [leaf]
    assert f"Forked from {run}, which has been deleted." in text(app)
    assert "Forked from" not in text(opened(run=store.add(base)))


def test_a_fork_names_the_layers_and_says_what_fine_tuning_costs(store: Store):
    changes = TUNED_RUN | {"stream.tasks": 3, "fine_tuning.rounds": 2, "epochs": [6, 24], "single_task": False}
    run = store.add(preset("split-digits-cnn", changes))
    app = opened(run=run)
    button(app, "Fork").click().run()
    assert app.select_slider(key=f"fork {run} lambda.3").label == "λ dense 1"
    assert "From task 2 on: 2 × up to 24 epochs of training, and 4 × 5 epochs of fine-tuning." in text(app)
    button(app, "Start the fork").click().run()
    assert asked(store)[0] == fork(store.run(run).spec, 2, {})


def test_a_fork_of_a_method_that_does_not_prune_has_no_settings_of_pruning(store: Store):
    run = store.add(preset("digits", {"stream.tasks": 3, "method": "finetune"}))
    app = opened(run=run)
    button(app, "Fork").click().run()
    assert not [slider.key for slider in [*app.select_slider, *app.slider] if slider.key.startswith("fork")]
    app.number_input(key=f"fork {run} epochs").set_value(5).run()
    button(app, "Start the fork").click().run()
    assert asked(store)[0] == fork(store.run(run).spec, 2, {"epochs": 5})


def test_a_store_without_an_engine_says_so_and_offers_to_start_one(store: Store, engines: list[Store]):
    run = in_state(store, "running")
    app = opened(run=run)
    assert "1 run waits for it" in text(app)
    button(app, "Start the engine").click().run()
    assert len(engines) == 1
    with served(store):
        app.run()
    assert "Start the engine" not in [button.label for button in app.button]


def test_a_running_run_says_how_far_it_is(store: Store):
    run = in_state(store, "running")
    learned(store, run, tasks=1)
    with served(store):
        assert progress(opened(run=run)) == "Running · 34% · 20.1 s so far · about 42 s left · task 2 of 3"
        store.note(run, STARTING)
        assert progress(opened(run=run)).endswith("about 42 s left · starting workers")
        store.note(run, STARTED)
        store.pause(run)
        assert progress(opened(run=run)) == "Pausing · 34% · 20.1 s so far · task 2 of 3"


def test_a_run_that_fine_tunes_says_so(store: Store):
    once, twice = (started(store, TUNED_RUN | {"fine_tuning.rounds": rounds}) for rounds in (1, 2))
    for run in (once, twice):
        trained(store, run, task=1, epochs=60)
        trained(store, run, 1, TUNED, epochs=5)
    trained(store, twice, 1, TUNED, epochs=3, part=2)
    with served(store):
        assert progress(opened(run=once)).endswith("task 1 of 10 · fine-tuning, epoch 5 of 5")
        assert progress(opened(run=twice)).endswith("task 1 of 10 · fine-tuning 2 of 2, epoch 3 of 5")


def test_a_queued_run_says_how_many_come_before_it(store: Store):
    store.add(preset("digits"))
    assert progress(opened(run=store.add(preset("digits")))) == "Queued · 1 before it"


def test_a_failed_run_shows_its_sentence_and_no_traceback(store: Store):
    app = opened(run=in_state(store, "failed"))
    assert [error.value for error in app.error] == ["Task 1: training diverged."]
    assert len(app.code) == 0


def test_a_run_that_failed_later_keeps_its_tasks_and_does_not_promise(store: Store):
    run = store.add(preset("digits", {"stream.tasks": 3}))
    store.start(run)
    learned(store, run, tasks=2)
    store.fail(run, "Task 1 forgot.")
    app = opened(run=run)
    assert len(app.table[0].value) == 2
    assert "Nothing forgotten" not in "".join(text.value for text in app.markdown)


def test_an_interrupted_run_says_so(store: Store):
    assert "Interrupted at 34%" in opened(run=in_state(store, "interrupted")).warning[0].value


def test_a_link_to_no_run_and_a_store_that_cannot_be_read_are_said_in_a_sentence(store: Store, monkeypatch):
    assert "There is no run 'nope'" in opened(run="nope").error[0].value
    file = store.location / "file"
    file.write_text("")
    monkeypatch.setenv("CLNP_STORE", str(file / "store"))
    assert "cannot be created" in opened().error[0].value


def test_what_the_system_refuses_is_said_in_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "engine.lock")

    run = in_state(store, "running")
    monkeypatch.setattr(background, "ensure_engine", refuse)
    app = opened(run=run)
    button(app, "Start the engine").click().run()
    assert app.toast[0].value == "Permission denied: engine.lock"
    monkeypatch.setattr(Store, "engine", refuse)
    assert opened(run=run).error[0].value == "Permission denied: engine.lock"
