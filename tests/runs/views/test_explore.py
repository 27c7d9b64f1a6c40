"""From a run in the store to its tasks' trade-offs, and the runs that go on from them."""

import pytest

from clnp_core.errors import StoreError
from clnp_core.runs.engine.evaluate import _prepared
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.explore import committing_fork, trade_off, training_fork
from tests.runs.conftest import serve

GRID = {"lambda.2": [5e-4, 2e-3]}


def test_a_trade_off_has_the_runs_candidates_and_says_what_the_run_settled_on(store: Store, learn):
    run, summary = learn(GRID)
    for task, record in enumerate(store.learned(run), start=1):
        tradeoff = trade_off(store, run, task)
        ruled = tradeoff.verdict(0.01)
        grid = [5e-4, 2e-3] if task == 1 else [record.lambda_[1]]
        assert [candidate.l1[1] for candidate in tradeoff.candidates] == grid
        assert (ruled.outcome.claimed, ruled.outcome.reused) == (record.claimed, record.reused)
        assert (ruled.outcome.theta, ruled.outcome.free) == (record.theta, record.free)
        assert ruled.outcome.accuracy == record.validation_accuracy
    assert ruled.outcome.tasks_left == tuple(layer["tasks_left"] for layer in summary["layers"])
    assert trade_off(store, run, 1) is trade_off(store, run, 1)


def test_a_trade_off_is_in_the_measure_that_the_run_chose_by(store: Store, learn):
    run, summary = learn({"measure": "balanced", "stream.tasks": 1})
    tradeoff = trade_off(store, run, 1)
    (record,) = store.learned(run)
    assert (tradeoff.before.measure, summary["measure"]) == ("balanced", "balanced")
    assert tradeoff.verdict(0.01).outcome.accuracy == record.validation_accuracy
    (candidate,) = tradeoff.candidates
    stage = store.stage(candidate.key)
    asked = _prepared(stage, "validation", store.artifacts).accuracies(
        [point.theta for point in candidate.curve.points]
    )
    assert asked == pytest.approx([point.accuracy for point in candidate.curve.points], abs=0.01)
    tested = _prepared(stage, "test", store.artifacts).accuracies([record.theta])
    assert tested == pytest.approx([record.by_class[1].balanced])


def test_only_a_training_that_pruned_has_a_path(store: Store, learn):
    paths = {}
    for pruning in ("after", "gradual"):
        run, _ = learn({"pruning": pruning})
        tradeoff = trade_off(store, run, 2)
        paths[pruning] = tradeoff.path(tradeoff.candidates[0])
    (told,) = (each for each in store.epochs(run) if each["task"] == 2 and each["epoch"] == 1)
    assert paths["after"].empty
    assert paths["gradual"]["neurons"].map(list)[0] == told["neurons"] == list(tradeoff.before.free)
    assert paths["gradual"]["sparsity"].is_monotonic_increasing


def test_what_other_runs_train_for_the_task_is_there_too(store: Store, learn, scheduler: str):
    run, _ = learn({"seed": 3})
    assert len(trade_off(store, run, 2).candidates) == 1
    more = training_fork(store.run(run).spec, 2, {"1": [1e-5], "2": [1e-3, 3e-3], "output": [3e-4]}, 2e-2)
    serve(store, more, scheduler)
    tradeoff = trade_off(store, run, 2)
    assert [candidate.l1[1] for candidate in tradeoff.candidates] == [1e-3, 3e-3]
    fits = [stage for stage in store.stages(store.runs()[0].id) if stage["kind"] == "fit"]
    assert [(stage["task"], stage["computed"]) for stage in fits] == [(1, 1), (2, 1), (2, 1)]


def test_a_committed_run_makes_of_the_task_what_was_shown(store: Store, learn, scheduler: str):
    run, _ = learn({"seed": 4})
    spec, tradeoff = store.run(run).spec, trade_off(store, run, 2)
    (candidate,) = tradeoff.candidates
    theta = candidate.thresholds()[10]
    shown = tradeoff.at(candidate, theta)
    going_on, _ = serve(store, committing_fork(spec, 2, candidate, theta, 0.03, None), scheduler)
    records = store.learned(going_on)
    assert records[0] == store.learned(run)[0]
    assert (records[1].claimed, records[1].validation_accuracy) == (shown.claimed, shown.accuracy)
    assert records[2].theta != records[1].theta
    own = {stage["key"]: stage["computed"] for stage in store.stages(going_on)}
    shared = [stage for stage in store.stages(run) if stage["key"] in own]
    assert [(stage["kind"], stage["task"]) for stage in shared if stage["task"]] == [
        ("fit", 1),
        ("settle", 1),
        ("fit", 2),
    ]
    assert set(own.values()) == {1}


def test_later_tasks_of_a_committed_run_go_by_the_margin_and_search_if_they_did():
    spec = preset("digits", {"stream.tasks": 4, "search": "every-task", **GRID, "theta": 0.4})

    class Chosen:
        l1, learning_rate = (1e-5, 2e-3, 3e-4), 2e-2

    committed = committing_fork(spec, 2, Chosen, (0.1, 0.2), 0.03, {"epochs": 5, "learning_rate": 1e-3})
    first, here, later = (committed.at(task) for task in (1, 2, 3))
    assert first == spec
    assert (here.theta, here.theta_mode, here.margin, len(here.grid)) == ((0.1, 0.2), "per-layer", 0.03, 1)
    assert (later.theta, later.theta_mode, later.margin, len(later.grid)) == (None, "per-layer", 0.03, 2)
    assert here.fine_tuning == later.fine_tuning
    assert committing_fork(spec, 4, Chosen, 0.1, 0.03, None).theta == 0.1


def test_a_fork_of_a_fork_keeps_what_held_before_and_grows_no_second_time():
    grown = fork(preset("digits", {"stream.tasks": 5}), 2, {"grow.1": 50, "margin": 0.03})
    later = fork(grown, 4, {"margin": 0.05})
    assert [later.at(task).margin for task in range(1, 6)] == [0.01, 0.03, 0.03, 0.05, 0.05]
    assert [later.growth(task, [0.5, 0.5]) for task in (2, 3, 4, 5)] == [(50, 0), (0, 0), (0, 0), (0, 0)]
    again = fork(grown, 2, {"margin": 0.05})
    assert again.growth(2, [0.5, 0.5]) == (50, 0)


def test_what_cannot_be_explored_is_refused_in_a_sentence(store: Store, learn):
    run, _ = learn({"seed": 5, "stream.tasks": 1})
    with pytest.raises(StoreError, match="has not learned task 2; it has learned 1"):
        trade_off(store, run, 2)
    for task in (1.5, "1", None):
        with pytest.raises(StoreError, match=f"{task!r} is not the number of a task; give a whole number"):
            trade_off(store, run, task)
    plain = store.add(preset("digits", {"method": "joint"}))
    with pytest.raises(StoreError, match="The method joint does not prune"):
        trade_off(store, plain, 1)
    with pytest.raises(StoreError, match="There is no run"):
        trade_off(store, "digits-none", 1)
