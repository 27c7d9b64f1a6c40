"""Comparisons of methods: what is planned, what is chosen and what it cost, and the table; on made-up results."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from clnp_core.analysis import elsewhere
from clnp_core.errors import ClnpError, SpecError
from clnp_core.methods import METHODS
from clnp_core.runs import benchmark
from clnp_core.runs.benchmark import Rival
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.made_up import record

SHORT = {"stream.tasks": 2, "epochs": 5, "single_task": False, "for_comparison": True}
VALUES = (0.01, 0.02, 0.04)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def finish(store: Store, run: str, accuracy: float, validation: float) -> None:
    """End a run of two tasks with made-up results, as an engine would."""
    measured = {"memory": [100, 200], "validation": [validation, validation], "untold_accuracy": 0.5}
    records = [record(accuracy=[accuracy]), record(task=2, accuracy=[accuracy - 0.1, accuracy], **measured)]
    store.start(run)
    for each in records:
        store.put_learned(run, each)
    store.finish(run, summarise(store.run(run).spec, records, 1.0))


def searching() -> Rival:
    """A method with a setting to search, whichever it be."""
    points = tuple({"margin": value} for value in VALUES)
    finals = tuple(tuple(preset("digits", {**SHORT, **point, "seed": seed}) for seed in (0, 1)) for point in points)
    return Rival("clnp", {"margin": VALUES}, points, tuple(preset("digits", SHORT | point) for point in points), finals)


def finishing(store: Store, validation: dict[float, float]) -> Callable[[list[str]], None]:
    """Waits by finishing runs, each with the validation accuracy of its margin; where it has none, it fails."""

    def wait(runs: list[str]) -> None:
        for run in map(store.run, runs):
            if run.state == "queued":
                if run.spec.margin in validation:
                    finish(store, run.id, 0.8 + 0.02 * run.spec.seed, validation[run.spec.margin])
                else:
                    store.fail(run.id, "It diverged.")

    return wait


def test_every_method_gets_the_same_seeds_and_stream():
    rivals = benchmark.plan("digits", seeds=3, changes={"seed": 5, "stream.tasks": 4})
    assert [rival.method for rival in rivals] == list(METHODS)
    for rival in rivals:
        assert len(rival.trials) == (len(rival.points) if len(rival.points) > 1 else 0)
        for specs in rival.finals:
            assert [spec.seed for spec in specs] == [5, 6, 7]
            assert {(spec.method, spec.stream.tasks) for spec in specs} == {(rival.method, 4)}
            assert all(spec.for_comparison for spec in specs)


def test_learning_rates_of_methods_that_may_forget_are_searched_on_several_tasks():
    clnp, forgetful = benchmark.plan("digits", ["clnp", "finetune"])
    (rate,) = preset("digits").learning_rate
    assert "learning_rate" not in clnp.grid
    assert forgetful.grid["learning_rate"] == pytest.approx((rate, rate / 10))
    assert [spec.stream.tasks for spec in forgetful.trials] == [benchmark.SEARCH_TASKS] * 2
    (given,) = benchmark.plan("digits", ["finetune"], changes={"learning_rate": 0.01})
    assert not given.trials


@pytest.mark.parametrize(("methods", "alone"), [(["clnp", "single"], False), (["clnp", "finetune"], True)])
def test_tasks_are_trained_alone_where_no_run_of_the_comparison_does_so(methods, alone):
    rivals = benchmark.plan("split-digits", methods)
    assert {rival.finals[0][0].single_task for rival in rivals} == {alone}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"methods": ["clnp", "magic"]}, "There is no method 'magic'; there are clnp"),
        ({"methods": ["clnp", "clnp"]}, "'clnp' is there twice"),
        ({"seeds": 0}, "seeds = 0 is not possible: give 1 to 100"),
        ({"seeds": 101}, "seeds = 101 is not possible"),
        ({"search_tasks": 0}, "search_tasks = 0 is not possible"),
        ({"changes": {"method": "clnp"}}, "a comparison goes over methods"),
        ({"changes": {"margin": 2}}, "margin = 2 is not possible"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(asked, said):
    with pytest.raises(SpecError) as raised:
        benchmark.plan("digits", **asked)
    assert said in str(raised.value)


def test_the_best_on_the_validation_sets_is_chosen_of_equal_ones_the_first(store: Store):
    wait = finishing(store, {0.01: 0.7, 0.02: 0.9, 0.04: 0.9})
    (entered,) = benchmark.carry_out(store, [searching()], wait)
    assert entered.rival.points[entered.point] == {"margin": 0.02}
    assert [store.run(run).spec.seed for run in entered.runs] == [0, 1]
    assert entered.runs[0] == entered.trials[1]  # it learned all tasks, with the first seed
    assert len(store.runs()) == 4
    (row,) = benchmark.table(store, [entered]).to_dict("records")
    assert (row["grid"], row["chosen"]) == ("m (points): 1, 2, 4", "m (points) = 2")
    assert (row["method"], row["seeds"], row["source"]) == ("clnp", 2, "here")
    assert row["mean_accuracy"] == pytest.approx(0.76)
    assert row["mean_accuracy std"] == pytest.approx(0.02 / math.sqrt(2))
    assert (row["memory"], row["untold_accuracy"]) == (200, 0.5)
    again = benchmark.carry_out(store, [searching()], wait)
    assert again == [entered]
    assert len(store.runs()) == 4


def test_what_cannot_be_trained_is_not_chosen(store: Store):
    (entered,) = benchmark.carry_out(store, [searching()], finishing(store, {0.01: 0.2}))
    assert entered.rival.points[entered.point] == {"margin": 0.01}


def test_where_nothing_can_be_trained_it_is_said(store: Store):
    with pytest.raises(ClnpError, match="clnp: none of the settings of its grid was tried to the end: It diverged"):
        benchmark.carry_out(store, [searching()], finishing(store, {}))


def test_forward_transfer_is_against_the_same_task_and_seed_alone(store: Store):
    rivals = benchmark.plan("digits", ["finetune", "single", "clnp"], changes={"stream.tasks": 2, "epochs": 5})

    def wait(runs: list[str]) -> None:
        for run in map(store.run, runs):
            if run.state == "queued" and run.spec.method != "clnp":
                finish(store, run.id, {"finetune": 0.7, "single": 0.9}[run.spec.method], 0.5)
            elif run.state == "queued":
                store.fail(run.id, "It diverged.")

    matrix, _ = elsewhere.parse("theirs.csv", b"95\n80,90")
    frame = benchmark.table(store, benchmark.carry_out(store, rivals, wait), [matrix])
    finetune, single, clnp, theirs = frame.to_dict("records")
    assert finetune["forward_transfer"] == pytest.approx(-0.2)
    assert single["forward_transfer"] == 0
    assert math.isnan(finetune["forward_transfer std"])  # of a single seed
    assert (clnp["seeds"], clnp["runs"]) == (0, "")  # what failed does not count
    assert math.isnan(clnp["mean_accuracy"])
    assert (theirs["source"], theirs["mean_accuracy"]) == ("elsewhere", pytest.approx(0.85))
    assert math.isnan(theirs["memory"])
