"""The page of capacity and reuse, without a browser: on a store in which real runs have learned three tasks."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.analysis.capacity import in_words
from clnp_core.analysis.reuse import share_reused
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.fold.summary import layers
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.spec.changes import changed
from clnp_core.runs.store import Store
from clnp_core.runs.views.reuse import reuse
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts

PAGE = str(Path(dashboard.__file__).parent / "capacity" / "page.py")
opened = partial(at, PAGE)
SHORT = {"stream.tasks": 3, "epochs": 4, "single_task": False}
RUNS = {"single head": "digits", "heads": "digits-multihead", "convolutions": "split-digits-cnn"}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Path, dict[str, str]]:
    """A folder with a store in it, and the runs it has."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    runs = {what: store.add(preset(name, SHORT)) for what, name in RUNS.items()}
    runs["first task"] = store.add(preset("digits", SHORT | {"stream.tasks": 1}))
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    return folder, runs


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.error])


def titles(app: AppTest) -> list[str]:
    return [chart["name"] for chart in charts(app)]


@pytest.mark.parametrize("what", RUNS)
def test_it_says_how_full_each_layer_is_and_how_long_it_lasts_with_code_that_makes_its_figures(
    store: Store, runs: dict[str, str], what: str
):
    app = opened(run=runs[what])
    spec, records = store.run(runs[what]).spec, store.learned(runs[what])
    used = {
        f"Used in {layer.name}": f"{1 - records[-1].free[place] / records[-1].widths[place]:.1%}"
        for place, layer in enumerate(spec.architecture.hidden)
    }
    assert {metric.label: metric.value for metric in app.metric} == used
    assert in_words([layer.to_json() for layer in layers(spec, records)]) in text(app)
    for chart in charts(app):
        assert_code_makes_its_chart(chart)


def test_each_layer_that_can_be_used_again_has_a_matrix_and_the_masked_one_is_explained(
    store: Store, runs: dict[str, str]
):
    app = opened(run=runs["single head"])
    before = ["used-capacity-after-each-task", "used-capacity-by-task", "neurons-that-so-many-tasks-need"]
    before += ["neurons-in-use:-new-and-used-again-(%)", "used-again-by-layer"]
    assert titles(app) == [*before, "whose-neurons-a-task-uses-layer-1"]
    assert "In the last hidden layer, layer 2, nothing is used again" in text(app)
    app = opened(run=runs["heads"])
    assert titles(app)[5:] == ["whose-neurons-a-task-uses-layer-1", "whose-neurons-a-task-uses-layer-2"]
    assert "nothing is used again" not in text(app)
    assert len(charts(opened(run=runs["convolutions"]))) == 8


def test_the_widths_for_more_tasks_follow_from_the_run_and_agree_with_the_room_left(store: Store, runs: dict[str, str]):
    app = opened(run=runs["heads"])
    app.number_input[0].set_value(12).run()
    plan = RunHandle(store, runs["heads"]).plan(12)
    assert list(app.table[0].value["Enough"]) == list(map(str, plan.widths))
    left = [layer.tasks_left for layer in layers(store.run(runs["heads"]).spec, store.learned(runs["heads"]))]
    assert plan.fits_now == 3 + int(min(left))
    assert f"are enough for **{plan.fits_now} tasks**" in text(app)
    assert next(button.label for button in app.button if "run" in button.label) == "Open as a run of 12 tasks"
    assert "3 tasks are learned" in text(opened(run=runs["first task"]))


def test_the_shares_are_told_in_words_too(store: Store, runs: dict[str, str]):
    means = share_reused(reuse(store, runs["heads"])).groupby("layer")["share"].mean()
    told = next(chart["alt"] for chart in charts(opened(run=runs["heads"])) if chart["name"].startswith("used-again"))
    assert told.endswith(f"layer 1 {means['layer 1']:.0%}, layer 2 {means['layer 2']:.0%}")


def test_after_the_first_task_there_is_nothing_to_use_again(store: Store, runs: dict[str, str]):
    app = opened(run=runs["first task"])
    assert "So far there is nothing to use again." in text(app)
    assert "After one task the forecast is too low" in text(app)
    assert len(charts(app)) == 3
    for chart in charts(app):
        assert_code_makes_its_chart(chart)


def test_runs_that_differ_in_how_alike_tasks_are_alone_have_a_figure_of_it(store: Store, runs: dict[str, str]):
    run, spec = store.run(runs["heads"]), store.run(runs["heads"]).spec
    assert len(charts(opened(run=run.id))) == 7
    for seed in (0, 1):
        other = store.add(changed(spec, {"stream.share": 0.25, "seed": seed}))
        store.bind(other, run.data)
        store.finish(other, run.summary)
    app = opened(run=run.id)
    chart = charts(app)[-1]
    assert chart["name"] == "reuse-by-how-alike-tasks-are"
    assert "in the 3 finished runs that differ in `stream.share` and seeds alone" in text(app)
    assert_code_makes_its_chart(chart)


def test_only_runs_that_partition_can_be_picked(store: Store, runs: dict[str, str]):
    plain = store.add(preset("digits", SHORT | {"method": "finetune"}))
    record = store.learned(runs["single head"])[0]
    store.put_learned(plain, record.model_copy(update={"claimed": (), "reused": (), "free": (), "theta": ()}))
    app = opened()
    assert set(app.selectbox[0].options) == set(runs.values())
    app = opened(run=plain)
    assert f"There is nothing to show here of {plain}." in text(app)
    assert charts(app) == []
    app.selectbox[0].select(runs["heads"]).run()
    assert app.query_params["run"] == runs["heads"]
    assert len(charts(app)) == 7


def test_a_damaged_artifact_is_said_and_the_rest_is_shown(store: Store, runs: dict[str, str]):
    key = next(stage["key"] for stage in store.stages(runs["heads"]) if stage["kind"] == "fit")
    store.artifacts.path(key).write_bytes(b"no safetensors")
    app = opened(run=runs["heads"])
    assert "is damaged" in text(app)
    assert len(charts(app)) == 3
