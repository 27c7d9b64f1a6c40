"""Sweeps: what is asked for, what is asked for only once, and the table of what it came to."""

import asyncio
import math
from pathlib import Path

import pandas as pd
import pytest

from clnp_core.errors import SpecError, StoreError
from clnp_core.runs import sweep
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.store import Store
from tests.made_up import record, summary

SHORT = {"stream.tasks": 2, "epochs": 5, "single_task": False}
MARGINS = {"margin": [0.005, 0.2]}


@pytest.fixture
def fresh(tmp_path: Path) -> Store:
    return Store(tmp_path)


def asked(store: Store, axes: dict, changes: dict | None = None) -> str:
    return sweep.ask(store, axes, sweep.sequences("digits", changes or SHORT, axes))


def carried_out(store: Store, axes: dict, scheduler: str) -> str:
    """A sweep whose runs have all ended."""
    name = asked(store, axes)
    runs = [run.id for run in store.sweep_runs(name).values()]
    asyncio.run(Engine(store, scheduler).serve(until=runs))
    return name


def test_sequences_are_the_product_of_the_axes_the_last_one_fastest():
    axes = sweep.parse_axes(["margin=0.005,0.02", "lambda.1=1e-3,2e-3", "seed=4"])
    assert axes == {"margin": [0.005, 0.02], "lambda.1": [1e-3, 2e-3], "seed": [4]}
    specs = sweep.sequences("digits", {"stream.tasks": 3}, axes)
    assert [(spec.margin, spec.lambda_["1"], spec.seed) for spec in specs] == [
        (0.005, (1e-3,), 4),
        (0.005, (2e-3,), 4),
        (0.02, (1e-3,), 4),
        (0.02, (2e-3,), 4),
    ]
    assert {spec.stream.tasks for spec in specs} == {3}


METHODS = {
    "margin": [0.005, 0.02],
    "method": ["finetune", "clnp", "ewc"],
    "ewc.strength": [10, 100],
    "seed": [0, 1],
}


def test_a_swept_method_has_the_settings_that_have_an_effect_on_it(fresh: Store):
    name = asked(fresh, METHODS)
    frame = sweep.table(fresh, name)
    rows = frame[list(METHODS)].astype(object).where(frame[list(METHODS)].notna(), None).to_numpy().tolist()
    assert rows == [
        *([None, "finetune", None, seed] for seed in (0, 1)),
        *([0.005, "clnp", None, seed] for seed in (0, 1)),
        *([None, "ewc", strength, seed] for strength in (10, 100) for seed in (0, 1)),
        *([0.02, "clnp", None, seed] for seed in (0, 1)),
    ]
    runs = [run.spec for run in fresh.sweep_runs(name).values()]
    assert runs == sweep.sequences("digits", SHORT, METHODS)
    assert [(spec.method, spec.seed) for spec in runs] == [(row[1], row[3]) for row in rows]
    assert [spec.margin for spec in runs if spec.method == "clnp"] == [0.005, 0.005, 0.02, 0.02]
    assert asked(fresh, METHODS) == name
    assert len(fresh.runs()) == 10


def test_of_swept_methods_only_their_own_sequences_are_counted():
    many = {"method": ["clnp", "finetune"], "margin": [n / 1000 for n in range(200)], "seed": [0]}
    assert len(sweep.sequences("digits", SHORT, many)) == 201
    with pytest.raises(SpecError, match="has 402 sequences"):
        sweep.sequences("digits", SHORT, many | {"seed": [0, 1]})
    with pytest.raises(SpecError, match="has a sequence twice"):
        sweep.sequences("digits", SHORT, {"method": ["finetune", "finetune"], "margin": [0.1, 0.2]})


def test_a_value_may_be_a_grid_that_each_sequence_searches():
    axes = sweep.parse_axes(["lambda.1=[[1e-3,2e-3],[3e-3]]"])
    assert [spec.lambda_["1"] for spec in sweep.sequences("digits", {}, axes)] == [(1e-3, 2e-3), (3e-3,)]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (["margin"], "'margin' is not a setting; write key=value"),
        (["margins=1,2"], "There is no setting 'margins' (did you mean 'margin'?)"),
        (["margin=1,0.5"], "margin = 1 is not possible"),
        (["margin="], "goes over 'margin', but no values are given"),
        (["margin=[]"], "goes over 'margin', but no values are given"),
        (["margin=0.1", "margin=0.2"], "goes over 'margin' twice"),
        (["stream.tasks=2,3"], "goes over 'stream.tasks', which is also set"),
        (["margin=0.1,0.2,0.10"], 'has a sequence twice: "margin": 0.1; give each value once'),
        (["lambda.1=0.1,[0.1]"], "has a sequence twice"),
        (["seed=" + ",".join(map(str, range(257)))], "has 257 sequences; at most 256"),
    ],
)
def test_what_cannot_be_swept_is_a_sentence(over: list[str], said: str):
    with pytest.raises(SpecError) as raised:
        sweep.sequences("digits", SHORT, sweep.parse_axes(over))
    assert said in str(raised.value)


def test_a_sweep_is_kept_with_its_runs_in_order_and_can_be_forgotten(fresh: Store):
    first, second = asked(fresh, MARGINS), asked(fresh, {"seed": [1, 2]})
    assert [kept.id for kept in fresh.sweeps()] == [second, first]
    assert fresh.sweep(first).over == MARGINS
    assert [run.spec.margin for run in fresh.sweep_runs(first).values()] == MARGINS["margin"]
    fresh.remove_sweep(first)
    assert len(fresh.runs()) == 4
    with pytest.raises(StoreError, match="There is no sweep"):
        fresh.sweep(first)


def test_what_the_store_has_is_taken_what_was_stopped_goes_on_and_what_failed_is_asked_for_again(fresh: Store):
    specs = sweep.sequences("digits", SHORT, {"seed": [0, 1, 2, 3]})
    finished, paused, failed = (fresh.add(spec) for spec in specs[:3])
    fresh.finish(finished, summary())
    fresh.pause(paused)
    fresh.fail(failed, "It failed.")
    name = asked(fresh, {"seed": [0, 1, 2, 3]})
    runs = fresh.sweep_runs(name)
    assert (runs[0].id, runs[1].id) == (finished, paused)
    assert [run.state for run in runs.values()] == ["finished", "queued", "queued", "queued"]
    assert len(fresh.runs()) == 5
    assert asked(fresh, {"seed": [0, 1, 2, 3]}) == name
    assert len(fresh.runs()) == 5


def test_a_sweep_is_paused_and_goes_on_as_a_whole(fresh: Store):
    name = asked(fresh, {"seed": [0, 1, 2]})
    ended, *others = fresh.sweep_runs(name).values()
    fresh.finish(ended.id, summary())
    sweep.pause(fresh, name)
    assert [run.state for run in fresh.sweep_runs(name).values()] == ["finished", "paused", "paused"]
    fresh.cancel(others[0].id)
    sweep.resume(fresh, name)
    assert [run.state for run in fresh.sweep_runs(name).values()] == ["finished", "queued", "queued"]


def test_what_two_sequences_have_in_common_is_computed_once(store: Store, scheduler: str):
    name = carried_out(store, MARGINS, scheduler)
    runs = store.sweep_runs(name)
    assert [run.state for run in runs.values()] == ["finished", "finished"]
    one, other = ({stage["key"]: stage for stage in store.stages(run.id)} for run in runs.values())
    shared = [(stage["kind"], stage["task"], stage["computed"]) for key, stage in one.items() if key in other]
    assert shared == [("stream", None, 1), ("fit", 1, 1)]
    assert {stage["computed"] for stage in [*one.values(), *other.values()]} == {1}

    frame = sweep.table(store, name)
    assert list(frame) == ["margin", "run", "state", "mean_accuracy", "capacity_used", "tasks_fitted", "seconds"]
    assert list(frame["margin"]) == MARGINS["margin"]
    for row, run in zip(frame.to_dict("records"), runs.values(), strict=True):
        claimed = [sum(layer.claimed) / layer.width for layer in run.summary.layers]
        assert (row["run"], row["state"], row["tasks_fitted"]) == (run.id, "finished", 2)
        assert row["mean_accuracy"] == run.summary.mean_accuracy
        assert row["capacity_used"] == pytest.approx(sum(claimed) / len(claimed))
        assert row["seconds"] == run.summary.seconds
    assert frame["capacity_used"][1] < frame["capacity_used"][0]

    assert carried_out(store, MARGINS, scheduler) == name
    assert len(store.runs()) == 2
    assert {stage["computed"] for run in runs.values() for stage in store.stages(run.id)} == {1}


def test_the_table_tells_of_unfinished_sequences_what_is_known(fresh: Store):
    name = asked(fresh, MARGINS)
    first, _ = fresh.sweep_runs(name).values()
    fresh.start(first.id)
    fresh.put_learned(first.id, record(claimed=[100, 20], free=[300, 180], widths=[400, 200]))
    one, other = sweep.table(fresh, name).to_dict("records")
    assert (one["state"], one["mean_accuracy"], one["tasks_fitted"]) == ("interrupted", 0.9, 1)
    assert one["capacity_used"] == pytest.approx((0.25 + 0.1) / 2)
    assert (other["state"], other["tasks_fitted"]) == ("queued", 0)
    assert math.isnan(other["mean_accuracy"])
    assert math.isnan(other["capacity_used"])


def test_a_removed_run_leaves_its_sweep(fresh: Store):
    name = asked(fresh, MARGINS)
    fresh.remove(fresh.sweep_runs(name)[0].id)
    assert list(sweep.table(fresh, name)["margin"]) == [0.2]
    fresh.remove(fresh.sweep_runs(name)[1].id)
    assert sweep.table(fresh, name).empty
    again = asked(fresh, MARGINS)
    assert again != name
    assert len(fresh.sweep_runs(again)) == 2


def test_a_method_that_does_not_partition_uses_no_capacity_that_could_be_told(store: Store, learn):
    run, summary = learn({"method": "finetune", **SHORT})
    name = asked(store, {"method": ["finetune"]})
    (row,) = sweep.table(store, name).to_dict("records")
    assert (row["method"], row["run"], row["mean_accuracy"]) == ("finetune", run, summary["mean_accuracy"])
    assert math.isnan(row["capacity_used"])


@pytest.mark.parametrize(
    "axes",
    [
        MARGINS,
        {"lambda.1": [[1e-3, 2e-3], 3e-3]},
        {"theta": [0.05, [0.1, 0.2]]},
        {"search": ["first-task", "every-task"]},
    ],
)
def test_tables_come_back_from_their_files(fresh: Store, axes: dict, tmp_path: Path):
    frame = sweep.table(fresh, asked(fresh, axes))
    for name, read in (("table.csv", pd.read_csv), ("table.parquet", pd.read_parquet)):
        sweep.write(frame, tmp_path / name)
        pd.testing.assert_frame_equal(read(tmp_path / name), frame, check_dtype=False)
    assert not list(tmp_path.glob("*.part"))


def test_a_table_of_no_known_format_is_refused(fresh: Store, tmp_path: Path):
    frame = sweep.table(fresh, asked(fresh, MARGINS))
    with pytest.raises(
        SpecError, match=r"table\.xlsx cannot name a table; give a name that ends in \.csv or \.parquet"
    ):
        sweep.write(frame, tmp_path / "table.xlsx")
    assert not (tmp_path / "table.xlsx").exists()
