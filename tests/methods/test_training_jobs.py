"""What a method may bring to a training: the loop lets it, and knows nothing of it."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.regularisers import L1
from clnp_core.methods.training import NO_HOOKS, Hooks, Hyperparameters, Job, Objective, Regulariser, train
from clnp_core.networks.network import initial
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream
from tests.methods.test_training import Kept, network_of, short

SETTINGS = Hyperparameters((0.0, 0.0, 0.0), 1e-2, cooldown=0.0, batch_size=64, epochs=4, patience=None)
SHRINKS = replace(SETTINGS, learning_rate=5e-2, epochs=20)


@pytest.fixture(scope="module")
def task():
    stream = PermutedStream(datasets.load("digits"), tasks=1, validation=150, seed=0, identity_first=False)
    return short(stream.task(1), 300)


@pytest.fixture
def start(task):
    (job,) = clnp.candidate_jobs(initial(network_of(150, 100), "multi"), task, [SETTINGS], seed=0)
    return job.network


def trained(network, task, settings=SETTINGS, **own):
    with computing(1):
        (left,) = train([Job(network, task, settings, 0, own.pop("hooks", NO_HOOKS), **own)])
    return left


class PathIntegral(Regulariser):
    """Pulls towards an anchor, and sums up what each step gained: gradient of the loss alone times step."""

    is_plain: ClassVar[bool] = False
    observes: ClassVar[bool] = True

    def __init__(self, anchor, strength):
        self.anchor, self.strength = anchor, strength

    def memory(self, network):
        return {"gain": network.each(torch.zeros_like), "anchor": self.anchor.each(torch.clone)}

    def add_to(self, gradients, weights, memory):
        for gradient, weight, anchor in zip(gradients, weights, memory["anchor"], strict=True):
            gradient.add_(weight - anchor, alpha=self.strength)

    def observe(self, gradients, steps, memory):
        for gain, gradient, step in zip(memory["gain"], gradients, steps, strict=True):
            gain.sub_(gradient * step)


def test_a_regulariser_sees_the_gradients_of_the_loss_alone_and_the_steps(start, task):
    """Where the steps are small, what they gained adds up to how far the loss fell."""
    gentle = replace(SETTINGS, learning_rate=1e-4, batch_size=300, epochs=20, shrink="none")
    losses = []
    hooks = Hooks(on_epoch=lambda epoch: losses.append(epoch.loss))
    left = trained(start, task, gentle, regulariser=PathIntegral(start, 1e3), hooks=hooks)
    gained = sum(float(tensor.sum()) for tensor in left.memory["gain"].parameters())
    one_more = trained(start, task, replace(gentle, epochs=21), regulariser=PathIntegral(start, 1e3), hooks=hooks)
    assert one_more.accuracy >= 0
    assert gained == pytest.approx(losses[0] - losses[-1], rel=0.05)


def test_a_strong_pull_keeps_the_weights_where_they_were(start, task):
    moved = []
    for strength in (0.0, 1e6):
        left = trained(start, task, replace(SETTINGS, shrink="none"), regulariser=PathIntegral(start, strength))
        pairs = zip(left.network.parameters(), start.parameters(), strict=True)
        moved.append(max(float((one - other).abs().max()) for one, other in pairs))
    assert moved[1] < moved[0] / 2


def test_memory_shrinks_with_the_network_and_comes_back_with_a_checkpoint(task):
    (job,) = clnp.candidate_jobs(initial(network_of(400, 400), "multi"), task, [SHRINKS], seed=0)
    start, kept = job.network, Kept(12)
    whole = trained(start, task, SHRINKS, regulariser=PathIntegral(start, 1e-6), hooks=Hooks(checkpoint=kept))
    resumed = trained(start, task, SHRINKS, regulariser=PathIntegral(start, 1e-6), hooks=Hooks(checkpoint=kept))
    gain = whole.memory["gain"]
    assert sum(map(len, gain.free)) < 700
    assert [len(free) for free in gain.free] == [layer.width for layer in gain.layers]
    for one, other in zip(gain.parameters(), resumed.memory["gain"].parameters(), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_masked_weight_does_not_move(start, task):
    masks = start.each(lambda tensor: (torch.arange(tensor.numel()) % 2).float().view(tensor.shape))
    left = trained(start, task, replace(SETTINGS, shrink="none"), regulariser=L1((1e-2,) * 3), masks=masks)
    for before, after, mask in zip(start.parameters(), left.network.parameters(), masks.parameters(), strict=True):
        assert torch.equal(before[mask == 0], after[mask == 0])
        assert not torch.equal(before[mask == 1], after[mask == 1])


def test_an_optimiser_goes_on_where_it_was(start, task):
    """Two trainings of two epochs, the second with the first's averages, are not two that both begin afresh."""
    half = replace(SETTINGS, epochs=2, shrink="none")
    first = trained(start, task, half)
    on, afresh = (trained(first.network, task, half, optimiser=state) for state in (first.optimiser, None))
    assert first.optimiser.steps == 2 * 5
    assert on.optimiser.steps == 2 * first.optimiser.steps
    assert not torch.equal(on.network.head_weight, afresh.network.head_weight)


def test_what_a_layer_reads_may_be_changed(start, task):
    """Signs that are put on the images and taken off again at the weights change nothing but the weights' signs."""
    signs = torch.where(torch.arange(64) % 3 == 0, -1.0, 1.0)
    first, *others = start.layers
    turned = replace(start, layers=(replace(first, weight=first.weight * signs), *others))
    plain = trained(start, task, replace(SETTINGS, shrink="none"))
    changed = trained(turned, task, replace(SETTINGS, shrink="none"), reads=lambda layer, x: x if layer else x * signs)
    one, other = (each.network.layers[0].weight for each in (changed, plain))
    torch.testing.assert_close(one * signs, other, rtol=1e-3, atol=1e-4)


class Halved(Objective):
    """Learns half of the classes: the other logits do not compete."""

    def logits(self, logits, labels):
        return logits.masked_fill(torch.arange(10) >= 5, -1e9)

    def losses(self, logits, labels):
        return super().losses(logits, labels) * (labels < 5)


def test_an_objective_of_its_own_decides_what_is_learned_and_measured(start, task):
    left = trained(start, task, SETTINGS, objective=Halved())
    share = float((task.validation.y < 5).float().mean())
    assert 0.8 * share < left.accuracy <= share


def test_l1_of_several_replicas_is_each_ones_own():
    weights = [torch.randn(3, 4, 5), torch.randn(3, 1, 5)]
    each = [L1((1e-1, 0.0)), L1((0.0, 0.0)), L1((1e-3, 0.0))]
    gradients = [torch.zeros_like(tensor) for tensor in weights]
    L1.together(each).add_to(gradients, weights, {})
    for replica, coefficient in enumerate((1e-1, 0.0, 1e-3)):
        torch.testing.assert_close(gradients[0][replica], coefficient * weights[0][replica].sign())
    assert not gradients[1].any()
