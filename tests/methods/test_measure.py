"""Balanced accuracy as what is chosen by: in a training, in a scan of thresholds, and in gradual pruning."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.arithmetic import computing
from clnp_core.methods import clnp, sparsify
from clnp_core.methods.gradual import GradualPruner
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import Gradual, Hyperparameters, accuracy
from clnp_core.networks.architectures import Architecture, Dense
from clnp_core.networks.network import initial
from clnp_core.tasks.streams import Split, Task
from tests.networks.networks import architectures, block_after

SETTINGS = Hyperparameters((1e-4, 1e-4, 1e-4), 2e-2, cooldown=0.5, batch_size=25, epochs=12, patience=12)
MARGIN = Pruning(0.08)
NETWORK = initial(Architecture("given", (1, 1, 8), (Dense("a", 12), Dense("b", 8)), 2), "single")


def recalls(network, split):
    answered = network(split.x).argmax(1)
    return [(answered[split.y == label] == label).double().mean().item() for label in split.y.unique()]


@settings(max_examples=25)
@given(architectures(), st.lists(st.floats(0, 0.6), max_size=1), st.integers(0, 2**20))
def test_a_scan_by_balanced_accuracy_is_the_mean_of_what_is_right_of_each_class(architecture, shares, seed):
    block = block_after(architecture, "single", shares, seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(120, architecture.inputs, generator=generator)
    rare = torch.multinomial(torch.tensor([0.9, 0.1]), 120, True, generator=generator)
    split = Split(x, rare * (len(block.head_weight) - 1))
    assert accuracy(block, split, "balanced") == pytest.approx(np.mean(recalls(block, split)))
    measured = sparsify.activities(block, split)
    for point in sparsify.scan(block, measured, split, measure="balanced"):
        pruned = block.keep(sparsify.above(measured.free, point.theta))
        assert point.accuracy == pytest.approx(np.mean(recalls(pruned, split)), abs=0.1)


def clouds(count, seed):
    """Two classes, 92 : 8, apart in three of eight pixels."""
    draw = np.random.default_rng(seed)
    label = (np.arange(count) % 25 < 2).astype(np.int64)
    x = draw.random((count, 8))
    x[:, :3] += label[:, None]
    return Split(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(label))


@pytest.fixture(scope="module")
def task():
    return Task(1, clouds(500, 0), clouds(200, 1), clouds(500, 2))


@pytest.mark.parametrize("gradual", [None, Gradual(8, 0.5, 0.08, "shared")], ids=["after", "gradual"])
def test_the_margin_rule_by_balanced_accuracy_does_not_prune_a_rare_class_away(task, gradual):
    grid = [replace(SETTINGS, gradual=gradual, measure=measure) for measure in ("accuracy", "balanced")]
    with computing(1):
        candidates = clnp.fit_candidates(clnp.candidate_jobs(NETWORK, task, grid, seed=0))
    kept = []
    for candidate in candidates:
        choice = clnp.choose_candidate([candidate], NETWORK, task.validation, MARGIN)
        pruned = candidate.network.keep(sparsify.above(candidate.activities.free, choice.point.theta))
        kept.append(recalls(pruned, task.test))
    by_accuracy, balanced = kept
    assert by_accuracy == [1, 0], "92 % of the images are of one class, and the margin is 8 points"
    assert min(balanced) > 0.8


def test_a_training_by_balanced_accuracy_tells_it_of_every_epoch_and_of_the_network_it_leaves(task):
    with computing(1):
        jobs = clnp.candidate_jobs(NETWORK, task, [replace(SETTINGS, epochs=3, measure="balanced")], seed=0)
        (candidate,) = clnp.fit_candidates(jobs)
    assert candidate.curve.accuracy == pytest.approx(np.mean(recalls(candidate.network, task.validation)))
    assert candidate.curve.accuracy == pytest.approx(candidate.curve.points[0].accuracy)


def test_the_standard_error_of_a_mean_over_classes_is_that_of_the_rare_ones():
    given = Gradual(1, 0.1, 0.0, "shared")

    def error(sizes, measure):
        labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        return 0.9 - GradualPruner(given, labels, measure).floor(0.9)

    assert error([50, 50], "balanced") == pytest.approx(error([50, 50], "accuracy"))
    assert error([90, 10], "balanced") == pytest.approx(error([18, 18], "accuracy"))
