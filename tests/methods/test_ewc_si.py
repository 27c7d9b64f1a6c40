"""EWC and SI against references of their own: per-sample autograd, and a plain loop that records its steps."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from clnp_core.arithmetic import computing
from clnp_core.errors import DamagedError
from clnp_core.methods import METHODS
from clnp_core.methods.consolidation import from_memory, optimiser_from_memory
from clnp_core.methods.fisher import fisher
from clnp_core.methods.method import Lesson, Pruning
from clnp_core.methods.training import NO_HOOKS, Hooks, Hyperparameters, no_pulse
from clnp_core.networks.architectures import Architecture, Conv, Dense, Pool
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.subnetwork import trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream, SplitStream
from tests.methods.test_training import Kept

SMALL = Architecture("mlp", (1, 8, 8), (Dense("1", 20), Dense("2", 12)), 10)
NORMALISED = Dense("3", 9, batch_norm=True, dropout=0.5)
CONVOLUTIONAL = Architecture(
    "cnn",
    (1, 8, 8),
    (Conv("1", 4, 3, stride=2, padding=1, batch_norm=True), Conv("2", 5, 3, 1, 1, pool=Pool("max", 2, 2)), NORMALISED),
    3,
)
POINT = Hyperparameters((0.0,) * 3, 1e-2, cooldown=0.0, batch_size=100, epochs=2, patience=None)


@pytest.fixture(scope="module")
def stream():
    return PermutedStream(datasets.load("digits"), tasks=2, validation=1300, seed=0, identity_first=False)


@pytest.mark.parametrize("architecture", [SMALL, CONVOLUTIONAL], ids=lambda each: each.name)
@pytest.mark.parametrize("head", ["single", "multi"])
def test_the_fisher_diagonal_is_that_of_every_sample_by_itself(architecture, head):
    generator = torch.Generator().manual_seed(0)
    network = trainable(reinitialise_free(initial(architecture, head), 0))
    network = network.with_statistics(
        [0.5 + torch.rand(each.shape, generator=generator) for each in network.statistics()]
    )
    x = torch.rand(6, 64, generator=generator)
    weights = [each.requires_grad_() for each in network.parameters()]
    expected = [torch.zeros_like(each) for each in weights]
    for sample in x:
        log_p = network.with_parameters(weights)(sample[None])[0].log_softmax(0)
        for each in log_p:
            for sums, gradient in zip(expected, torch.autograd.grad(each, weights, retain_graph=True), strict=True):
                sums += each.detach().exp() * gradient**2 / len(x)
    for own, sums in zip(fisher(network, x, no_pulse).parameters(), expected, strict=True):
        torch.testing.assert_close(own, sums, rtol=1e-5, atol=1e-5 * float(sums.max()))


def learned(name, stream, task, before, point=POINT, hooks=NO_HOOKS, **own):
    """The lesson, its candidate, and the network after it."""
    method = METHODS[name]
    lesson = Lesson(before, stream, task, seed=0, settings=method.Settings(**own))
    with computing(1):
        (candidate,) = method.fit(method.jobs(lesson, [point], [hooks]), no_pulse)
        candidate = replace(candidate, settings=lesson.settings)
        return lesson, candidate, method.settle(lesson, [candidate], Pruning(0.0), no_pulse)[0]


@pytest.mark.parametrize("head", ["single", "multi"])
def test_si_sums_up_the_steps_of_a_plain_loop(stream, head):
    """Two tasks, Adam going on: ω of the second, its weights and Ω are those of a loop that knows only torch."""
    before, importance = initial(SMALL, head), None
    count, state = 0, None
    for task in (1, 2):
        lesson, candidate, after = learned("si", stream, task, before, c=3.0, xi=0.01)
        start = METHODS["si"].start(lesson)
        weights = [each.clone().requires_grad_() for each in start.parameters()]
        optimiser = torch.optim.Adam(weights, lr=POINT.learning_rate)
        if state is not None:
            optimiser.load_state_dict(state)
            for place, each in enumerate(weights):
                if head == "multi" and place in (2, 5):  # the head is new
                    optimiser.state[each]["exp_avg"].zero_()
                    optimiser.state[each]["exp_avg_sq"].zero_()
        path, split = [torch.zeros_like(each) for each in weights], stream.task(task).train
        for epoch in (1, 2):
            seed = derive_seed(derive_seed(0, "training", task), "batches", epoch)
            order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
            for rows in order.split(POINT.batch_size):
                loss = F.cross_entropy(start.with_parameters(weights)(split.x[rows]), split.y[rows])
                gradients = torch.autograd.grad(loss, weights)
                was = [each.detach().clone() for each in weights]
                for each, gradient, omega, anchor in zip(
                    weights, gradients, importance or [0.0] * len(weights), start.parameters(), strict=True
                ):
                    each.grad = gradient + 2 * 3.0 * omega * (each.detach() - anchor)
                optimiser.step()
                count += 1
                for sums, gradient, each, old in zip(path, gradients, weights, was, strict=True):
                    sums -= gradient * (each.detach() - old)
        state = optimiser.state_dict()
        for own, expected in zip(candidate.memory["path"].parameters(), path, strict=True):
            torch.testing.assert_close(own, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
        assert candidate.optimiser.steps == count
        pairs = zip(importance or [0.0] * len(path), path, weights, start.parameters(), strict=True)
        importance = [(old + own / ((w.detach() - a) ** 2 + 0.01)).clamp(min=0) for old, own, w, a in pairs]
        if head == "multi":
            importance = [each * (place not in (2, 5)) for place, each in enumerate(importance)]
        kept = from_memory("importance", after, start).parameters()
        for own, expected in zip(kept, importance, strict=True):
            torch.testing.assert_close(own, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max() + 1e-12))
        before = after


def test_si_goes_on_from_a_checkpoint_to_the_bit(stream):
    """The path so far, and the network and path of the best epoch, come back."""
    point, kept = replace(POINT, epochs=4, patience=4), Kept(2)
    _, _, first = learned("si", stream, 1, initial(SMALL, "single"))
    whole, resumed = (learned("si", stream, 2, first, point, Hooks(checkpoint=kept))[1:] for _ in range(2))
    assert kept.state is not None
    for one, other in zip(whole[0].memory["path"].parameters(), resumed[0].memory["path"].parameters(), strict=True):
        assert torch.equal(one, other)
    assert all(torch.equal(tensor, resumed[1].memory[name]) for name, tensor in whole[1].memory.items())


def test_ewc_keeps_the_sum_of_its_fishers_and_the_mean_that_they_weigh(stream):
    before, fishers, weights = initial(SMALL, "multi"), [], []
    for task in (1, 2):
        lesson, candidate, before = learned("ewc", stream, task, before, samples=20, reset_optimiser=True)
        fishers.append(candidate.memory["fisher"])
        weights.append(candidate.network)
    assert all(name.startswith(("importance.", "anchor.")) for name in before.memory)
    assert not any("head" in name for name in before.memory)
    start = METHODS["ewc"].start(replace(lesson, network=before, task=3))
    for place in (0, 1, 3, 4):  # of both layers the weights and biases
        (f1, f2), (w1, w2) = ([each.parameters()[place] for each in pair] for pair in (fishers, weights))
        sums = from_memory("importance", before, start).parameters()[place]
        anchor = from_memory("anchor", before, start).parameters()[place]
        torch.testing.assert_close(sums, f1 + f2)
        here = torch.rand_like(w1)
        torch.testing.assert_close(sums * (here - anchor), f1 * (here - w1) + f2 * (here - w2))


def test_online_ewc_lets_earlier_fishers_fade_and_keeps_no_anchor(stream):
    before, fishers = initial(SMALL, "single"), []
    for task in (1, 2):
        _, candidate, before = learned("ewc", stream, task, before, samples=20, online=True, gamma=0.5)
        fishers.append(candidate.memory["fisher"].head_weight)
    torch.testing.assert_close(before.memory["importance.head"], fishers[0] * 0.5 + fishers[1])
    assert not any(name.startswith("anchor") for name in before.memory)


@pytest.mark.parametrize(("name", "own"), [("si", {"c": 1e3}), ("ewc", {"strength": 1e4})])
def test_what_is_important_moves_less_than_without_a_penalty(stream, name, own):
    """Of the first task's answers."""
    moved = []
    for strength in (own, dict.fromkeys(own, 0.0)):
        _, _, first = learned(name, stream, 1, initial(SMALL, "single"), **strength)
        _, _, second = learned(name, stream, 2, first, **strength)
        x = stream.test(1).x
        then, now = (METHODS[name].predictor(network, 1)(x) for network in (first, second))
        moved.append(float((then - now).abs().mean()))
    assert moved[0] < 0.8 * moved[1]


@pytest.mark.parametrize("name", ["ewc", "si"])
def test_convolutions_that_are_normalised_and_tasks_with_other_classes_learn(name):
    digits = SplitStream([datasets.load("digits")], classes_per_task=2, tasks=2, validation=0.8, seed=0)
    first = initial(replace(CONVOLUTIONAL, outputs=3, task_outputs=(3, 2)), "single")
    point = replace(POINT, l1=(0.0,) * 4, epochs=1)
    _, _, after = learned(name, digits, 1, first, point)
    _, _, after = learned(name, digits, 2, after, point)
    assert after.memory["importance.head"].shape == after.head_weights[0].shape
    assert after.memory["importance.scales.0"].shape == (4,)
    assert all(tensor.isfinite().all() for tensor in after.memory.values())


def test_a_memory_of_another_network_is_refused_in_a_sentence(stream):
    _, _, after = learned("si", stream, 1, initial(SMALL, "single"))
    start = trainable(after)
    wrong = replace(after, memory={"importance.weights.0": torch.zeros(3, 3), "steps": torch.tensor(-1)})
    with pytest.raises(DamagedError, match=r"importance.weights.0 has the shape \[3, 3\]"):
        from_memory("importance", wrong, start)
    with pytest.raises(DamagedError, match="has no number of steps"):
        optimiser_from_memory(wrong, start)
    assert math.prod(after.memory["steps"].shape) == 1
