"""Fingerprints: a broken promise is found out; rounding, and a network that grows, break none."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from clnp_core.arithmetic import TOLERANCE, Kind
from clnp_core.errors import ForgettingError
from clnp_core.networks import fingerprint as fingerprints
from clnp_core.networks import partition
from clnp_core.networks.fingerprint import Taken, carry_over, take
from clnp_core.networks.network import grow

from .networks import architectures_of, heads, images, learn, learned, networks, seeds, shares


def check(network, task, x, expected):
    return fingerprints.check(network, task, x, expected.fingerprint, lambda: expected.logits)


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


@pytest.mark.parametrize("head", ["single", "multi"])
def test_logits_of_a_single_class_can_be_stored(head):
    architecture = architectures_of(6, 5)
    one = architecture.with_outputs(architecture.outputs, (architecture.outputs, 1))
    taken = take(learned(one, head, [0.5, 0.5], seed=1)[-1], 2, images(one))
    assert taken.logits.shape[1] == 1
    assert load(save({"logits": taken.logits}))["logits"].equal(taken.logits)


def test_growth_that_changes_an_answer_is_found_out():
    network = learned(architectures_of(6, 5), "single", [0.9], seed=1)[-1]
    x = images(network.architecture)
    expected, grown = take(network, 1, x), grow(network, (0, 4))
    grown.layers[1].bias[partition.active(grown.owners[1])] *= 1 + 1e3 * TOLERANCE
    with pytest.raises(ForgettingError, match="before the network grew after task 1"):
        carry_over(network, grown, 1, x, expected.fingerprint, lambda: expected.logits)


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
        second.layers[layer].bias[partition.of_task(second.owners[layer], 1)] += 1e-3
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
