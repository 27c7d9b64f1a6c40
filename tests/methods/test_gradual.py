"""Neurons leave a training a few at a time, as long as validation accuracy allows it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.arithmetic import computing
from clnp_core.methods import clnp, sparsify
from clnp_core.methods.graceful import margin_floor
from clnp_core.methods.gradual import GradualPruner
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import NO_HOOKS, Epoch, Gradual, Hooks, Hyperparameters, Job, Pruner, accuracy, train
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.layers import Layer
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import trainable
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream, Split, Task
from tests.networks.networks import OUTPUTS, architectures, block_after, convolutional

GRADUAL = Gradual(first_epoch=3, largest_share=0.2, tolerance=0.02, theta_mode="shared")
SETTINGS = Hyperparameters(
    (1e-5, 1e-3, 3e-4), 2e-2, cooldown=0.5, batch_size=64, epochs=20, patience=20, gradual=GRADUAL
)


@pytest.fixture(scope="module")
def task():
    return PermutedStream(datasets.load("digits"), tasks=1, validation=150, seed=0, identity_first=False).task(1)


def fitted(task, **changes):
    """A candidate, and its epochs."""
    epochs = []
    network = initial(ARCHITECTURES["digits-mlp"], "single")
    with computing(1):
        jobs = clnp.candidate_jobs(network, task, [replace(SETTINGS, **changes)], 0, [Hooks(epochs.append)])
        (candidate,) = clnp.fit_candidates(jobs)
    widths = [epoch.neurons for epoch in epochs]
    assert all((np.diff(layer) <= 0).all() for layer in zip(*widths, strict=True))
    return network, candidate, [epoch.validation_accuracy for epoch in epochs]


def standard_error(reached):
    """Of an accuracy on the 150 validation images, after Agresti and Coull."""
    share = (150 * reached + 2) / 154
    return math.sqrt(share * (1 - share) / 154)


@given(
    st.one_of(architectures(), convolutional()),
    st.sampled_from(["single", "multi"]),
    st.lists(st.floats(0, 0.6), max_size=2),
    st.floats(0.01, 1),
    st.floats(0, 0.3),
    st.sampled_from(["shared", "per-layer"]),
    st.integers(0, 2**20),
)
@settings(max_examples=60, deadline=None)
def test_what_leaves_is_the_least_active_share_at_most_and_accuracy_stays(
    architecture, head, shares, share, tolerance, mode, seed
):
    block = block_after(architecture, head, shares, seed)
    x = torch.rand(100, architecture.inputs, generator=torch.Generator().manual_seed(seed))
    split = Split(x, block(x).argmax(1) % OUTPUTS)
    sources, epochs = Sources(block, x, 2**20), [Epoch(1, 0.0, accuracy(block, split), 0.0)]
    given = Gradual(first_epoch=1, largest_share=share, tolerance=tolerance, theta_mode=mode)
    activity = list(sparsify.activities(block, split).free)
    kept = GradualPruner(given, split.y).survivors(block, activity, sources, epochs)
    order = [np.argsort(-layer, kind="stable") for layer in activity]
    if kept is None:
        return
    for layer, most_active in zip(kept, order, strict=True):
        assert layer[most_active[: layer.sum()]].all()
        assert np.count_nonzero(~layer) <= max(1, share * len(layer))
    assert any(not layer.all() for layer in kept)
    assert accuracy(block.keep(kept), split) >= epochs[0].validation_accuracy - tolerance - 1.5 / 100


def test_training_loses_neurons_from_its_first_epoch_on(task):
    _, whole, _ = fitted(task, gradual=None)
    _, pruned, reached = fitted(task)
    assert all(len(left) < 0.6 * len(free) for left, free in zip(pruned.network.free, whole.network.free, strict=True))
    assert pruned.curve.accuracy >= max(reached) - standard_error(max(reached))
    assert pruned.curve.accuracy > 0.93
    _, late, _ = fitted(task, gradual=replace(GRADUAL, first_epoch=20), patience=None)
    assert all(len(left) > len(free) for left, free in zip(late.network.free, pruned.network.free, strict=True))


def test_a_training_may_begin_with_some_of_the_free_neurons(task):
    network, candidate, _ = fitted(task, gradual=replace(GRADUAL, start_width=60))
    assert all(len(free) <= 60 for free in candidate.network.free)
    choice = clnp.choose_candidate([candidate], network, task.validation, Pruning(0.01))
    learned, record = clnp.prune_and_commit(network, candidate, choice)
    assert [np.count_nonzero(owner == 1) for owner in learned.owners] == list(record.claimed)
    assert all(0 < claimed <= 60 for claimed in record.claimed)
    # The others are free for the next task, as many as may begin.
    assert [len(free) for free in trainable(learned).free] == [400 - claimed for claimed in record.claimed]
    assert candidate.curve.accuracy > 0.9


def test_importance_by_gradient_is_that_of_a_plain_loop():
    """One batch is the whole epoch, so that what was summed is of the weights that training began with."""
    split = Split(torch.rand(48, 64, generator=torch.Generator().manual_seed(0)), torch.arange(48) % 10)
    network = trainable(reinitialise_free(initial(ARCHITECTURES["digits-mlp"], "single"), 0))
    task = Task(1, split, split, split)
    seen = []

    class Seen(Pruner):
        by_gradient = True

        def survivors(self, network, importance, validation, epochs):
            seen.extend(importance)

    job = Job(network, task, replace(SETTINGS, batch_size=48, epochs=2, shrink="none"), 0, NO_HOOKS, pruner=Seen())
    with computing(1):
        train([job])
    logits, activations = network.each(torch.Tensor.requires_grad_).forward([split.x])
    loss = torch.nn.functional.cross_entropy(logits, split.y, reduction="sum")
    gradients = torch.autograd.grad(loss, activations)
    for importance, activation, gradient in zip(seen, activations, gradients, strict=True):
        expected = (activation * gradient).abs().mean(0).detach().numpy()
        np.testing.assert_allclose(importance, expected, rtol=1e-4, atol=1e-7)


def test_of_relative_activity_a_layer_s_scale_is_nothing(task):
    """Activities of the first layer are 64 times as large, its readers' weights a 64th: the same function."""
    network = trainable(reinitialise_free(initial(ARCHITECTURES["digits-mlp"], "single"), 0))
    first, second = network.layers
    scaled = replace(
        network,
        layers=(Layer(first.weight * 64, first.bias * 64, None), Layer(second.weight / 64, second.bias, None)),
    )
    x = task.validation.x
    split = Split(x, network(x).argmax(1))
    kept = {}
    for criterion in ("activity", "relative"):
        given = Gradual(first_epoch=1, largest_share=1, tolerance=0.2, theta_mode="shared", criterion=criterion)
        for name, block in (("plain", network), ("scaled", scaled)):
            activity = list(sparsify.activities(block, split).free)
            found = GradualPruner(given, split.y).survivors(
                block, activity, Sources(block, x, 2**20), [Epoch(1, 0.0, 1.0, 0.0)]
            )
            kept[criterion, name] = [layer.tolist() for layer in found]
    assert kept["relative", "plain"] == kept["relative", "scaled"]
    assert kept["activity", "plain"] != kept["activity", "scaled"]


@pytest.mark.parametrize("patience", [None, 20])
def test_the_margin_counts_epochs_before_pruning(task, patience):
    network, candidate, reached = fitted(task, gradual=replace(GRADUAL, tolerance=0.2), patience=patience)
    assert candidate.curve.unpruned == max(reached[:3])
    floor = margin_floor([candidate.curve], 0.1)
    assert floor == max(candidate.curve.accuracy, candidate.curve.unpruned) - 0.1
    choice = clnp.choose_candidate([candidate], network, task.validation, Pruning(0.1))
    assert choice.floor == floor


@pytest.mark.parametrize("patience", [None, 20])
def test_of_the_networks_within_a_standard_error_of_the_best_the_last_is_kept(task, patience):
    _, candidate, reached = fitted(task, patience=patience)
    within = [value for value in reached if value >= max(reached) - standard_error(max(reached)) - 1e-9]
    assert candidate.curve.accuracy == (reached[-1] if patience is None else within[-1])
    assert accuracy(candidate.network, task.validation) == candidate.curve.accuracy
