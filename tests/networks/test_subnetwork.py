"""Narrow networks answer as the full-width one does, and what is committed never changes again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.networks import partition
from clnp_core.networks.fingerprint import take
from clnp_core.networks.network import digest, from_tensors, initial, reinitialise_free, to_tensors, with_fresh_head
from clnp_core.networks.partition import WeightClass
from clnp_core.networks.subnetwork import commit, task_network, trainable

from .networks import architectures_of, heads, images, learn, learned, networks, scramble, seeds, shares


def assert_close(one, other):
    """Equal to 1e-5 of the largest logit: rounding, in another order."""
    assert (one - other).abs().max() <= 1e-5 * max(1e-30, float(other.abs().max()))


@given(networks, heads, shares, seeds)
@settings(max_examples=60, deadline=None)
def test_earlier_tasks_answer_the_same_to_the_bit(architecture, head, shares, seed):
    x = images(architecture)
    history = learned(architecture, head, shares, seed)
    for task, then in enumerate(history, start=1):
        expected = take(then, task, x).fingerprint
        for later in history[task:]:
            assert take(later, task, x).fingerprint == expected
            assert torch.equal(task_network(later, task)(x), task_network(then, task)(x))


@given(networks, heads, shares, seeds)
@settings(max_examples=60, deadline=None)
def test_the_narrow_network_answers_as_the_full_width_one(architecture, head, shares, seed):
    x = images(architecture)
    network = learned(architecture, head, shares, seed)[-1]
    for task in range(1, len(shares) + 1):
        assert_close(task_network(network, task)(x), network.logits(task, x))


@given(networks, heads, shares, seeds)
@settings(max_examples=60, deadline=None)
def test_interference_and_severed_weights_are_exactly_zero(architecture, head, shares, seed):
    network = learned(architecture, head, shares, seed)[-1]
    sources = [architecture.weight_shapes[0][1], *network.owners]
    for layer, target, source in zip(network.layers, network.owners, sources, strict=False):
        classes = partition.weight_classes(target, source)
        cut = (classes == WeightClass.INTERFERENCE) | (classes == WeightClass.SEVERED)
        assert not layer.weight.numpy()[cut].any()
    if head == "multi":
        for task, weight in enumerate(network.head_weights, start=1):
            classes = partition.multi_head_classes(network.owners[-1], task, architecture.outputs_of(task))
            assert not weight.numpy()[(classes != WeightClass.ACTIVE)].any()


@given(networks, heads, shares, seeds)
@settings(max_examples=60, deadline=None)
def test_learning_changes_free_weights_alone(architecture, head, shares, seed):
    before = learned(architecture, head, shares, seed)[-1]
    after, _, _ = learn(before, seed + 99, 0.5)
    sources = [architecture.weight_shapes[0][1], *before.owners]
    for old, new, target, source in zip(before.layers, after.layers, before.owners, sources, strict=False):
        frozen = partition.weight_classes(target, source) != WeightClass.FREE
        assert np.array_equal(old.weight.numpy()[frozen], new.weight.numpy()[frozen])
    for old, new in zip(before.owners, after.owners, strict=True):
        assert np.array_equal(old[old > 0], new[old > 0])
        assert set(new[old == 0]) <= {0, after.tasks}


@given(networks, heads, st.lists(st.floats(0, 0.8), min_size=0, max_size=2), seeds)
@settings(max_examples=60, deadline=None)
def test_pruning_the_block_is_what_committing_keeps(architecture, head, shares, seed):
    """The scan prunes the trainable block, the run commits to the full width: the same network."""
    network = initial(architecture, head)
    for number, share in enumerate(shares):
        network, _, _ = learn(network, seed + number, share)
    after, block, kept = learn(network, seed + 50, 0.5)
    x = images(architecture)
    assert_close(block.keep(kept)(x), after.logits(after.tasks, x))


@given(networks, heads, shares, seeds)
@settings(max_examples=30, deadline=None)
def test_a_network_is_its_tensors(architecture, head, shares, seed):
    network = learned(architecture, head, shares, seed)[-1]
    tensors, described = to_tensors(network)
    again = from_tensors(tensors, json.loads(json.dumps(described)))
    assert again.architecture == architecture
    assert digest(again) == digest(network)


def test_free_weights_are_drawn_anew_and_frozen_ones_kept():
    architecture = architectures_of(6, 5)
    network = learned(architecture, "single", [0.5], seed=3)[-1]
    one, two = reinitialise_free(network, 1), reinitialise_free(network, 2)
    again = reinitialise_free(network, 1)
    for place, owner in enumerate(network.owners):
        claimed, free = partition.active(owner), partition.inactive(owner)
        before, first, second, third = (each.layers[place].weight for each in (network, one, two, again))
        assert torch.equal(first[claimed], before[claimed])
        assert not torch.equal(first[free], second[free])
        assert first[free].abs().max() <= 1 / np.sqrt(architecture.fan_in[place])
        assert torch.equal(third, first)


def test_a_fresh_head_is_all_that_is_drawn_for_the_next_task():
    single, multi = (learned(architectures_of(6, 5), head, [0.5], seed=3)[-1] for head in ("single", "multi"))
    assert digest(with_fresh_head(single, 1)) == digest(single)
    one, two = with_fresh_head(multi, 1), with_fresh_head(multi, 2)
    assert len(one.head_weights) == len(one.head_biases) == 2
    assert not torch.equal(one.head_weights[1], two.head_weights[1])
    before = {"head_weights": multi.head_weights, "head_biases": multi.head_biases}
    assert digest(replace(one, **before)) == digest(multi)


@pytest.mark.parametrize("head", ["single", "multi"])
def test_below_a_full_layer_nothing_is_trained(head):
    network = learned(architectures_of(6, 3, 5), head, [0.4], seed=0)[-1]
    network.owners[1][:] = 1
    block = trainable(reinitialise_free(network, 5))
    assert [len(free) for free in block.free] == [0, 0, partition.free_count(network.owners[2])]


def test_a_full_layer_is_no_obstacle_to_another_head():
    architecture = architectures_of(3, 3)
    network = learned(architecture, "multi", [1.0], seed=0)[-1]
    assert [partition.free_count(owner) for owner in network.owners] == [0, 0]
    block = trainable(reinitialise_free(network, 5))
    assert [tuple(layer.weight.shape) for layer in block.layers] == [(0, 4), (0, 3)]
    assert block.head_weight.shape == (3, 3)
    scramble(block, 5)
    after = commit(network, block, [np.zeros(0, bool)] * 2)
    assert after.tasks == 2
    x = images(architecture)
    assert torch.equal(network.logits(1, x), after.logits(1, x))
