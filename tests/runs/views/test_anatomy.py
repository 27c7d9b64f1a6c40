"""From a run in the store to its network after each task: what pruning cut, and what each neuron did."""

import numpy as np
import pytest

from clnp_core.analysis.anatomy import Kind, kinds
from clnp_core.errors import StoreError
from clnp_core.networks import partition
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.anatomy import anatomy
from tests.runs.conftest import serve

TUNED = {"head": "multi", "fine_tuning": {"epochs": 2, "learning_rate": 2e-3, "rounds": 2}, "lambda.2": [5e-4, 2e-3]}


@pytest.mark.parametrize("changes", [{}, TUNED], ids=["single head", "multi-head, fine-tuned"])
def test_each_tasks_network_is_taken_apart_as_it_was(store: Store, learn, changes):
    run, _ = learn(changes)
    for record in store.learned(run):
        task = record.task
        shown = anatomy(store, run, task)
        for place, owner in enumerate(shown.owners):
            assert partition.free_count(owner) == record.free[place]
            assert partition.claimed_per_task(owner, task)[-1] == record.claimed[place]
        for layer in range(1, len(shown.names)):
            if layer == len(shown.owners) + 1 and shown.head == "single":
                continue  # whose mask hides what is not 0
            kind = kinds(shown.owners_at(layer), shown.owners_at(layer - 1))
            assert not shown.links(layer)[(kind == Kind.INTERFERENCE) | (kind == Kind.SEVERED)].any()
    assert anatomy(store, run, task) is shown


@pytest.mark.parametrize("changes", [{}, TUNED], ids=["single head", "multi-head, fine-tuned"])
def test_activities_are_those_the_task_was_pruned_by(store: Store, learn, changes):
    run, _ = learn(changes)
    shown = RunHandle(store, run).anatomy(3)
    for record in store.learned(run):
        row, before = record.task - 1, record.task
        for place, owner in enumerate(shown.owners):
            activity, theta = shown.activity[place][row], record.theta[place]
            assert (activity[owner == before] > (0 if changes else theta)).all()
            earlier = partition.of_task(owner, before - 1)
            assert (activity[earlier] > theta).sum() == record.reused[place]
            assert np.isnan(activity[owner > before]).all()


@pytest.mark.parametrize("changes", [{}, TUNED], ids=["single head", "multi-head, fine-tuned"])
def test_what_was_cut_led_from_neurons_given_back_into_those_claimed(store: Store, learn, changes):
    run, _ = learn(changes)
    for task in (1, 2, 3):
        shown = anatomy(store, run, task)
        for place, cut in enumerate(shown.cuts):
            if not place or (place == len(shown.owners) and shown.head == "single"):
                assert cut is None
                continue
            assert (shown.owners[place - 1][cut.columns] == partition.FREE_OWNER).all()
            if place < len(shown.owners):
                assert sorted(cut.rows) == np.flatnonzero(shown.owners[place] == task).tolist()
                assert not shown.links(place + 1)[np.ix_(cut.rows, cut.columns)].any()
            assert cut.links.shape == (len(cut.rows), len(cut.columns))
        cuts = shown.bundles[(shown.bundles["kind"] == Kind.INTERFERENCE) & (shown.bundles["target"] == task)]
        assert cuts["cut"].sum() == sum(np.count_nonzero(cut.links) for cut in shown.cuts if cut)
        assert (shown.bundles["cut"] <= shown.bundles["weights"]).all()
    assert shown.bundles["cut"].sum() > 0


def test_a_network_that_grows_is_as_wide_as_it_was(store: Store, learn):
    run, _ = learn({"grow": {"1": 30}, "grow_below": 1.0})
    widths = [tuple(map(len, anatomy(store, run, task).owners)) for task in range(4)]
    assert widths == [(400, 400), (400, 400), (430, 400), (460, 400)]
    assert anatomy(store, run, 3).activity[0].shape == (3, 460)


def test_a_convolutional_network_is_taken_apart_too(store: Store, scheduler: str):
    short = {"stream.tasks": 2, "epochs": 3, "single_task": False}
    run, _ = serve(store, preset("split-digits-cnn", short), scheduler)
    shown = anatomy(store, run, 2)
    assert shown.permutations is None
    assert [shown.looks_at(layer, 0).shape for layer in (1, 2, 3)] == [(1, 3, 3), (1, 5, 5), (1, 8, 8)]
    assert shown.links(3).shape == (128, 48)
    assert len(shown.owners_at(4)) == len(shown.links(4)) == 4


def test_what_there_is_not_is_refused_in_a_sentence(store: Store, learn):
    run, _ = learn({})
    with pytest.raises(StoreError, match=f"The run {run} has not learned task 7; it has learned 3"):
        anatomy(store, run, 7)
    with pytest.raises(StoreError, match=r"1\.5 is not the number of a task"):
        anatomy(store, run, 1.5)
    other = store.add(preset("digits", {"method": "finetune"}))
    with pytest.raises(StoreError, match="The method finetune does not prune"):
        anatomy(store, other, 1)
