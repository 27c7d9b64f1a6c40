"""The trade-off page's logic, without a browser: on a store in which a real run has learned two tasks."""

import asyncio
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.analysis.choice import arrived, with_l1, with_margin
from clnp_core.analysis.tradeoff import TradeOff
from clnp_core.runs.engine.questions import ask
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.explore import trade_off
from dashboard.tradeoff import controls, engine_requests
from dashboard.tradeoff.state import View, linked_view
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts

PAGE = str(Path(dashboard.__file__).parent / "tradeoff" / "page.py")
opened = partial(at, PAGE)
SHORT = {"stream.tasks": 2, "epochs": 11, "single_task": False}
GRID = [5e-4, 2e-3]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Path, str]:
    """A folder with a store in it, and the run it has, which tried two λ. Its engine has told all test accuracies."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    run = store.add(preset("digits", {**SHORT, "lambda.2": GRID}))

    async def learn() -> None:
        serving = asyncio.create_task(Engine(store, scheduler).serve())
        while store.run(run).is_active:
            await asyncio.sleep(0.1)
        for task in (1, 2):
            for candidate in trade_off(store, run, task).candidates:
                thetas = [point.theta for point in candidate.curve.points]
                await asyncio.to_thread(ask, store, candidate.key, thetas, "test")
        serving.cancel()
        await asyncio.wait({serving})

    asyncio.run(learn())
    return folder, run


@pytest.fixture
def run(learned: tuple[Path, str]) -> str:
    return learned[1]


def measures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def view(app: AppTest) -> View:
    return app.session_state["trade-off"].now


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.caption, *app.markdown, *app.error, *app.toast])


def test_it_opens_on_what_the_newest_run_made_of_its_first_task(store: Store, run: str):
    app, record = opened(), store.learned(run)[0]
    assert measures(app)["Validation accuracy"] == f"{record.validation_accuracy:.2%}"
    assert measures(app)["Test accuracy"] == f"{record.accuracy[0]:.2%}"
    assert measures(app)["Claimed / free, layer 2"] == f"{record.claimed[1]} / {record.free[1]}"
    assert view(app).theta == record.theta[0]
    assert app.query_params["task"] == "1"
    assert f"room for {measures(app)['Room for more tasks']} more tasks" in said(app)


def test_the_link_is_the_view(store: Store, run: str):
    tradeoff = trade_off(store, run, 2)
    theta = tradeoff.candidates[0].thresholds()[3]
    link = View(tradeoff.candidates[0].l1, 2e-2, theta, 0.03, fine_tuning=True, run=run, task=2).to_link()
    app = opened(**link)
    assert view(app).to_link() == link
    outcome = tradeoff.at(tradeoff.candidates[0], theta)
    assert measures(app)["Claimed / free, layer 1"] == f"{outcome.claimed[0]} / {outcome.free[0]}"
    assert measures(app)["Validation accuracy"] == f"{outcome.accuracy:.2%}"


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"theta": "high"}, "The link's theta = high is not possible: it should be 1 or 2 numbers from 0 up."),
        ({"theta": "1,2,3"}, "The link's theta = 1,2,3 is not possible"),
        ({"lambda": "1e-3"}, "The link's lambda = 1e-3 is not possible: it should be 3 numbers"),
        ({"margin": "nan"}, "The link's margin = nan is not possible"),
        ({"margin": "2"}, "The link's margin = 2 is not possible: it should be below 1."),
        ({"task": "7"}, "has not learned task 7; it has learned 2."),
        ({"task": "-1"}, "has not learned task 0"),
        ({"task": "9" * 5000}, "has not learned task 0"),
        ({"run": "digits-000000"}, "There is no run 'digits-000000'"),
    ],
)
def test_a_wrong_link_gets_one_sentence(store: Store, run: str, link: dict[str, str], sentence: str):
    app = opened(**{"run": run, **link})
    assert sentence in said(app)


def test_presets_are_steps_that_can_be_undone(store: Store, run: str):
    app = opened(run=run)
    ran = view(app)
    bold = view(press(app, "Bold"))
    assert (bold.margin, bold.fine_tuning) == (0.04, True)
    chosen = trade_off(store, run, 1).verdict(0.04).outcome
    assert (bold.l1, bold.theta) == (chosen.candidate.l1, chosen.theta[0])
    paper = view(press(app, "Paper"))
    assert (paper.l1, paper.margin) == ((1e-7, 1e-5, 1e-6), 0.0005)
    assert "has not been trained for task 1" in said(app)
    assert view(press(app, "Undo")) == bold
    assert view(press(app, "Undo")) == ran
    assert view(press(app, "Redo")) == bold
    assert view(press(app, "As it ran")) == ran


@pytest.fixture
def sliders(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Number boxes in the place of sliders: AppTest cannot move what a browser draws. The last item: let go at once."""
    settles = [True]

    def box(label, texts, place, on_move, key, *, values, marked=(), disabled=False) -> None:
        moved = lambda: on_move(st.session_state[key], settles[-1])  # noqa: E731
        st.number_input(label, value=values[place], key=key, on_change=moved)

    monkeypatch.setattr(controls, "live_slider", box)
    return settles


@pytest.mark.parametrize(
    "moved",
    [
        {"theta": 0.3, "margin": 0.2},
        {"lambda 1": 3e-4, "lambda 2": 1e-4, "theta": 0.3},
    ],
)
def test_moves_of_one_drawn_page_are_all_there(store: Store, run: str, sliders: list[bool], moved: dict[str, float]):
    app = opened(run=run)
    drawn = view(app)
    for key, value in moved.items():
        app.number_input(key=key).set_value(value)
    app.run()
    assert not app.exception
    keys = store.run(run).spec.layer_keys
    l1 = tuple(moved.get(f"lambda {key}", value) for key, value in zip(keys, drawn.l1, strict=True))
    assert (view(app).l1, view(app).theta, view(app).margin) == (l1, 0.3, moved.get("margin", drawn.margin))
    for _ in moved:
        press(app, "Undo")
    assert view(app) == drawn


def test_a_slider_that_is_in_the_hand_stays_there_when_the_page_is_drawn_anew(
    store: Store, run: str, sliders: list[bool]
):
    app = opened(run=run)
    before, link = app.session_state["trade-off"], app.query_params.copy()
    sliders.append(False)
    app.number_input(key="lambda 1").set_value(3e-4).run().run()
    now = app.session_state["trade-off"]
    assert (now.now.l1[0], now.settled, now.past, app.query_params) == (3e-4, before.settled, (), link)
    assert store.active() == []


def test_a_theta_that_is_moved_as_the_layers_get_their_own_is_that_of_all(store: Store, run: str, sliders: list[bool]):
    app = opened(run=run)
    app.segmented_control[0].set_value(False)
    app.number_input(key="theta").set_value(0.3).run()
    assert view(app).theta == (0.3, 0.3)
    app.number_input(key="theta 0").set_value(0.2)
    app.number_input(key="theta 1").set_value(0.1).run()
    assert view(app).theta == (0.2, 0.1)


def test_a_slider_of_a_task_that_was_left_moves_nothing(store: Store, run: str, sliders: list[bool]):
    app = opened(run=run)
    app.selectbox[1].set_value(2)
    app.number_input(key="margin").set_value(0.2).run()
    assert not app.exception
    assert view(app).task == 2


@pytest.mark.parametrize("by_itself", [True, False])
def test_an_untrained_lambda_is_trained_alone_and_once_after_a_rest_or_when_asked_for(
    store: Store, run: str, by_itself: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine_requests, "_REST_SECONDS", 0.0)
    app = opened(run=run, task="2")
    app.toggle[0].set_value(by_itself).run()
    before = measures(app)
    press(app, "Paper")
    assert (measures(app), store.active()) == (before, [])
    assert "about" in app.toggle[0].label
    press(app, "Train this λ") if not by_itself else app.run()
    app.run()
    (asked,) = store.active()
    assert asked.spec.grid == [((1e-7, 1e-5, 1e-6), 2e-2, {})]
    assert (asked.spec.at_task, asked.spec.stream.tasks, asked.spec.fork_of) == (2, 2, store.run(run).spec)
    assert "Training more λ" in app.get("progress")[0].proto.text
    store.start(asked.id)
    store.leave(asked.id, "cancelled")
    app.run()
    assert (store.active(), f"Its training, {asked.id}, was cancelled" in said(app)) == ([], True)


def test_what_was_seen_stays_while_a_lambda_is_not_trained_and_theta_follows_once_it_is(store: Store, run: str):
    trained = trade_off(store, run, 1)
    ruled = trained.verdict(0.01).outcome
    (other,) = (candidate for candidate in trained.candidates if candidate is not ruled.candidate)
    untrained = TradeOff(trained.before, [ruled.candidate], trained._answers)
    start = View(ruled.candidate.l1, 2e-2, untrained.within(ruled.candidate, 0.01).theta[0], 0.01, run=run, task=1)
    waiting = with_l1(start, other.l1, untrained)
    assert (waiting.l1, waiting.seen, waiting.theta) == (other.l1, start.l1, start.theta)
    assert linked_view(waiting.to_link(), start, 2) == waiting
    assert arrived(waiting, untrained) == waiting
    wider = with_margin(waiting, 0.1, untrained)
    assert (wider.l1, wider.theta) == (other.l1, untrained.within(ruled.candidate, 0.1).theta[0])
    there = arrived(wider, trained)
    assert (there.l1, there.seen, there.theta) == (other.l1, None, trained.within(other, 0.1).theta[0])
    by_hand = replace(start, theta=ruled.candidate.thresholds()[-2])
    assert with_l1(with_l1(by_hand, other.l1, untrained), start.l1, untrained) == by_hand
    linked = replace(start, l1=other.l1, theta=0.0)
    assert arrived(linked, untrained) == waiting


def test_without_an_engine_what_is_known_is_shown_and_the_rest_is_said_to_be_missing(store: Store, run: str):
    ran = view(opened(run=run))
    fourth = sorted(trade_off(store, run, 1).find(ran.l1, ran.learning_rate).free[0].tolist())[-4]
    app = opened(**ran.to_link() | {"theta": f"{fourth!r},0.0"})
    assert measures(app)["Validation accuracy"] == "…"
    assert "No engine" in said(app)
    assert " / " in measures(app)["Claimed / free, layer 1"]


def test_a_run_of_a_method_that_does_not_prune_is_refused_in_a_sentence(store: Store):
    run = store.add(preset("digits", {"method": "finetune"}))
    assert f"The method finetune does not prune: there is no θ or m to move in {run}." in said(opened(run=run))


def test_what_was_not_moved_by_hand_follows_the_margin(store: Store, run: str):
    tradeoff = trade_off(store, run, 1)
    ruled = tradeoff.verdict(0.01).outcome
    at_rule = View(ruled.candidate.l1, 2e-2, ruled.theta[0], 0.01, run=run, task=1)
    wider = tradeoff.verdict(0.1).outcome
    followed = with_margin(at_rule, 0.1, tradeoff)
    assert (followed.l1, followed.theta, followed.margin) == (wider.candidate.l1, wider.theta[0], 0.1)
    (other,) = (candidate for candidate in tradeoff.candidates if candidate is not ruled.candidate)
    theta_follows = with_l1(at_rule, other.l1, tradeoff)
    assert theta_follows.theta == tradeoff.within(other, 0.01).theta[0]
    by_hand = View(other.l1, 2e-2, other.thresholds()[-2], 0.01, run=run, task=1)
    assert with_margin(by_hand, 0.1, tradeoff).theta == by_hand.theta
    assert with_l1(by_hand, ruled.candidate.l1, tradeoff).theta == by_hand.theta


def test_what_a_link_leaves_out_is_as_it_ran():
    start = View((1e-5, 1e-3, 3e-4), 2e-2, 0.25, 0.01, run="digits-1", task=1)
    assert linked_view({"run": "digits-1"}, start, 2) == start
    assert linked_view({"theta": "0.5,0"}, start, 2).theta == (0.5, 0.0)


def test_the_way_of_a_training_that_pruned_is_shown(store: Store, run: str, scheduler: str):
    after = store.add(preset("digits", {**SHORT, "stream.tasks": 1, "pruning": "after"}))
    asyncio.run(Engine(store, scheduler).serve(until=[after]))
    shown = {}
    for each in (run, after):
        chart = charts(opened(run=each))[0]
        lines = json.loads(chart["figure"])["data"]
        shown[each] = [len(line["text"]) for line in lines if "epoch by epoch" in line["name"]]
        assert_code_makes_its_chart(chart)
    assert shown == {run: [11], after: []}


def test_the_code_under_each_figure_makes_it(store: Store, run: str):
    app = opened(run=run, task="2")
    assert len(charts(app)) == 4
    for chart in charts(press(app, "Bold")):
        assert_code_makes_its_chart(chart)
