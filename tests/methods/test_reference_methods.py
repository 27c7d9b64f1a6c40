"""The plainest methods beside CLNP: each task from scratch, all at once, and one after another without any care."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.arithmetic import computing
from clnp_core.errors import DivergedError
from clnp_core.methods import METHODS
from clnp_core.methods.joint import Mixture, batch_shares
from clnp_core.methods.method import Lesson, Pruning
from clnp_core.methods.training import NO_HOOKS, Hyperparameters, accuracy, no_pulse
from clnp_core.networks.architectures import ARCHITECTURES, Architecture, Conv, Dense
from clnp_core.networks.network import initial
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream, SplitStream

DENSE = ARCHITECTURES["digits-mlp"]
CONVOLUTIONAL = Architecture(
    "small", (1, 8, 8), (Conv("conv 1", 8, 3, batch_norm=True), Dense("dense 1", 32, dropout=0.2)), 2
)
SETTINGS = Hyperparameters((1e-4, 1e-4, 1e-4), 1e-2, cooldown=0.0, batch_size=64, epochs=8, patience=8)


@pytest.fixture(scope="module")
def permuted():
    return PermutedStream(datasets.load("digits"), tasks=3, validation=150, seed=0, identity_first=False)


@pytest.fixture(scope="module")
def split():
    return SplitStream([datasets.load("digits")], classes_per_task=2, tasks=3, validation=0.2, seed=0)


def learn(name, stream, architecture, head, tasks, point=SETTINGS):
    """The accuracy matrix of a method on a stream: after each lesson, on each task it still answers for."""
    method, network, rows = METHODS[name], initial(architecture, head), []
    with computing(1):
        for task in tasks:
            lesson = Lesson(network, stream, task, seed=0, settings=method.Settings())
            candidates = method.fit(method.jobs(lesson, [point], [NO_HOOKS]), no_pulse)
            candidates = [replace(candidate, settings=lesson.settings) for candidate in candidates]
            network, learned = method.settle(lesson, candidates, Pruning(0.0), no_pulse)
            assert (learned.task, network.tasks) == (task, task)
            predictors = [method.predictor(network, earlier) for earlier in range(1, task + 1)]
            rows.append([accuracy(one, stream.test(n)) if one else None for n, one in enumerate(predictors, start=1)])
    return rows


@pytest.mark.parametrize("head", ["single", "multi"])
def test_fine_tuning_learns_every_task_and_forgets(permuted, head):
    rows = learn("finetune", permuted, DENSE, head, (1, 2, 3))
    assert all(row[-1] > 0.9 for row in rows)
    assert rows[2][0] < rows[0][0] - 0.2


@pytest.mark.parametrize("head", ["single", "multi"])
def test_a_task_from_scratch_knows_nothing_of_the_others(permuted, head):
    rows = learn("single", permuted, DENSE, head, (1, 2))
    assert rows[1][0] is None
    assert min(rows[0][0], rows[1][1]) > 0.9


@pytest.mark.parametrize("head", ["single", "multi"])
def test_all_at_once_knows_every_task(permuted, head):
    (row,) = learn("joint", permuted, DENSE, head, [2])
    assert min(row) > 0.9


@pytest.mark.parametrize("name", list(METHODS))
@pytest.mark.parametrize("head", ["single", "multi"])
def test_convolutional_networks_learn_by_every_method(split, name, head):
    rows = learn(name, split, CONVOLUTIONAL, head, [3] if METHODS[name].at_once else (1, 2, 3))
    assert rows[-1][-1] > 0.8


@pytest.mark.parametrize("name", list(METHODS))
def test_training_that_diverges_everywhere_is_an_error_in_a_sentence(permuted, name):
    task = 3 if METHODS[name].at_once else 1
    with pytest.raises(DivergedError, match=rf"Task {task}: training diverged with every learning rate tried \(1e\+30"):
        learn(name, permuted, DENSE, "multi", [task], replace(SETTINGS, learning_rate=1e30, epochs=2))


def test_batches_of_all_tasks_are_those_of_the_supplement():
    """50 of CIFAR-10 and 10 of each of nine tasks of CIFAR-100; half of CIFAR-10 is seen in an epoch."""
    sizes = [50_000, *[5_000] * 9]
    shares = batch_shares(sizes, 140)
    assert shares == [50, *[10] * 9]
    mixture = Mixture([10] * 10, sizes, shares)
    drawn = mixture.order(sum(sizes), torch.Generator().manual_seed(0))
    assert len(drawn) == mixture.length(sum(sizes)) == 500 * 140


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(1, 40), st.integers(0, 2**20))
@settings(max_examples=60, deadline=None)
def test_every_batch_has_its_share_of_every_task(sizes, batch_size, seed):
    shares = batch_shares(sizes, batch_size)
    drawn = Mixture([10] * len(sizes), sizes, shares).order(sum(sizes), torch.Generator().manual_seed(seed))
    order = drawn.view(-1, sum(shares))
    task_of = np.repeat(np.arange(len(sizes)), sizes)
    for batch in order.numpy():
        assert np.bincount(task_of[batch], minlength=len(sizes)).tolist() == shares
    if all(size >= share for size, share in zip(sizes, shares, strict=True)):
        assert len(set(order.flatten().tolist())) == order.numel()
