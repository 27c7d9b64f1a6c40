"""Narrow networks answer as the full-width one does, and what is committed never changes again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.arithmetic import TOLERANCE, Kind
from clnp_core.errors import ForgettingError
from clnp_core.networks import fingerprint as fingerprints
from clnp_core.networks import partition
from clnp_core.networks.fingerprint import Taken, carry_over, take
from clnp_core.networks.network import digest, from_tensors, grow, initial, reinitialise_free, to_tensors
from clnp_core.networks.partition import WeightClass
from clnp_core.networks.subnetwork import commit, task_network, trainable

from .networks import architectures, convolutional, learn, learned, scramble

networks = st.one_of(architectures(), convolutional())
heads = st.sampled_from(["single", "multi"])
shares = st.lists(st.floats(0, 1), min_size=1, max_size=4)
seeds = st.integers(0, 2**20)


def images(architecture, seed=0, count=16):
    return torch.rand(count, architecture.inputs, generator=torch.Generator().manual_seed(seed))


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
    for weight, target, source in zip(network.weights, network.owners, sources, strict=False):
        classes = partition.weight_classes(target, source)
        cut = (classes == WeightClass.INTERFERENCE) | (classes == WeightClass.SEVERED)
        assert not weight.numpy()[cut].any()
    if head == "multi":
        for task, weight in enumerate(network.head_weights, start=1):
            classes = partition.multi_head_classes(network.owners[-1], task, architecture.outputs)
            assert not weight.numpy()[(classes != WeightClass.ACTIVE)].any()


@given(networks, heads, shares, seeds)
@settings(max_examples=60, deadline=None)
def test_learning_changes_free_weights_alone(architecture, head, shares, seed):
    before = learned(architecture, head, shares, seed)[-1]
    after, _, _ = learn(before, seed + 99, 0.5)
    sources = [architecture.weight_shapes[0][1], *before.owners]
    for old, new, target, source in zip(before.weights, after.weights, before.owners, sources, strict=False):
        frozen = partition.weight_classes(target, source) != WeightClass.FREE
        assert np.array_equal(old.numpy()[frozen], new.numpy()[frozen])
    for old, new in zip(before.owners, after.owners, strict=True):
        assert np.array_equal(old[old > 0], new[old > 0])
        assert set(new[old == 0]) <= {0, after.tasks}


def check(network, task, x, expected):
    return fingerprints.check(network, task, x, expected.fingerprint, lambda: expected.logits)


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


@given(networks, heads, shares, seeds, st.data())
@settings(max_examples=60, deadline=None)
def test_growing_changes_no_earlier_answer(architecture, head, shares, seed, data):
    x = images(architecture)
    network = learned(architecture, head, shares, seed)[-1]
    neurons = tuple(data.draw(st.integers(0, 20)) for _ in architecture.hidden)
    grown = grow(network, neurons)
    assert grown.architecture.widths == tuple(map(sum, zip(architecture.widths, neurons, strict=True)))
    taken = {}
    for task in range(1, len(shares) + 1):
        expected = take(network, task, x)
        taken[task] = carry_over(network, grown, task, x, expected.fingerprint, lambda taken=expected: taken.logits)
        assert taken[task].fingerprint.compact == expected.fingerprint.compact
        if not any(neurons):
            assert taken[task].fingerprint == expected.fingerprint
    after, _, _ = learn(grown, seed + 9, 0.5)
    for task, expected in taken.items():
        assert check(after, task, x, expected).fingerprint == expected.fingerprint


def test_growth_that_changes_an_answer_is_found_out():
    network = learned(architectures_of(6, 5), "single", [0.9], seed=1)[-1]
    x = images(network.architecture)
    expected, grown = take(network, 1, x), grow(network, (0, 4))
    grown.biases[1][partition.active(grown.owners[1])] *= 1 + 1e3 * TOLERANCE
    with pytest.raises(ForgettingError, match="before the network grew after task 1"):
        carry_over(network, grown, 1, x, expected.fingerprint, lambda: expected.logits)


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
    for layer, owner in enumerate(network.owners):
        claimed, free = partition.active(owner), partition.inactive(owner)
        assert torch.equal(one.weights[layer][claimed], network.weights[layer][claimed])
        assert not torch.equal(one.weights[layer][free], two.weights[layer][free])
        assert one.weights[layer][free].abs().max() <= 1 / np.sqrt(architecture.fan_in[layer])
        assert torch.equal(reinitialise_free(network, 1).weights[layer], one.weights[layer])


def architectures_of(*widths):
    from clnp_core.networks.architectures import Architecture, Dense

    return Architecture("given", (1, 1, 4), tuple(Dense(f"layer {n + 1}", w) for n, w in enumerate(widths)), 3)


@pytest.mark.parametrize(("layer", "named"), [(0, "layer 1"), (1, "layer 2"), (2, "the output layer")])
def test_a_broken_promise_names_the_task_and_the_first_layer_that_differs(layer, named):
    architecture = architectures_of(6, 5)
    first, second = learned(architecture, "single", [0.9, 0.9], seed=1)
    x = images(architecture)
    expected = take(first, 1, x)
    check(second, 1, x, expected)
    if layer == 2:
        second.head_weights[0][:, partition.of_task(second.owners[-1], 1)] += 1e-3
    else:
        second.biases[layer][partition.of_task(second.owners[layer], 1)] += 1e-3
    with pytest.raises(ForgettingError, match=f"Task 1 .* after task 2, {named} is the first"):
        check(second, 1, x, expected)


ELSEWHERE = Kind("Another Processor", "AVX512", "2.13.0", "0" * 16)


def taken_elsewhere(taken, by):
    """As if another kind of processor had computed it, whose logits are off by that share."""
    logits = taken.logits * (1 + by)
    digests = {"logits": fingerprints.logits_digest(logits), "compact": "0" * 64}
    return Taken(replace(taken.fingerprint, kind=ELSEWHERE, **digests), logits)


def test_another_kind_of_processor_is_not_forgetting():
    network = learned(architectures_of(6, 5), "single", [0.9, 0.9], seed=1)[-1]
    x = images(network.architecture)
    here = take(network, 1, x)
    # The same bits there: nothing was taken anew, whatever computed them.
    same = Taken(replace(here.fingerprint, kind=ELSEWHERE), here.logits)
    assert check(network, 1, x, same).fingerprint == same.fingerprint
    # Other bits, by rounding: from now on those of here are expected.
    assert check(network, 1, x, taken_elsewhere(here, 3e-6)).fingerprint == here.fingerprint
    grown = grow(network, (3, 4))
    rounded = taken_elsewhere(here, 3e-6)
    carried = carry_over(network, grown, 1, x, rounded.fingerprint, lambda: rounded.logits)
    assert carried.fingerprint == take(grown, 1, x).fingerprint
    with pytest.raises(ForgettingError, match=r"than on Another Processor .* by more than rounding") as error:
        check(network, 1, x, taken_elsewhere(here, 1e-3))
    assert "no longer" not in str(error.value)


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
    assert [tuple(weight.shape) for weight in block.weights] == [(0, 4), (0, 3)]
    assert block.head_weight.shape == (3, 3)
    scramble(block, 5)
    after = commit(network, block, [np.zeros(0, bool)] * 2)
    assert after.tasks == 2
    x = images(architecture)
    assert torch.equal(network.logits(1, x), after.logits(1, x))
