"""What consolidating methods share: the penalty, and what is important kept from task to task."""

from dataclasses import replace

import pytest
import torch

from clnp_core.methods.consolidation import Penalty, as_memory, combined, from_memory
from clnp_core.networks.architectures import Architecture, Conv, Dense
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.subnetwork import trainable

CONVOLUTIONS = Architecture("c", (1, 6, 6), (Conv("conv", 3, 3, batch_norm=True), Dense("dense", 5)), 4, (4, 2, 3))
DENSE = Architecture("d", (5,), (Dense("1", 6), Dense("2", 4)), 3)


def drawn(like, seed):
    generator = torch.Generator().manual_seed(seed)
    return like.each(lambda tensor: torch.rand(tensor.shape, generator=generator))


@pytest.mark.parametrize("head", ["single", "multi"])
def test_the_penalty_has_the_gradient_of_its_formula(head):
    start = trainable(reinitialise_free(initial(DENSE, head), 0))
    importance, anchor = drawn(start, 1), drawn(start, 2)
    weights = [tensor[None].clone().requires_grad_() for tensor in start.parameters()]
    penalty = Penalty(3.0, importance, anchor)
    stays = [torch.ones_like(tensor) for tensor in weights]
    with torch.no_grad():
        penalty.add_to(stays, weights, {})
    terms = zip(importance.parameters(), weights, anchor.parameters(), strict=True)
    loss = 3 * sum((each * (weight[0] - was) ** 2).sum() for each, weight, was in terms)
    for gradient, expected in zip(stays, torch.autograd.grad(loss, weights), strict=True):
        torch.testing.assert_close(gradient - 1, expected)


@pytest.mark.parametrize("head", ["single", "multi"])
def test_what_is_kept_comes_back_but_for_a_head_of_its_own(head):
    """Of a single head each task has the outputs of its classes: those that it does not have are not touched."""
    network = reinitialise_free(initial(CONVOLUTIONS, head), 0)
    first = drawn(trainable(network), 1)
    kept = replace(network, tasks=1, memory=as_memory("importance", first, network))
    if head == "multi":
        kept = reinitialise_free(kept, 0)
    second = from_memory("importance", kept, trainable(kept))  # of 2 classes
    assert second.head_weight.shape[0] == 2
    for one, other in zip(first.layers, second.layers, strict=True):
        assert torch.equal(one.weight, other.weight)
        assert torch.equal(one.bias, other.bias)
        assert one.norm is None or torch.equal(one.norm.scale, other.norm.scale)
    assert torch.equal(second.head_weight, first.head_weight[:2] * (head == "single"))
    if head == "single":
        changed = combined(torch.zeros_like, second)
        kept = replace(kept, tasks=2, memory=as_memory("importance", changed, kept))
        third = from_memory("importance", kept, trainable(kept))  # of 3 classes
        assert not third.head_weight[:2].any()
        assert torch.equal(third.head_weight[2], first.head_weight[2])
