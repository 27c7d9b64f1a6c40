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
from clnp_core.methods.training import Epoch, Gradual, Hooks, Hyperparameters, accuracy
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import trainable
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream, Split
from tests.networks.networks import OUTPUTS, architectures, convolutional, learn, scramble

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
    network = initial(architecture, head)
    for place, claimed in enumerate(shares):
        network, _, _ = learn(network, seed + place, claimed)
    block = trainable(reinitialise_free(network, seed))
    scramble(block, seed)
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
    assert pruned.curve.accuracy >= max(reached) - GRADUAL.tolerance
    assert pruned.curve.accuracy > 0.93
    _, by_evidence, reached = fitted(task, gradual=replace(GRADUAL, tolerance=None))
    best = max(reached)
    assert by_evidence.curve.accuracy >= best - math.sqrt(best * (1 - best) / 150)
    _, late, _ = fitted(task, gradual=replace(GRADUAL, first_epoch=20, tolerance=0.0))
    assert list(map(len, late.network.free)) == list(map(len, whole.network.free))


@pytest.mark.parametrize("patience", [None, 20])
def test_the_margin_counts_epochs_before_pruning(task, patience):
    network, candidate, reached = fitted(task, gradual=replace(GRADUAL, tolerance=0.2), patience=patience)
    assert candidate.curve.unpruned == max(reached if patience else reached[:3])
    floor = margin_floor([candidate.curve], 0.1)
    assert floor == max(candidate.curve.accuracy, candidate.curve.unpruned) - 0.1
    choice = clnp.choose_candidate([candidate], network, task.validation, Pruning(0.1))
    assert choice.floor == floor


@pytest.mark.parametrize("patience", [None, 20])
def test_of_the_networks_within_the_tolerance_the_last_is_kept(task, patience):
    _, candidate, reached = fitted(task, patience=patience)
    within = [value for value in reached if value >= max(reached) - GRADUAL.tolerance - 1e-9]
    assert candidate.curve.accuracy == (reached[-1] if patience is None else within[-1])
    assert accuracy(candidate.network, task.validation) == candidate.curve.accuracy
