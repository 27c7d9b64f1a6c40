"""Plans from the runs of a store, on made-up records, and the runs that they lead to."""

import math
from pathlib import Path

import pytest

from clnp_core.errors import SpecError, StoreError
from clnp_core.runs.fold.summary import layers, summarise
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.runs.views import capacity
from tests.made_up import record

SHORT = {"stream.tasks": 4, "single_task": False}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def learned(store: Store, more: int = 0, **changes: object) -> str:
    """A finished run of four tasks, each of which has claimed 20 and 40 neurons and some more."""
    spec = preset("digits", SHORT | changes)
    free = [(400 - task * (20 + more), 400 - task * (40 + more)) for task in range(1, 5)]
    claims = {"claimed": [20 + more, 40 + more]}
    records = [record(task=task, free=each, accuracy=[0.9] * task, **claims) for task, each in enumerate(free, 1)]
    run = store.add(spec)
    for each in records:
        store.put_learned(run, each)
    store.finish(run, summarise(spec, records, 1.0))
    return run


def test_a_plan_goes_by_the_run_and_those_with_other_seeds_alone(store: Store):
    run = learned(store, seed=3)
    for seed, more, changes in ((4, 4, {}), (4, 9, {}), (3, 9, {}), (5, 9, {"margin": 0.05}), (6, 9, {"epochs": 9})):
        learned(store, more, seed=seed, **changes)
    plan = RunHandle(store, run).plan(10)
    assert len(plan.layers[0].claimed) == 2  # of two with seed 4 the newer one
    assert plan.layers[0].per_task == pytest.approx((20 + 29) / 2)
    assert [layer.name for layer in plan.layers] == ["layer 1", "layer 2"]


def test_a_plan_agrees_with_what_is_said_of_the_room_left(store: Store):
    run = learned(store)
    left = [layer.tasks_left for layer in layers(store.run(run).spec, store.learned(run))]
    assert capacity.plan(store, run, 5).fits_now == 4 + int(min(left)) == 10


def test_a_method_that_claims_nothing_and_a_run_that_has_learned_nothing_have_no_plan(store: Store):
    with pytest.raises(StoreError, match="finetune claims no neurons"):
        capacity.plan(store, store.add(preset("digits", {"method": "finetune"})), 5)
    with pytest.raises(SpecError, match="no plan from 0 tasks"):
        capacity.plan(store, store.add(preset("digits")), 5)


def test_the_planned_run_is_as_the_other_but_for_widths_and_tasks():
    spec = preset("digits", SHORT)
    made = capacity.planned(fork(spec, 3, {"margin": 0.05, "grow.1": 20}), (250, 512), 12)
    assert made.architecture.widths == (250, 512)
    assert made.network_name == "digits-mlp 250-512"
    assert (made.stream.tasks, made.margin, made.fork_of, made.grow) == (12, 0.05, None, {})
    again = capacity.planned(made, (300, 600), 20)
    assert again.network_name == "digits-mlp 300-600"
    like = {name: getattr(again, name) for name in ("lambda_", "seed", "epochs", "head")}
    assert like == {name: getattr(spec, name) for name in like}


def test_a_stream_without_so_many_tasks_is_said():
    with pytest.raises(SpecError, match="tasks"):
        capacity.planned(preset("split-digits"), (250, 512), 12)


def test_weights_are_those_of_the_whole_network_and_what_is_too_large_has_more_than_any():
    assert capacity.weights(preset("digits"), (10, 20)) == 64 * 10 + 10 * 20 + 20 * 10
    assert capacity.weights(preset("digits"), (99_999, 99_999)) == math.inf
