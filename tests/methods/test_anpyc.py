"""ANPyC against independent references: importance by finite differences, percentiles counted, zeros that stay."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch

from clnp_core.arithmetic import computing
from clnp_core.methods import METHODS
from clnp_core.methods.anpyc import Settings, importance, kept, pruned_after, schedule
from clnp_core.methods.method import Lesson, Pruning
from clnp_core.methods.training import NO_HOOKS, Hooks, Hyperparameters, no_pulse, train
from clnp_core.networks.architectures import Architecture, Conv, Dense
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.subnetwork import trainable
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream
from tests.methods.test_training import Kept, short

METHOD = METHODS["anpyc"]
TINY = Architecture("tiny", (1, 2, 3), (Dense("layer 1", 5), Dense("layer 2", 4)), 3)
SMALL = Architecture("small", (1, 8, 8), (Dense("layer 1", 40), Dense("layer 2", 30)), 10)
POINT = Hyperparameters((0.0,) * 3, 5e-3, cooldown=0.5, batch_size=64, epochs=6, patience=1)
TWO_STEPS = Settings(prune=40, step=20)


@pytest.fixture(scope="module")
def stream():
    """With few training images."""
    whole = PermutedStream(datasets.load("digits"), tasks=2, validation=150, seed=0, identity_first=False)
    few = mock.Mock(wraps=whole)
    few.task = lambda number: short(whole.task(number), 250)
    return few


def lesson_of(stream, network, own=TWO_STEPS):
    return Lesson(network, stream, network.tasks + 1, seed=0, settings=own)


def learned(stream, network, own=TWO_STEPS, point=POINT):
    lesson = lesson_of(stream, network, own)
    candidates = METHOD.fit(METHOD.jobs(lesson, [point], [NO_HOOKS]), no_pulse)
    return METHOD.settle(lesson, [replace(each, settings=own) for each in candidates], Pruning(0.0), no_pulse)[0]


@pytest.fixture(scope="module", params=["single", "multi"])
def after(request, stream):
    """A network before the first task, after it, and after the second."""
    networks = [initial(SMALL, request.param)]
    with computing(1):
        for _ in range(2):
            networks.append(learned(stream, networks[-1]))
    return networks


def shared(network):
    """The tensors that tasks share, and what they are called in the memory."""
    layers = list(enumerate(network.layers))
    named = {f"weights.{place}": layer.weight for place, layer in layers}
    named |= {f"biases.{place}": layer.bias for place, layer in layers}
    return named | ({"head": network.head_weights[0]} if network.head == "single" else {})


def entropies(parameters, x):
    """H of each image, in NumPy."""
    first, second, head, *biases = parameters
    for weight, bias in ((first, biases[0]), (second, biases[1])):
        x = np.maximum(0, x @ weight.T + bias)
    logits = x @ head.T + biases[2]
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return -(p * np.log(p)).sum(1)


def test_importance_is_that_of_the_entropys_finite_differences():
    start = trainable(reinitialise_free(initial(TINY, "multi"), 0)).each(lambda tensor: 2 * tensor.double())
    x = torch.randn(350, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    measured = importance(start, x, no_pulse)
    parameters, step = [tensor.numpy() for tensor in start.parameters()], 1e-6
    batches = np.arange(0, 350, 3)  # a hundred or more
    for tensor, found in zip(parameters, measured.parameters(), strict=True):
        for place, weight in np.ndenumerate(tensor):
            ends = []
            for end in (weight + step, weight - step):
                tensor[place] = end
                ends.append(np.add.reduceat(entropies(parameters, x.numpy()), batches))
            tensor[place] = weight
            change = weight * (ends[0] - ends[1]) / (2 * step)
            expected = np.maximum(0, change + change**2 / 2).mean()
            assert float(found[place]) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_importance_is_finite_where_a_probability_rounds_to_nothing():
    start = trainable(reinitialise_free(initial(TINY, "multi"), 0)).each(lambda tensor: 1000 * tensor)
    measured = importance(start, torch.rand(50, 6), no_pulse)
    assert all(tensor.isfinite().all() for tensor in measured.parameters())


def test_a_fifth_less_is_pruned_after_each_task():
    assert [pruned_after(task, 50) for task in range(1, 11)] == [50, 40, 32, 25, 20, 16, 12, 9, 7, 5]


@pytest.mark.parametrize(
    ("epochs", "shares", "retrain", "due"),
    [
        (180, [10, 20, 30, 40, 50], 1.0, {30: 10, 60: 20, 90: 30, 120: 40, 150: 50}),
        (40, [10, 20], 0.5, {20: 10, 30: 20}),
        (3, [10, 20, 30, 40, 50], 1.0, {1: 20, 2: 50}),
        (1, [10], 1.0, {}),
        (9, [], 1.0, {}),
    ],
)
def test_epochs_are_shared_between_training_and_retraining(epochs, shares, retrain, due):
    assert schedule(epochs, shares, retrain) == due


def test_after_the_first_task_a_percentile_is_pruned_and_what_has_no_importance():
    values = torch.randperm(1000).float().view(20, 50) + 1
    assert torch.equal(kept(values, 30, None), values > 300)
    values[values > 600] = 0
    assert torch.equal(kept(values, 30, None), values > 0)


def test_later_only_zeros_of_the_task_before_are_pruned():
    values, candidates = torch.randperm(1000).float(), torch.arange(1000) % 5 == 0
    pruned = ~kept(values, 30, candidates)
    assert not (pruned & ~candidates).any()
    assert pruned.sum() == 60
    assert values[pruned].max() < values[candidates & ~pruned].min()
    assert kept(values, 30, torch.zeros(1000, dtype=torch.bool)).all()


def test_pruned_weights_stay_zero_while_the_others_go_on(stream, after):
    _, first, second = after
    with computing(1):
        (job,) = METHOD.jobs(lesson_of(stream, after[0]), [POINT], [NO_HOOKS])
        (left,) = train([job])
    for weight, mask in zip(left.network.parameters(), left.memory["mask"].parameters(), strict=True):
        assert torch.equal(weight == 0, mask == 0)
    for name, tensor in shared(first).items():
        zeros = tensor == 0
        assert zeros.float().mean() >= 0.35, name  # of a few biases the percentile is coarse
        later = shared(second)[name] == 0
        assert not (later & ~zeros).any(), name
        # P is 32 after the second task, which takes two steps of 20, too. Several may have the percentile's importance.
        assert later.sum() >= 0.35 * zeros.sum(), name
        assert not zeros.all()
    if first.head == "multi":
        assert all(weight.all() for weight in second.head_weights)


@pytest.mark.parametrize("merge", ["sum", "max"])
def test_importance_is_merged_over_the_tasks(stream, after, merge):
    first = after[1]
    with computing(1):
        second = learned(stream, first, TWO_STEPS.model_copy(update={"merge": merge}))
        (job,) = METHOD.jobs(lesson_of(stream, first), [POINT], [NO_HOOKS])
        (left,) = train([job])
    new = dict(zip([*shared(first)][:2], left.memory["importance"].parameters(), strict=False))
    for name, own in new.items():
        before = first.memory[f"importance.{name}"]
        expected = before + own if merge == "sum" else torch.maximum(before, own)
        assert torch.equal(second.memory[f"importance.{name}"], expected)


@pytest.mark.parametrize("epoch", [2, 3])
def test_a_training_resumes_to_the_bit_before_and_after_a_step(stream, after, epoch):
    """Steps are due after epochs 2 and 4."""
    left = []
    with computing(1):
        checkpoint = Kept(epoch)
        for _ in range(2):
            (job,) = METHOD.jobs(lesson_of(stream, after[1]), [POINT], [Hooks(checkpoint=checkpoint)])
            left += train([job])
    for name in ("mask", "importance"):
        whole, resumed = (each.memory[name].parameters() for each in left)
        assert all(map(torch.equal, whole, resumed))
    assert all(map(torch.equal, left[0].network.parameters(), left[1].network.parameters()))


def test_what_is_important_is_held(stream, after):
    first, left = after[1], {}
    with computing(1):
        for strength in (0.0, 1e4):
            second = learned(stream, first, TWO_STEPS.model_copy(update={"strength": strength}))
            pairs = zip(shared(first).items(), shared(second).values(), strict=True)
            left[strength] = sum(
                (first.memory[f"importance.{name}"] * (now - was) ** 2).sum() for (name, was), now in pairs
            )
    assert left[1e4] < left[0.0] / 20


def test_convolutions_with_batch_norm_are_pruned_too(stream):
    form = Architecture("c", (1, 8, 8), (Conv("conv 1", 6, 3, batch_norm=True), Dense("dense 1", 20)), 10)
    with computing(1):
        network = learned(stream, initial(form, "single"))
    assert network.memory.keys() >= {"importance.weights.0", "importance.scales.0", "importance.head"}
    assert (network.layers[0].weight == 0).float().mean() >= 0.35
