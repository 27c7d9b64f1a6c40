"""A θ for each layer: frees at least what the shared θ frees, layer by layer, and stays within the margin."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.methods import sparsify
from clnp_core.methods.graceful import highest_within
from clnp_core.methods.training import accuracy
from clnp_core.networks.architectures import Architecture, Dense
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.subnetwork import trainable
from clnp_core.tasks.streams import Split
from tests.networks.networks import OUTPUTS, architectures, convolutional, scramble

TWO = Architecture("two", (1, 8, 8), (Dense("one", 30), Dense("two", 30)), 10)


@given(st.one_of(architectures(), convolutional()), st.floats(0, 0.5), st.integers(0, 2**20), st.data())
@settings(max_examples=40, deadline=None)
def test_no_layer_keeps_more_than_at_the_shared_threshold(architecture, margin, seed, data):
    block = trainable(reinitialise_free(initial(architecture, "multi"), seed))
    scramble(block, seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(60, architecture.inputs, generator=generator)
    split = Split(x, torch.randint(OUTPUTS, (60,), generator=generator))
    measured = sparsify.activities(block, split)
    points = sparsify.scan(block, measured, split)
    floor = accuracy(block, split) - margin
    shared, room = highest_within(points, floor), architecture.widths
    weights = data.draw(st.none() | st.lists(st.floats(0, 9), min_size=len(room), max_size=len(room)))
    best = sparsify.sparsest_within(block, measured, split, floor, shared, room, weights)
    assert all(one <= other for one, other in zip(best.claimed, shared.claimed, strict=True))
    if shared.accuracy >= floor:
        assert best.accuracy >= floor
        pruned = block.keep(sparsify.above(measured.free, best.theta))
        assert abs(accuracy(pruned, split) - best.accuracy) <= 1.5 / 60
    else:
        assert best == shared


def test_the_layer_worth_the_most_is_raised_first():
    """Of two layers that could each give something, but not both, the heavier one does."""
    freed = []
    for weights in ([9.0, 1.0], [1.0, 9.0]):
        total = [0, 0]
        for seed in range(8):
            block, split, measured, shared, room = _two_layers(seed)
            floor = shared.accuracy - 0.02
            best = sparsify.sparsest_within(block, measured, split, floor, shared, room, weights)
            total = [one + width - kept for one, width, kept in zip(total, room, best.claimed, strict=True)]
        freed.append(total)
    assert freed[0][0] > freed[1][0]
    assert freed[0][1] < freed[1][1]


def _two_layers(seed):
    block = trainable(reinitialise_free(initial(TWO, "multi"), seed))
    scramble(block, seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(200, 64, generator=generator)
    with torch.no_grad():
        split = Split(x, block(x).argmax(1))
    measured = sparsify.activities(block, split)
    shared, *_ = sparsify.scan(block, measured, split)
    return block, split, measured, shared, (30, 30)
