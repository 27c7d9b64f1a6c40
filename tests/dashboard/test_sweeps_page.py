"""The page of sweeps, without a browser."""

import json
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.errors import SpecError
from clnp_core.runs import background, sweep
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import preset, preset_names
from clnp_core.runs.store import Store
from dashboard.sweeps import brushes
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts
from tests.made_up import record

PAGE = str(Path(dashboard.__file__).parent / "sweeps" / "page.py")
opened = partial(at, PAGE)
SHORT = {"stream.tasks": 2, "epochs": 5, "single_task": False}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    return Store(tmp_path)


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """Stores that an engine was started for; none is."""
    started: list[Store] = []
    monkeypatch.setattr(background, "ensure_engine", started.append)
    return started


def asked(store: Store, axes: dict) -> str:
    return sweep.ask(store, axes, sweep.sequences("digits", SHORT, axes))


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def state(app: AppTest) -> str:
    return app.get("progress")[0].proto.text


def test_without_sweeps_the_page_invites_and_its_button_starts_what_is_chosen(store: Store, engines: list[Store]):
    app = opened()
    assert [heading.value for heading in app.subheader] == ["No sweep yet"]
    button(app, "Start 3 sequences").click().run()
    (begun,) = store.sweeps()
    assert begun.over == {"margin": [0.005, 0.01, 0.02]}
    assert app.query_params["sweep"] == begun.id
    assert [run.spec.margin for run in store.sweep_runs(begun.id).values()] == [0.005, 0.01, 0.02]
    assert len(engines) == 1
    assert state(app) == "0 of 3 sequences finished · 3 queued"


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_swept(name: str, store: Store):
    app = opened()
    app.selectbox(key="sweep preset").select(name).run()
    assert not app.exception
    assert not button(app, "Start").disabled


def test_what_is_chosen_reaches_the_sequences_in_the_codes_units_and_its_cost_is_said_before(store: Store):
    app = opened()
    app.number_input(key="sweep digits stream.tasks").set_value(4)
    app.number_input(key="sweep digits epochs").set_value(7)
    app.multiselect(key="sweep digits margin").set_value([2.0, 0.25])
    app.multiselect(key="sweep digits lambda.2").set_value([1e-3, 5e-4])
    app.multiselect(key="sweep digits stream.share").set_value([0.5])
    app.multiselect(key="sweep digits seed").set_value([3]).run()
    assert "4 sequences, at most 16 trainings of up to 7 epochs" in app.sidebar.caption[1].value
    button(app, "Start").click().run()
    axes = {"margin": [0.0025, 0.02], "lambda.2": [5e-4, 1e-3], "stream.share": [0.5], "seed": [3]}
    changes = {"single_task": False, "stream.tasks": 4, "epochs": 7}
    (begun,) = store.sweeps()
    assert begun.over == axes
    runs = store.sweep_runs(begun.id).values()
    assert [run.spec for run in runs] == sweep.sequences("digits", changes, axes)


def test_methods_are_swept_with_settings_of_their_own_and_those_that_have_no_effect_are_not_asked_for(store: Store):
    app = opened()
    app.multiselect(key="sweep digits method").set_value(["finetune", "ewc"]).run()
    shown = {choice.key for choice in app.multiselect}
    assert "sweep digits margin" not in shown
    assert "sweep digits lambda.1" not in shown
    app.multiselect(key="sweep digits method").set_value(["clnp", "ewc"]).run()
    app.multiselect(key="sweep digits ewc.strength").set_value(["10", "100"]).run()
    button(app, "Start").click().run()
    (begun,) = store.sweeps()
    assert begun.over == {"method": ["clnp", "ewc"], "margin": [0.005, 0.01, 0.02], "ewc.strength": [10, 100]}
    assert len(store.sweep_runs(begun.id)) == 5


@pytest.fixture
def compared(store: Store) -> str:
    """A sweep over methods, margins and seeds that has finished."""
    axes = {"method": ["clnp", "ewc"], "margin": [0.005, 0.02], "seed": [0, 1]}
    name = asked(store, axes)
    for place, run in enumerate(store.sweep_runs(name).values()):
        kept = {"claimed": [100 + place, 100], "free": [300 - place, 300], "accuracy": [0.9 + place / 100]}
        kept |= {} if run.spec.partitions else {"claimed": [], "reused": [], "free": [], "theta": []}
        store.finish(run.id, summarise(run.spec, [record(**kept)], 3.5))
    return name


def test_figures_show_methods_seeds_and_what_matters_most_with_code_that_makes_them(compared: str):
    app = opened(sweep=compared)
    shown = charts(app)
    assert [chart["name"] for chart in shown] == [
        "accuracy-against-capacity-over-seeds",
        "settings-of-each-sequence",
        "which-setting-matters-most",
    ]
    for chart in shown:
        assert_code_makes_its_chart(chart)
    assert app.dataframe[0].value["m (points)"].isna().sum() == 2


def test_what_the_address_chooses_table_figures_and_code_follow_until_all_are_shown_again(compared: str):
    app = opened(sweep=compared, chosen='{"method":["clnp"],"mean_accuracy":[0.9,0.925]}')
    assert list(app.dataframe[0].value["mean_accuracy"]) == pytest.approx([90, 91, 92])
    said = "**3 of 6 sequences**, with method clnp · mean accuracy 90.00% to 92.50%"
    assert said in [text.value for text in app.markdown]
    for chart in charts(app):
        assert_code_makes_its_chart(chart)
    assert app.multiselect(key=f"{compared} chosen method").value == ["clnp"]
    assert app.slider(key=f"{compared} chosen mean_accuracy").value == pytest.approx((90, 92.5))
    app.multiselect(key=f"{compared} chosen m (points)").set_value([2.0]).run()
    assert list(app.dataframe[0].value["mean_accuracy"]) == pytest.approx([92])
    app.slider(key=f"{compared} chosen mean_accuracy").set_value((90.0, 95.0)).run()
    assert json.loads(app.query_params["chosen"]) == {"method": ["clnp"], "m (points)": [2.0]}
    button(app, "Show all").click().run()
    assert len(app.dataframe[0].value) == 6
    assert "chosen" not in app.query_params


def test_a_choice_that_is_none_is_said_and_left_out(compared: str):
    app = opened(sweep=compared, chosen="[1]")
    assert app.toast[0].value.startswith("The link's chosen = ")
    assert len(app.dataframe[0].value) == 6
    assert "chosen" not in app.query_params
    assert len(opened(sweep=compared, chosen='{"mean_accuracy":[0.99,1]}').dataframe[0].value) == 0


@pytest.mark.parametrize("link", ["{", "[" * 9999, '{"n":[1]}', '{"m":1}', '{"m":[]}', '{"mean_accuracy":[1,"x"]}'])
def test_a_link_chooses_by_axes_that_there_are_or_is_refused(link: str):
    frame = pd.DataFrame({"m": [0.5, 2.0], "mean_accuracy": [0.9, None]})
    assert brushes.read_link('{"m":[2,3]}', frame, ["m"]) == {"m": [2.0]}
    assert brushes.read_link('{"m":[3],"mean_accuracy":[0.1,1]}', frame, ["m"]) == {"mean_accuracy": [0.1, 1]}
    with pytest.raises(SpecError, match="is not possible"):
        brushes.read_link(link, frame, ["m"])


def test_nothing_to_compare_and_too_much_cannot_be_started(store: Store):
    app = opened()
    app.multiselect(key="sweep digits margin").set_value([]).run()
    assert button(app, "Start").disabled
    assert app.sidebar.caption[1].value == "Choose the values to compare below."
    for setting in ("margin", "lambda.1", "lambda.2"):
        choice = app.multiselect(key=f"sweep digits {setting}")
        choice.set_value([float(option) for option in choice.options[:7]])
    app.run()
    assert button(app, "Start").disabled
    assert app.error[0].value == "The sweep has 343 sequences; at most 256 are possible."


def test_the_table_shows_what_is_known_and_the_newest_sweep_comes_first(store: Store):
    older = asked(store, {"seed": [8, 9]})
    newer = asked(store, {"margin": [0.005, 0.02], "lambda.2": [1e-3]})
    first, second = store.sweep_runs(newer).values()
    store.finish(first.id, summarise(first.spec, [record(claimed=[160, 160], free=[240, 240])], 3.5))
    store.fail(second.id, "Task 1: training diverged.")
    store.rename(second.id, "wide margin")
    app = opened()
    assert app.query_params["sweep"] == newer
    assert state(app) == "1 of 2 sequences finished · 1 failed"
    assert app.error[0].value == "wide margin: Task 1: training diverged."
    assert app.main.caption[0].value == "2 tasks of digits · digits-mlp · up to 5 epochs · method clnp · seed 0"
    table = app.dataframe[0].value
    axes = ["m (points)", "λ layer 2"]
    assert list(table)[:3] == [*axes, "mean_accuracy"]
    assert list(table["m (points)"]) == [0.5, 2.0]
    assert table["mean_accuracy"][0] == 90
    assert table["capacity_used"][0] == 40
    assert list(table["run"]) == [first.id, f"wide margin ({second.id})"]
    assert [button.proto.label for button in app.get("download_button")] == ["Table as CSV", "Table as Parquet"]
    (chart,) = charts(app)
    assert_code_makes_its_chart(chart)
    app.selectbox(key="shown sweep").select(older).run()
    assert app.query_params["sweep"] == older
    assert list(app.dataframe[0].value["seed"]) == [8, 9]


def test_a_sweep_is_paused_resumed_and_forgotten(store: Store, engines: list[Store]):
    name = asked(store, {"seed": [0, 1]})
    app = opened(sweep=name)
    button(app, "Pause").click().run()
    assert state(app) == "0 of 2 sequences finished · 2 paused"
    assert button(app, "Pause").disabled
    button(app, "Resume").click().run()
    assert {run.state for run in store.runs()} == {"queued"}
    assert len(engines) == 1
    button(app, "Forget").click().run()
    assert store.sweeps() == []
    assert len(store.runs()) == 2
    assert [heading.value for heading in app.subheader] == ["No sweep yet"]
    assert "sweep" not in app.query_params


def test_a_sweep_says_what_it_waits_for_and_how_long_it_takes(store: Store):
    app, other = opened(sweep=asked(store, {"seed": [0, 1]})), store.add(preset("digits", SHORT))
    with store.hold_engine():
        store.start(other)
        app.run()
        assert state(app) == "0 of 2 sequences finished · 2 queued · waiting for 1 other run"
        mine = next(run.id for run in store.runs() if run.id != other)
        store.start(mine)
        app.run()
        assert state(app) == "0 of 2 sequences finished · 1 queued · 1 running"
        store.put_progress(mine, seconds=30, fraction=0.5, seconds_left=30)
        app.run()
        # Half a minute of this one, and a whole one of the other.
        assert state(app) == "0 of 2 sequences finished · 1 queued · 1 running · about 2 min left"


def test_where_no_engine_is_the_page_offers_to_start_one(store: Store, engines: list[Store]):
    app = opened(sweep=asked(store, {"seed": [0, 1]}))
    button(app, "Start the engine").click().run()
    assert len(engines) == 1


def test_a_sweep_whose_runs_are_gone_and_a_link_to_none_are_said(store: Store):
    name = asked(store, {"seed": [0]})
    store.remove(store.runs()[0].id)
    assert opened(sweep=name).info[0].value == "All its runs have been deleted."
    assert "There is no sweep 'nope'" in opened(sweep="nope").error[0].value


def test_a_value_that_is_a_grid_of_its_own_is_shown_as_it_was_given(store: Store):
    app = opened(sweep=asked(store, {"lambda.1": [[1e-3, 2e-3], 3e-3]}))
    assert list(app.dataframe[0].value["λ layer 1"]) == ["[0.001, 0.002]", "0.003"]
