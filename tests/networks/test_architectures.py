"""Networks built from their widths, and the parameters that they have."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.errors import SpecError
from clnp_core.networks.architectures import Architecture, layered
from clnp_core.networks.network import initial, reinitialise_free
from tests.networks.networks import architectures, convolutional


@settings(max_examples=30)
@given(st.one_of(architectures(), convolutional()))
def test_parameters_are_all_that_a_network_learns(architecture: Architecture):
    for heads in (0, 1):
        network = reinitialise_free(initial(architecture, "multi" if heads else "single"), 0)
        norms = [layer.norm.scale for layer in network.layers if layer.norm]
        tensors = [tensor for layer in network.layers for tensor in (layer.weight, layer.bias)]
        tensors += [*norms, *network.head_weights, *network.head_biases]
        assert architecture.parameters(heads) == sum(tensor.numel() for tensor in tensors)


def test_convolutions_halve_images_until_nothing_is_left():
    network = layered("small", (3, 13, 9), 4, widths=[20, 10], channels=[8, 16, 32])
    assert [layer.name for layer in network.hidden] == ["conv 1", "conv 2", "conv 3", "dense 1", "dense 2"]
    assert network.passed_maps[:3] == ((6, 4), (3, 2), (1, 1))
    with pytest.raises(SpecError, match=r"4 convolutions are too many for images of 13x9, .*; give at most 3"):
        layered("small", (3, 13, 9), 4, channels=[8] * 4)
    with pytest.raises(SpecError, match="small has no hidden layer; give widths"):
        layered("small", (3, 13, 9), 4)
