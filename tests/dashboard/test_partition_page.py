"""The partition page's logic, without a browser: on a store in which a real run has learned three tasks."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from plotly.graph_objects import Figure
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.analysis import figures
from clnp_core.analysis.figures import partition_graph
from clnp_core.errors import StoreError
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.importance import importance
from dashboard.partition import state as partition_state
from dashboard.partition.state import View, linked_view
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts

PAGE = str(Path(dashboard.__file__).parent / "partition" / "page.py")
opened = partial(at, PAGE)
SHORT = {"stream.tasks": 3, "epochs": 9, "single_task": False}
WEIGHED = SHORT | {"method": "si", "epochs": 1}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Store, str]:
    """A store, and the run in it, the newest of those that prune."""
    store = Store(tmp_path_factory.mktemp("store"))
    weighed = store.add(preset("digits", WEIGHED))
    run = store.add(preset("digits", SHORT))
    asyncio.run(Engine(store, scheduler).serve(until=[weighed, run]))
    return store, run


@pytest.fixture(autouse=True)
def store(learned: tuple[Store, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CLNP_STORE", str(learned[0].location))
    return learned[0]


@pytest.fixture
def run(learned: tuple[Store, str]) -> str:
    return learned[1]


def view(app: AppTest) -> View:
    return app.session_state["partition"].view


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.caption, *app.markdown, *app.error, *app.toast])


def titles(app: AppTest) -> list[str]:
    return [chart["alt"].split(".")[0] for chart in charts(app)]


def test_it_opens_on_the_newest_runs_last_network(store: Store, run: str):
    app, record = opened(), store.learned(run)[-1]
    free = f"Free neurons: {record.free[0]} of 400 in layer 1, {record.free[1]} of 400 in layer 2."
    assert free in said(app)
    assert titles(app) == ["The partition after task 3", "Weights into layer 2 by class"]
    assert app.query_params == {"run": run}


def test_the_link_is_the_view(run: str):
    link = {"run": run, "task": "2", "neuron": "2:17", "view": "before", "layer": "1"}
    app = opened(**link)
    assert view(app).to_link() == link == linked_view(link).to_link()
    assert titles(app)[0] == "The partition after task 2, before severing"
    assert titles(app)[-1] == "Weights into layer 1 by class"
    assert "**Layer 2, neuron 17.**" in said(app)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"task": "-1"}, "The link's task = -1 is not possible: it should be a whole number from 0 up."),
        ({"task": "7"}, "has not learned task 7; it has learned 3."),
        ({"neuron": "17"}, "The link's neuron = 17 is not possible: it should be a layer and a place, such as 2:17."),
        ({"neuron": "3:1"}, "There is no neuron 3:1; hidden layers 1 to 2 have 400, 400 neurons, counted from 0."),
        ({"neuron": "1:400"}, "There is no neuron 1:400"),
        ({"layer": "4"}, "There is no layer 4 that weights lead into; give 1 to 3."),
        ({"run": "digits-000000"}, "There is no run 'digits-000000'"),
    ],
)
def test_a_wrong_link_gets_one_sentence(run: str, link: dict[str, str], sentence: str):
    assert sentence in said(opened(**{"run": run, **link}))


def test_steps_go_from_the_empty_network_to_the_full_one(run: str):
    app = opened(run=run, task="0")
    assert "Free neurons: 400 of 400 in layer 1, 400 of 400 in layer 2." in said(app)
    assert next(button for button in app.button if button.label == "Back").disabled
    for task in (1, 2, 3):
        press(app, "Step")
        assert titles(app)[0] == f"The partition after task {task}"
        assert app.query_params["task"] == str(task)
    assert next(button for button in app.button if button.label == "Step").disabled
    press(app, "Back")
    assert view(app).task == 2


def test_it_fills_up_by_itself_and_stops_at_the_end(run: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partition_state, "_STEP_SECONDS", 0)
    app = press(opened(run=run), "Play")
    seen = [view(app).task]
    while seen[-1] < 3:
        assert "Pause" in [button.label for button in app.button]
        assert app.query_params == {"run": run}
        app.run()
        seen.append(view(app).task)
    assert seen == list(range(seen[0], 4))
    assert seen[0] <= 1
    assert app.query_params == {"run": run, "task": "3"}
    app.run()
    assert "Play" in [button.label for button in app.button]


def test_pause_stays_where_it_is(run: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partition_state, "_STEP_SECONDS", 1000)
    app = press(opened(run=run, task="1"), "Play")
    press(app, "Pause")
    app.run()
    assert (view(app).task, app.query_params["task"]) == (1, "1")


def test_before_severing_what_was_cut_is_shown_and_counted(run: str):
    app = opened(run=run, task="3")
    assert "it gave back to neurons it claimed (together |w| = " in said(app)
    assert '"name":"interference"' not in charts(app)[0]["figure"]
    (severing,) = (each for each in app.segmented_control if each.label == "Interference")
    severing.set_value("Before").run()
    assert app.query_params["view"] == "before"
    assert '"name":"interference"' in charts(app)[0]["figure"]
    assert "not cut yet" in charts(app)[-1]["figure"]


def test_the_matrix_is_of_the_layer_that_is_chosen(store: Store, run: str):
    app = opened(run=run)
    (into,) = (each for each in app.segmented_control if each.label == "Weights into")
    into.set_value("layer 2 → output").run()
    assert app.query_params["layer"] == "3"
    assert titles(app)[-1] == "Weights into output by class"
    claimed = sum(record.claimed[1] for record in store.learned(run))
    assert dict(app.table[0].value[["Class", "Weights"]].to_numpy().tolist()) == {
        "Active": f"{10 * claimed:,}",
        "Free": f"{10 * (400 - claimed):,}",
    }


def test_a_neuron_is_chosen_by_keyboard_too(store: Store, run: str):
    app = opened(run=run)
    app.number_input[0].set_value(5).run()
    assert app.query_params["neuron"] == "1:5"
    app.selectbox[1].select_index(1).run()
    assert app.query_params["neuron"] == "2:0"
    press(app, "Close")
    assert "neuron" not in app.query_params


def test_changes_of_one_drawn_page_are_all_there(run: str):
    app = opened(run=run, task="1")
    choices = {each.label: each for each in app.segmented_control}
    choices["Interference"].set_value("Before")
    choices["Weights into"].set_value("layer 2 → output")
    app.selectbox[1].select_index(1)
    app.number_input[0].set_value(5)
    press(app, "Step")
    assert app.query_params == {"run": run, "task": "2", "neuron": "2:5", "view": "before", "layer": "3"}


def test_another_run_is_shown_from_its_end(store: Store, run: str):
    app = opened(run=run, task="1", neuron="1:3")
    app.query_params["run"] = "digits-000000"
    app.run()
    assert "There is no run 'digits-000000'" in said(app)
    app.query_params["run"] = run
    app.run()
    assert view(app).run == run


def test_a_run_of_a_method_that_does_not_prune_is_not_offered(store: Store):
    other = store.add(preset("digits", {"method": "finetune"}))
    assert f"There is nothing to show here of {other}." in "\n".join(each.value for each in opened(run=other).info)
    store.remove(other)


@pytest.mark.parametrize("neuron", [None, "claimed", "free"])
@pytest.mark.parametrize("shown", ["before", "after"])
def test_the_code_under_a_figure_makes_it(store: Store, run: str, neuron: str | None, shown: str):
    from clnp_core.runs.views.anatomy import anatomy

    owner = anatomy(store, run, 3).owners[1]
    place = {"claimed": int((owner == 2).argmax()), "free": int((owner == 0).argmax())}.get(neuron)
    app = opened(run=run, view=shown, **({"neuron": f"2:{place}"} if neuron else {}))
    assert len(charts(app)) >= (3 if neuron else 2)
    for chart in charts(app):
        assert_code_makes_its_chart(chart)


def test_what_several_visitors_look_at_is_drawn_once(run: str, monkeypatch: pytest.MonkeyPatch):
    drawn: list[str] = []

    def draw(*given: Any, title: str, **options: Any) -> Figure:
        drawn.append(title)
        return partition_graph(*given, title=title, **options)

    monkeypatch.setattr(figures, "partition_graph", draw)
    st.cache_resource.clear()  # what the tests before have looked at
    first, second = opened(run=run), opened(run=run)
    assert charts(first) == charts(second)
    opened(run=run, task="1")
    assert drawn == ["The partition after task 3", "The partition after task 1"]


def test_weights_that_are_weighed_are_a_map_beside_the_owners_of_a_run_of_the_same_network(store: Store, run: str):
    weighed = next(each.id for each in store.runs() if each.spec.weighs)
    app = opened(run=weighed)
    shown = charts(app)
    titles = [json.loads(chart["figure"])["layout"]["title"]["text"] for chart in shown]
    assert titles == ["Importance of the weights into layer 2", "Weights into layer 2, by class"]
    assert run in said(app)
    assert_code_makes_its_chart(shown[0])
    (into,) = (each for each in app.segmented_control if each.label == "Weights into")
    into.set_value("input → layer 1").run()
    assert not app.exception
    assert view(app).layer == 1


def test_there_is_no_map_of_a_method_that_weighs_nothing(store: Store, run: str):
    with pytest.raises(StoreError, match="clnp does not say how important weights are"):
        importance(store, run, 1)
