"""Algorithm 1 on the real digits, briefly."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from clnp_core.arithmetic import computing
from clnp_core.errors import DivergedError
from clnp_core.methods import clnp, single, sparsify
from clnp_core.methods.method import Lesson, Pruning
from clnp_core.methods.training import NO_HOOKS, Hyperparameters, accuracy, no_pulse
from clnp_core.networks import partition
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.network import initial
from clnp_core.networks.partition import WeightClass
from clnp_core.networks.subnetwork import task_network
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream

DIGITS = ARCHITECTURES["digits-mlp"]
SETTINGS = Hyperparameters(l1=(1e-5, 1e-3, 3e-4), learning_rate=1e-2, cooldown=0.0, batch_size=64, epochs=8, patience=8)


@pytest.fixture(scope="module")
def stream():
    return PermutedStream(datasets.load("digits"), tasks=3, validation=150, seed=0, identity_first=False)


def fit(network, task, *grid, seed=0):
    """Candidates of a grid, one by itself where only one is given."""
    with computing(DIGITS.threads):
        candidates = clnp.fit_candidates(clnp.candidate_jobs(network, task, grid, seed))
    return candidates if len(grid) > 1 else candidates[0]


@pytest.fixture(scope="module")
def first(stream):
    """What a new network makes of task 1: the candidate that many tests prune."""
    return fit(initial(DIGITS, "single"), stream.task(1), SETTINGS)


def settle(network, task, candidate, margin=0.01, theta=None):
    choice = clnp.choose_candidate([candidate], network, task.validation, Pruning(margin, theta=theta))
    return clnp.prune_and_commit(network, candidate, choice)


def learn(network, task):
    return settle(network, task, fit(network, task, SETTINGS))


@pytest.mark.parametrize("head", ["single", "multi"])
def test_three_tasks_are_learned_and_none_forgotten(stream, head):
    network, promised = initial(DIGITS, head), []
    for number in (1, 2, 3):
        task = stream.task(number)
        network, learned = learn(network, task)
        assert learned.task == number
        assert learned.claimed == tuple((owner == number).sum() for owner in network.owners)
        promised.append(network.logits(number, stream.test(number).x))
        assert accuracy(task_network(network, number), task.test) > 0.87
    for number, logits in enumerate(promised, start=1):
        assert torch.equal(network.logits(number, stream.test(number).x), logits)


def test_the_scan_reports_what_the_pruned_network_does(stream, first):
    task, candidate = stream.task(1), first
    points = candidate.curve.points
    assert points[0].theta == (0.0, 0.0)
    assert [point.theta for point in points] == sorted(point.theta for point in points)
    claimed = np.array([point.claimed for point in points])
    assert (np.diff(claimed, axis=0) <= 0).all()
    assert claimed[-1].sum() == 0
    middle = points[len(points) // 2]
    kept = sparsify.above(candidate.activities.free, middle.theta)
    assert accuracy(candidate.network.keep(kept), task.validation) == middle.accuracy
    # Activity by its definition: mean over the training set of what comes out of ReLU.
    _, hidden = candidate.network.forward(candidate.network.sources(task.train.x))
    np.testing.assert_allclose(candidate.activities.free[1], hidden[1].double().mean(0).numpy(), rtol=1e-4)


def test_a_larger_margin_frees_more_and_stays_within(stream, first):
    task, network, candidate = stream.task(1), initial(DIGITS, "single"), first
    used = []
    for margin in (0.0, 0.01, 0.05):
        choice = clnp.choose_candidate([candidate], network, task.validation, Pruning(margin))
        assert choice.point.accuracy >= candidate.curve.accuracy - margin - 1e-9
        used.append(sum(choice.point.claimed))
    assert used[0] >= used[1] >= used[2]
    assert used[0] > used[2]


def test_a_threshold_per_layer_frees_at_least_as_much_of_every_layer(stream, first):
    task, network, candidate = stream.task(1), initial(DIGITS, "single"), first
    shared = clnp.choose_candidate([candidate], network, task.validation, Pruning(0.02))
    per_layer = clnp.choose_candidate([candidate], network, task.validation, Pruning(0.02, "per-layer"))
    assert per_layer.point.accuracy >= per_layer.floor - 1e-9
    assert len(per_layer.point.theta) == len(per_layer.point.claimed) == 2
    assert all(one <= other for one, other in zip(per_layer.point.claimed, shared.point.claimed, strict=True))


def test_a_given_threshold_is_used_and_its_cost_said(stream, first):
    _, learned = settle(initial(DIGITS, "single"), stream.task(1), first, margin=0.0, theta=(0.3, 5.0))
    assert learned.theta == (0.3, 5.0)
    assert "more than the margin" in learned.notes[0]
    assert learned.claimed[1] < 5


def test_every_candidate_starts_alike_and_the_seed_decides(stream, first):
    again, other = (fit(initial(DIGITS, "single"), stream.task(1), SETTINGS, seed=seed) for seed in (0, 1))
    one, two, three = ([layer.weight for layer in each.network.layers] for each in (first, again, other))
    assert all(map(torch.equal, one, two))
    assert not torch.equal(one[0], three[0])


def test_divergence_is_said_in_a_sentence(stream, first):
    settings = replace(SETTINGS, learning_rate=1e38)
    task, network = stream.task(1), initial(DIGITS, "single")
    candidate = fit(network, task, settings)
    assert math.isnan(candidate.curve.accuracy)
    with pytest.raises(DivergedError, match=r"Task 1: training diverged .*1e\+38.*lower learning_rate"):
        clnp.choose_candidate([candidate], network, task.validation, Pruning(0.01))
    assert clnp.choose_candidate([candidate, first], network, task.validation, Pruning(0.01)).candidate == 1


def test_a_coefficient_that_cannot_be_computed_with_is_named_as_the_cause(stream):
    task, network = stream.task(1), initial(DIGITS, "single")
    candidates = fit(network, task, *(replace(SETTINGS, l1=(0.0, value, 0.0), epochs=1) for value in (1e300, 1e60)))
    with pytest.raises(DivergedError, match=r"λ is too large to compute with \(1e\+60, 1e\+300\); give a smaller"):
        clnp.choose_candidate(candidates, network, task.validation, Pruning(0.01))


def test_l1_makes_the_network_sparser(stream):
    task = stream.task(1)
    plain = replace(SETTINGS, l1=(0.0, 0.0, 0.0), epochs=20, patience=20)
    sparse = replace(plain, l1=(1e-3, 5e-3, 1e-3))
    active = [fit(initial(DIGITS, "single"), task, settings).curve.points[0].claimed for settings in (plain, sparse)]
    assert sum(active[1]) < 0.7 * sum(active[0])


def test_a_multi_head_network_keeps_learning_with_heads_alone_once_it_is_full(stream):
    task = stream.task(1)
    candidate = fit(initial(DIGITS, "multi"), task, SETTINGS)
    network, _ = settle(initial(DIGITS, "multi"), task, candidate, margin=0.0, theta=0.0)
    for owner in network.owners:
        owner[owner == partition.FREE_OWNER] = 1
    before = network.logits(1, task.test.x)
    network, learned = learn(network, stream.task(2))
    assert learned.claimed == (0, 0)
    assert "No neuron of layer 2 was free" in learned.notes[0]
    assert torch.equal(network.logits(1, task.test.x), before)
    assert accuracy(task_network(network, 2), stream.test(2)) > 0.5


def test_a_task_alone_is_a_reference_on_the_whole_network(stream):
    lesson = Lesson(initial(DIGITS, "single"), stream, task=2, seed=0)
    (candidate,) = single.METHOD.fit(single.METHOD.jobs(lesson, [SETTINGS], [NO_HOOKS]), no_pulse)
    reached = accuracy(candidate.network, lesson.stream.test(lesson.task))
    assert reached > 0.92


def test_the_narrow_network_is_narrow(stream, first):
    network, learned = settle(initial(DIGITS, "single"), stream.task(1), first)
    narrow = task_network(network, 1)
    assert tuple(layer.width for layer in narrow.layers) == learned.claimed
    counts = partition.class_counts(network.owners[1], network.owners[0])
    assert counts[WeightClass.ACTIVE] == narrow.layers[1].weight.numel()


def test_the_learning_rate_cools_down_over_the_last_epochs():
    constant = replace(SETTINGS, epochs=10)
    assert {constant.learning_rate_in(epoch) for epoch in range(1, 11)} == {1e-2}
    cooling = replace(constant, cooldown=0.4)
    rates = [cooling.learning_rate_in(epoch) for epoch in range(1, 11)]
    assert rates[:6] == [1e-2] * 6
    assert rates[6:] == pytest.approx([8e-3, 6e-3, 4e-3, 2e-3])


def test_learning_leaves_the_arithmetic_of_the_process_as_it_was(stream):
    before = torch.get_num_threads()
    torch.set_num_threads(DIGITS.threads + 1)
    try:
        fit(initial(DIGITS, "single"), stream.task(1), replace(SETTINGS, epochs=1))
        assert torch.get_num_threads() == DIGITS.threads + 1
    finally:
        torch.set_num_threads(before)
    assert (torch.tensor([1e-40]) * 1).item() > 0
