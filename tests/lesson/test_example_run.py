"""The example run: that it ships small and whole, moves without a worker, and is given once."""

from importlib import resources

import pytest

from clnp_core.lesson.example_run import FILE, TAG, give
from clnp_core.methods.sparsify import Prepared
from clnp_core.runs.engine.work import Context, trained
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.explore import trade_off
from clnp_core.runs.views.verify import verify

MOST_BYTES = 4 * 2**20
TASKS = list(range(1, 11))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A fresh store that was given the example."""
    store = Store(tmp_path_factory.mktemp("store"))
    give(store)
    return store


def test_it_is_small():
    assert (resources.files("clnp_core.lesson") / FILE).stat().st_size < MOST_BYTES


def test_a_fresh_store_has_a_finished_run_that_is_whole(store):
    [run] = store.runs()
    assert (run.state, run.tags, run.summary.tasks) == ("finished", (TAG,), len(TASKS))
    assert store.check().faults == ()
    assert [task for task, _ in verify(store, run.id)] == TASKS


@pytest.mark.parametrize("task", [TASKS[0], TASKS[-1]])
def test_a_grid_of_lambda_can_be_moved_at_every_task_without_a_worker(store, task):
    [run] = store.runs()
    tradeoff, record = trade_off(store, run.id, task), store.learned(run.id)[task - 1]
    assert [len({candidate.l1[layer] for candidate in tradeoff.trained}) for layer in range(3)] == [3, 3, 1]
    assert len(tradeoff.trained) == 9
    chosen = tradeoff.verdict(run.spec.margin).outcome
    assert (chosen.claimed, chosen.candidate.l1) == (record.claimed, record.lambda_)
    assert tradeoff.accuracy(chosen, "test", only_known=True) == pytest.approx(record.accuracy[-1])
    assert all(tradeoff.test_curve(candidate, only_known=True) for candidate in tradeoff.trained)


def test_a_worker_finds_of_any_candidate_what_is_told(store):
    [run] = store.runs()
    for candidate in trade_off(store, run.id, TASKS[-1]).trained[:2]:
        told = store.pruned_accuracies(candidate.key, "test")
        found, stream = trained(store.stage(candidate.key), Context(store.artifacts))
        prepared = Prepared(found.network, found.activities, stream.test(TASKS[-1]), room=2**27)
        # Where numbers round in another way an image may fall on the other side.
        assert prepared.accuracies(sorted(told)) == pytest.approx([told[theta] for theta in sorted(told)], abs=0.01)


def test_whoever_deletes_it_does_not_get_it_again(tmp_path):
    store = Store(tmp_path)
    store.remove(give(store))
    assert give(store) is None
    assert store.runs() == []


def test_a_store_with_runs_does_not_get_it(tmp_path):
    store = Store(tmp_path)
    own = store.add(preset("digits"))
    assert give(store) is None
    assert [run.id for run in store.runs()] == [own]
