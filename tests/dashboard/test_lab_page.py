"""The Lab's form, cards, list and run, without a browser: on a store in which real runs have learned two tasks."""

import asyncio
import gc
import json
import math
import time
import weakref
from functools import partial
from pathlib import Path

import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.methods import METHODS
from clnp_core.runs import background
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import RunSpec, fork, preset, preset_names
from clnp_core.runs.store import Store
from dashboard.lab.find import matches
from dashboard.lab.selected import TICKED
from dashboard.shared.kept_figure import kept_figure, shared_figure
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts

APP = str(Path(dashboard.__file__).parent / "app.py")
opened = partial(at, APP)
SHORT = {"stream.tasks": 2, "epochs": 7, "single_task": False}
RUNS = {"grid": SHORT | {"lambda.2": [5e-4, 2e-3]}, "joint": SHORT | {"method": "joint"}}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Path, dict[str, str]]:
    """A folder with a store in it, and the runs it has."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    runs = {what: store.add(preset("digits", changes)) for what, changes in RUNS.items()}
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    return folder, runs


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "empty"))
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    return Store(tmp_path / "empty")


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.text, *app.info, *app.error]
    return "\n".join(element.value for element in elements)


def labels(app: AppTest) -> list[str]:
    widgets = (app.select_slider, app.slider, app.multiselect, app.number_input, app.toggle, app.checkbox)
    return [widget.label for group in (*widgets, app.get("button_group")) for widget in group]


def asked(store: Store) -> RunSpec:
    return store.runs()[0].spec


# Presets.


def test_every_preset_has_a_card_with_its_sentence_and_time(empty: Store):
    app = opened()
    for name in preset_names():
        assert f"**{name}**  \n{preset(name).about}" in text(app)
    assert ":material/schedule: about 15 s · 10 tasks · up to 60 epochs" in text(app)
    groups = [element.value for element in app.markdown if element.value.startswith("#####")]
    assert groups == ["##### Seconds", "##### Minutes", "##### The paper's experiments"]
    buttons = [button.label for button in app.button]
    assert "Start digits" in buttons
    assert [f"Choose {name}" in buttons for name in preset_names()] == [name != "digits" for name in preset_names()]


def test_a_chosen_card_fills_the_form_and_starts_what_that_says(empty: Store):
    app = press(opened(), "Choose split-digits")
    assert app.selectbox(key="preset").value == "split-digits"
    app.number_input(key="split-digits stream.tasks").set_value(3)
    app.number_input(key="split-digits stream.seed").set_value(8)
    app.text_input(key="split-digits stream.class_order").set_value("9, 0, 5,3,1,7").run()
    press(app, "Start split-digits")
    drawn = {"stream.seed": 8, "stream.class_order": [9, 0, 5, 3, 1, 7]}
    assert asked(empty) == preset("split-digits", {"stream.tasks": 3, **drawn})


def test_presets_are_chosen_in_a_dialog_where_there_are_runs(store: Store):
    app = press(opened(), "Choose a preset")
    press(app, "Choose split-digits-cnn")
    assert app.selectbox(key="preset").value == "split-digits-cnn"
    press(app, "Start split-digits-cnn")
    assert asked(store) == preset("split-digits-cnn")
    assert "Choose digits" not in [button.label for button in app.button]


# The form.


def test_growth_fine_tuning_and_a_grid_reach_the_run(empty: Store):
    app = opened()
    for switch in ("grows", "several", "fine_tuning"):
        app.toggle(key=f"digits {switch}").set_value(True).run()
    app.number_input(key="digits grow.1").set_value(50)
    app.number_input(key="digits grow.2").set_value(0)
    app.slider(key="digits grow_below").set_value(30)
    app.multiselect(key="digits lambdas.2").set_value([2e-3, 1e-3])
    app.multiselect(key="digits learning_rate").set_value([1e-2, 2e-2])
    app.number_input(key="digits fine_tuning.rounds").set_value(2).run()
    app.segmented_control(key="digits search").set_value("every-task")
    app.segmented_control(key="digits measure").set_value("balanced")
    app.segmented_control(key="digits head").set_value("multi")
    app.number_input(key="digits patience").set_value(9).run()
    assert "4 candidates for each task." in text(app)
    press(app, "Start")
    changes = {"grow": {"1": 50}, "grow_below": 0.3, "lambda.2": [1e-3, 2e-3], "learning_rate": [1e-2, 2e-2]}
    tuning = {"epochs": 5, "learning_rate": 2e-3, "rounds": 2}
    changes |= {"fine_tuning": tuning, "search": "every-task", "head": "multi", "patience": 9, "measure": "balanced"}
    assert asked(empty) == preset("digits", changes)


def test_how_alike_tasks_are_reaches_the_run(empty: Store):
    app = opened()
    app.number_input(key="digits stream.share").set_value(0.25).run()
    press(app, "Start")
    assert asked(empty) == preset("digits", {"stream.share": 0.25})
    assert "10 tasks of digits, 25% of the pixels permuted" in text(app)
    app.segmented_control(key="digits stream.kind").set_value("rotated").run()
    app.number_input(key="digits stream.degrees").set_value(30.0).run()
    press(app, "Start")
    turned = preset("digits", {"stream.kind": "rotated", "stream.degrees": 30})
    assert asked(empty) == turned
    assert "10 tasks of digits, each rotated 30° further" in text(app)


def test_gradual_pruning_reaches_the_run(empty: Store):
    app = opened()
    app.toggle(key="digits pruning").set_value(True).run()
    app.number_input(key="digits gradual.first_epoch").set_value(6)
    app.number_input(key="digits gradual.largest_share").set_value(25).run()
    press(app, "Start")
    changes = {"pruning": "gradual", "gradual.first_epoch": 6, "gradual.largest_share": 0.25}
    assert asked(empty) == preset("digits", changes)


@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_apply_to_a_method_is_not_shown(method: str, empty: Store):
    app = opened()
    app.selectbox(key="digits method").select(method).run()
    about = METHODS[method]
    assert about.about in text(app)
    for label in ("λ layer 1", "Margin m (percentage points)", "Fine-tune after pruning"):
        assert (label in labels(app)) == about.prunes
    assert ("Grow when it fills up" in labels(app)) == about.partitions
    assert ("Also train each task alone" in labels(app)) == (not about.at_once)
    assert "Later tasks" not in labels(app)
    press(app, "Start")
    assert asked(empty) == preset("digits", {"method": method})


def test_an_impossible_combination_is_said_in_a_sentence_and_cannot_be_started(empty: Store):
    app = opened()
    app.multiselect(key="digits learning_rate").set_value([]).run()
    assert [error.value for error in app.error] == ["Search: choose at least one learning rate."]
    assert next(button for button in app.button if button.label == "Start").disabled
    app.multiselect(key="digits learning_rate").set_value([2e-2])
    app.toggle(key="digits grows").set_value(True).run()
    app.number_input(key="digits grow.1").set_value(0)
    app.number_input(key="digits grow.2").set_value(0).run()
    assert app.error[0].value == "Network: give at least one layer new neurons, or switch growth off."
    app.toggle(key="digits grows").set_value(False)
    app.toggle(key="digits several").set_value(True).run()
    app.multiselect(key="digits lambdas.1").set_value([]).run()
    assert app.error[0].value == "Sparsity: choose at least one value of λ for every layer."
    app.selectbox(key="preset").select("split-digits").run()
    app.number_input(key="split-digits stream.tasks").set_value(6).run()
    assert app.error[0].value.endswith("give at most 5.")


def test_the_time_is_told_before_the_start_and_who_says_so(empty: Store):
    app = opened()
    assert "Takes about 15 s where it was measured, on two cores: 20 × up to 60 epochs" in text(app)
    app.selectbox(key="preset").select("split-cifar-wide").run()
    assert "days where it was measured" in text(app)


def test_the_time_is_that_of_this_computer_once_something_ran(store: Store):
    caption = next(caption.value for caption in opened().caption if caption.value.startswith("Takes"))
    assert "measured" not in caption


def test_a_fork_can_widen_layers_fine_tune_and_prune_otherwise(store: Store, runs: dict[str, str]):
    run = runs["grid"]
    app = press(opened(run=run), "Fork")
    app.toggle(key=f"fork {run} grows").set_value(True)
    app.toggle(key=f"fork {run} fine_tuning").set_value(True).run()
    app.number_input(key=f"fork {run} gradual.first_epoch").set_value(7)
    app.number_input(key=f"fork {run} grow.2").set_value(30)
    app.number_input(key=f"fork {run} grow.1").set_value(0).run()
    assert "Takes about" in text(app)
    press(app, "Start the fork")
    changes = {"grow": {"2": 30}, "fine_tuning": {"epochs": 5, "learning_rate": 2e-3, "rounds": 1}}
    changes |= {"gradual.first_epoch": 7}
    assert asked(store) == fork(store.run(run).spec, 2, changes)


# The list.


def test_a_run_is_found_by_all_it_is_known_by(store: Store, runs: dict[str, str]):
    store.describe(runs["grid"], ["seed study"], "Does a stronger λ help?")
    grid, joint = store.run(runs["grid"]), store.run(runs["joint"])
    for words in ("", "digits", grid.id, "STUDY", "stronger λ", "digits-mlp clnp", "study help"):
        assert matches(grid, words), words
    assert not matches(grid, "joint")
    assert matches(joint, "digits joint")


def test_the_list_is_searched_and_filtered(store: Store, runs: dict[str, str]):
    waiting = store.add(preset("split-digits"))
    app = opened(run=runs["grid"])
    app.text_input(key="search").set_value("joint").run()
    assert list(app.dataframe[0].value["Run"]) == [runs["joint"]]
    assert runs["grid"] in [heading.value for heading in app.subheader]  # what is looked at stays
    app.text_input(key="search").set_value("nothing like it").run()
    assert "No run matches" in text(app)
    app.text_input(key="search").set_value("")
    app.multiselect(key="states").set_value(["queued"]).run()
    assert list(app.dataframe[0].value["Run"]) == [waiting]


def test_the_list_tells_settings_and_results_is_filtered_and_grouped(store: Store, runs: dict[str, str]):
    waiting = store.add(preset("digits", {"seed": 7, "margin": 0.02, "lambda.1": 1e-3, "stream.tasks": 3}))
    store.describe(runs["grid"], ["good"], "")
    app = opened(run=runs["grid"])
    table = app.dataframe[0].value.set_index("Run")
    summaries = {run: store.run(run).summary for run in runs.values()}
    for run, summary in summaries.items():
        assert table.loc[run, "Accuracy"] == pytest.approx(100 * summary.mean_accuracy)
    used = [1 - layer.free / layer.width for layer in summaries[runs["grid"]].layers]
    assert table.loc[runs["grid"], "Used"] == pytest.approx(100 * sum(used) / 2)
    assert math.isnan(table.loc[runs["joint"], "Used"])
    told = table[["Method", "Data", "λ", "m", "Seed", "Tasks"]].astype(object)
    assert list(told.loc[waiting]) == ["clnp", "digits", "1e-3 / 1e-3 / 3e-4", 2, 7, 3]
    assert list(told.loc[runs["joint"], ["Method", "λ", "Seed"]]) == ["joint", "", 0]
    app.segmented_control(key="group by").set_value("Method").run()
    groups, listed = (frame.value for frame in app.dataframe)
    assert list(groups["Method"]) == ["clnp", "joint"]
    assert list(groups["Runs"]) == [2, 1]
    assert list(groups["Best"]) == pytest.approx([100 * summaries[runs[name]].mean_accuracy for name in RUNS])
    assert len(listed) == 3
    app.multiselect(key="filter Method").set_value(["clnp"])
    app.multiselect(key="filter Tag").set_value(["no tag"]).run()
    groups, listed = (frame.value for frame in app.dataframe)
    assert (list(groups["Method"]), list(listed["Run"])) == (["clnp"], [waiting])


def test_several_runs_are_compared_tagged_cancelled_and_deleted_together(store: Store, runs: dict[str, str]):
    first, second = (store.add(preset("digits", {"seed": seed})) for seed in (1, 2))
    app = opened(run=runs["grid"])
    app.session_state[TICKED] = [runs["joint"], first, second]
    app.run()
    link = next(link.proto for link in app.get("page_link") if link.proto.label == "Compare")
    assert link.query_string == "runs=" + "%2C".join([second, first, runs["joint"]])
    app.multiselect(key="tags of all").set_value(["night"]).run()
    press(app, "Add to all")
    assert {run.id for run in store.runs() if run.tags == ("night",)} == {first, second, runs["joint"]}
    app.button(key="all Cancel").click().run()
    assert {run.id for run in store.runs() if run.state == "cancelled"} == {first, second}
    app.text_input(key="search").set_value("joint").run()  # what is out of sight is not deleted
    app.button(key="all Delete").click().run()
    assert app.button(key="delete for good").label == "Delete"
    press(app, "Keep it")
    app.text_input(key="search").set_value("").run()
    app.button(key="all Delete").click().run()
    app.button(key="delete for good").click().run()
    assert [run.id for run in store.runs()] == [runs["grid"]]
    assert "all Cancel" not in [button.key for button in app.button]


def test_a_name_is_shown_wherever_the_run_is(store: Store, runs: dict[str, str]):
    run, others = runs["grid"], Path(APP).parent
    app = opened(run=run)
    app.text_input(key=f"name {run}").set_value("wide *and* thin").run()
    assert store.run(run).name == "wide *and* thin"
    assert r"wide \*and\* thin" in [heading.value for heading in app.subheader]
    assert any(caption.value.startswith(f"{run} · ") for caption in app.caption)
    table = app.dataframe[0].value
    assert dict(zip(table["Run"], table["Id"], strict=True)) == {"wide *and* thin": run, runs["joint"]: ""}
    app.text_input(key=f"name {run}").set_value("\x1b[31m").run()
    assert [toast.value for toast in app.toast] != []
    assert store.run(run).name == app.text_input(key=f"name {run}").value == "wide *and* thin"
    accuracy = at(str(others / "accuracy" / "page.py"), run=run)
    assert f"wide *and* thin ({run})" in accuracy.selectbox[0].options
    compared = at(str(others / "compare" / "page.py"), runs=",".join(runs.values()))
    assert "wide\N{NO-BREAK SPACE}\\*and\\*\N{NO-BREAK SPACE}thin" in compared.table[0].value["Runs"].iloc[0]


def test_tags_a_note_and_the_baseline_are_kept_and_shown(store: Store, runs: dict[str, str]):
    run = runs["grid"]
    store.describe(runs["joint"], ["good"], "")
    app = opened(run=run)
    assert app.multiselect(key=f"tags {run}").options == ["good"]
    app.multiselect(key=f"tags {run}").set_value(["good", "first try"]).run()
    app.text_area(key=f"note {run}").set_value("Worth another look.").run()
    app.toggle(key=f"baseline {run}").set_value(True).run()
    assert (store.run(run).tags, store.run(run).note) == (("good", "first try"), "Worth another look.")
    assert store.baseline() == run
    table = app.dataframe[0].value
    assert list(table["Run"]) == [f"★ {run}", runs["joint"]]
    assert [list(tags) for tags in table["Tags"]] == [["good", "first try"], ["good"]]
    assert list(table["Note"]) == ["Worth another look.", ""]
    assert "Worth another look." in text(app)
    app.toggle(key=f"baseline {run}").set_value(False).run()
    assert store.baseline() is None


def test_what_no_run_has_is_no_column(empty: Store):
    empty.add(preset("digits", {"method": "joint"}))
    shown = ["Shown", "Run", "State", "Done", "Method", "Seed", "Data", "Tasks", "Asked for"]
    assert list(opened().dataframe[0].value) == shown


# The run.


@pytest.mark.parametrize("what", RUNS)
def test_the_code_under_each_figure_makes_it(what: str, store: Store, runs: dict[str, str]):
    shown = charts(opened(run=runs[what]))
    assert len(shown) == (3 if what == "grid" else 2)
    for chart in shown:
        assert_code_makes_its_chart(chart)


def test_the_neurons_left_are_shown_of_a_method_that_partitions(store: Store, runs: dict[str, str]):
    for what, layers in (("grid", {"layer 1", "layer 2"}), ("joint", set())):
        curves = json.loads(charts(opened(run=runs[what]))[0]["figure"])
        assert {line["name"] for line in curves["data"] if line["yaxis"] == "y3"} == layers
        assert ("yaxis3" in curves["layout"]) == bool(layers)


def test_room_for_later_tasks_is_told(store: Store, runs: dict[str, str]):
    assert "**Room left.** Layer" in text(opened(run=runs["grid"]))
    assert "Room left" not in text(opened(run=runs["joint"]))


def test_the_other_pages_of_a_run_are_linked(store: Store, runs: dict[str, str]):
    def links(app: AppTest) -> dict[str, str]:
        return {link.proto.label: link.proto.query_string for link in app.get("page_link")}

    of_run = f"run={runs['grid']}"
    pages = ("Partition", "Trade-off", "Capacity", "Accuracy", "Examples")
    assert links(opened(run=runs["grid"])) == dict.fromkeys(pages, of_run)
    assert list(links(opened(run=runs["joint"]))) == ["Accuracy", "Examples"]
    store.pin(runs["joint"])
    assert links(opened(run=runs["grid"]))["Compare"] == f"runs={runs['joint']}%2C{runs['grid']}"


def test_a_figure_is_drawn_anew_only_for_something_new_and_rests_while_it_is_live(monkeypatch: pytest.MonkeyPatch):
    drawn: list[str] = []
    moment = iter([0.0, 1.0, 10.0, 80.9, 81.1, 82.1, 83.0, 84.0, 85.0, 86.0, 87.0])
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(time, "monotonic", lambda: next(moment))

    def draw(name: str, of: str, stamp: int, is_live: bool = True) -> None:
        kept_figure("curves", of, stamp, is_live, lambda: drawn.append(name) or go.Figure())

    draw("first", "a run", 1)  # takes a second, and then rests for 80
    draw("too early", "a run", 2)
    draw("too early", "a run", 3)
    draw("rested", "a run", 4)
    draw("the same", "a run", 4)
    draw("another", "another run", 4)
    draw("at its end", "another run", 5, is_live=False)
    assert drawn == ["first", "rested", "another", "at its end"]


def test_figures_of_long_ago_leave_the_memory():
    """A run that learns leaves one after every epoch."""
    drawn: list[weakref.ref] = []

    def draw() -> go.Figure:
        drawn.append(weakref.ref(figure := go.Figure()))
        return figure

    for epoch in range(200):
        shared_figure(("curves of a run", epoch), draw)
    gc.collect()
    left = [place for place, figure in enumerate(drawn) if figure() is not None]
    assert 0 < len(left) < 100
    assert left[-1] == 199
