"""torch's own networks read as data: what is described is what torch computes, the rest is refused in a sentence."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from clnp_core.errors import SpecError
from clnp_core.networks.architectures import ARCHITECTURES, Architecture, Conv, Dense, Pool
from clnp_core.networks.sequential import from_sequential


def table2() -> nn.Sequential:
    def pooled() -> nn.Sequential:
        return nn.Sequential(nn.MaxPool2d(3, 2, padding=1), nn.Dropout(0.25))

    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 32, 3, padding="same"), nn.ReLU(), pooled()),
        *(nn.Conv2d(32, 64, (3, 3), padding=(1, 1)), nn.ReLU(inplace=True)),
        *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), pooled()),
        *(nn.Flatten(), nn.Linear(64 * 8 * 8, 512), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(512, 10),
    )


def table3(average: nn.Module) -> nn.Sequential:
    def conv(below: int, width: int, stride: int = 1, padding: int = 0) -> nn.Sequential:
        form = nn.Conv2d(below, width, 3, stride, padding, bias=False)
        return nn.Sequential(form, nn.BatchNorm2d(width), nn.ReLU())

    features = nn.Sequential(
        conv(3, 128, padding=1), conv(128, 256, stride=2), conv(256, 512), conv(512, 1024, stride=2, padding=1)
    )
    return nn.Sequential(features, conv(1024, 2048), nn.Conv2d(2048, 10, 3), average, nn.Flatten())


def test_the_networks_of_the_paper():
    assert from_sequential(table2(), (3, 32, 32), "table2-cnn") == ARCHITECTURES["table2-cnn"]
    with torch.device("meta"):
        for average in (nn.AvgPool2d(3), nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((1, 1))):
            assert from_sequential(table3(average), (3, 32, 32), "table3-cnn") == ARCHITECTURES["table3-cnn"]


def test_dense_networks_begin_with_or_without_a_flatten():
    layers = (nn.Linear(64, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU(), nn.Linear(5, 2))
    expected = Architecture("own", (1, 8, 8), (Dense("dense 1", 9, batch_norm=True), Dense("dense 2", 5)), 2)
    assert from_sequential(nn.Sequential(*layers), (1, 8, 8)) == expected
    assert from_sequential(nn.Sequential(nn.Flatten(), *layers), (1, 8, 8)) == expected


def test_dropout_and_flatten_can_change_places_and_maps_be_averaged_whole():
    first = (nn.Conv2d(1, 4, 3, padding="valid"), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    pool = Pool("average", kernel=6, stride=1)
    expected = Architecture("own", (1, 8, 8), (Conv("conv 1", 4, 3, pool=pool, dropout=0.25),), 2)
    for rest in ((nn.Flatten(), nn.Dropout(0.25)), (nn.Dropout(0.25), nn.Flatten())):
        assert from_sequential(nn.Sequential(*first, *rest, nn.Linear(4, 2)), (1, 8, 8)) == expected


def test_averaging_first_gives_the_logits_of_averaging_last():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Conv2d(5, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = from_sequential(module, (2, 7, 7))
    x = torch.randn(4, 2, 7, 7)
    pool = network.hidden[0].pool
    read = F.avg_pool2d(module[:2](x), pool.kernel, pool.stride)  # [batch, channels, 2, 2]
    weights = module[2].weight.reshape(network.weight_shapes[-1])  # [outputs, channels, pixels]
    torch.testing.assert_close(torch.einsum("bcp,ocp->bo", read.flatten(2), weights) + module[2].bias, module(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return x + self.layer(x)


class OwnForward(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


SHARED = nn.Linear(4, 4)


def above_conv(*layers: nn.Module, **changes) -> nn.Sequential:
    """A convolution of 2 channels with maps of 4 x 4, on images of 1 x 6 x 6, and what follows."""
    conv = {"kernel_size": 3} | changes
    return nn.Sequential(nn.Conv2d(1, 2, **conv), *layers)


def ending(*layers: nn.Module) -> nn.Sequential:
    """Refused for its end: the network before is right."""
    return above_conv(nn.ReLU(), *layers)


def within(*layers: nn.Module) -> nn.Sequential:
    """Refused for what stands between the first convolution and a right end."""
    return above_conv(*layers, nn.Flatten(), nn.Linear(32, 2))


def flat(*layers: nn.Module) -> nn.Sequential:
    """Refused for what stands between two right linear layers."""
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 4), *layers, nn.Linear(4, 2))


SKIP = "cannot be partitioned: its forward may do more than pass through one layer after another, add skip connections"
ORDER = "is out of place: after a Conv2d or Linear come BatchNorm, ReLU, pooling and Dropout, in this order"

REFUSED = [
    (Residual(), f"network: Residual {SKIP}"),
    (OwnForward(nn.Linear(36, 4)), f"network: OwnForward {SKIP}"),
    (flat(nn.ReLU(), Residual(), nn.ReLU()), f"layer 3 (Residual) {SKIP}"),
    (flat(nn.Sequential(nn.ReLU(), OwnForward())), f"layer 2.1 (OwnForward) {SKIP}"),
    (flat(nn.ReLU(), SHARED, nn.ReLU(), SHARED, nn.ReLU()), "layer 5 (Linear) is layer 3 once more"),
    (nn.Sequential(), "network: it has neither a Conv2d nor a Linear; give a hidden layer"),
    (nn.Sequential(nn.Linear(36, 2)), "network: it has no hidden layer; give"),
    (nn.Sequential(nn.Dropout(), nn.Linear(36, 4)), "layer 0 (Dropout) stands before the first Conv2d or Linear"),
    # Layers of other kinds
    (within(nn.ConvTranspose2d(2, 2, 3), nn.ReLU()), "layer 1 (ConvTranspose2d) cannot be partitioned: a transposed"),
    (flat(nn.ReLU(), nn.Conv1d(4, 4, 1)), "layer 3 (Conv1d) cannot be partitioned: it does not read the maps"),
    (flat(nn.LayerNorm(4)), "layer 2 (LayerNorm) cannot be partitioned: it normalises neurons together"),
    (within(nn.GroupNorm(1, 2)), "layer 1 (GroupNorm) cannot be partitioned: it normalises neurons together"),
    (within(nn.InstanceNorm2d(2)), "layer 1 (InstanceNorm2d) cannot be partitioned: its statistics are each image's"),
    (flat(nn.Tanh()), "layer 2 (Tanh) cannot be partitioned: inactive neurons are those"),
    (flat(nn.ReLU6()), "layer 2 (ReLU6) cannot be partitioned: inactive neurons are those"),
    (nn.Sequential(flat(nn.ReLU()), nn.Softmax(1)), "layer 1 (Softmax) cannot be partitioned: the loss is computed"),
    (within(nn.ReLU(), nn.Dropout2d()), "layer 2 (Dropout2d) cannot be partitioned: what is known here drops single"),
    # The order within a hidden layer
    (flat(), "layer 1 (Linear) has no ReLU after it; give one"),
    (within(nn.ReLU(), nn.BatchNorm2d(2)), f"layer 2 (BatchNorm2d) {ORDER}"),
    (within(nn.MaxPool2d(2), nn.ReLU()), "layer 1 (MaxPool2d) has no ReLU between it and layer 0 (Conv2d); put one"),
    (within(nn.Dropout(), nn.ReLU()), "layer 1 (Dropout) has no ReLU between it and layer 0 (Conv2d); put one"),
    (within(nn.ReLU(), nn.Dropout(), nn.MaxPool2d(2)), f"layer 3 (MaxPool2d) {ORDER}"),
    (within(nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2)), f"layer 3 (AvgPool2d) {ORDER}"),
    (flat(nn.ReLU(), nn.MaxPool2d(2)), "layer 3 (MaxPool2d) has no maps to pool after layer 1 (Linear); leave it out"),
    # Convolutions
    (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 4, 3, groups=2), nn.ReLU()) + flat(nn.ReLU())[3:],
        "layer 2 (Conv2d) cannot be partitioned: it has groups=2",
    ),
    (above_conv(*within(nn.ReLU())[1:], dilation=2), "layer 0 (Conv2d) has dilation=(2, 2); give dilation=(1, 1)"),
    (above_conv(*within(nn.ReLU())[1:], padding_mode="reflect"), "layer 0 (Conv2d) has padding_mode='reflect'; give"),
    (above_conv(*within(nn.ReLU())[1:], kernel_size=(3, 1)), "layer 0 (Conv2d) has kernel_size=(3, 1); give the same"),
    (above_conv(*within(nn.ReLU())[1:], stride=(1, 2)), "layer 0 (Conv2d) has stride=(1, 2); give the same"),
    (above_conv(*within(nn.ReLU())[1:], padding=(1, 0)), "layer 0 (Conv2d) has padding=(1, 0); give the same"),
    (
        above_conv(*within(nn.ReLU())[1:], kernel_size=2, padding="same"),
        "layer 0 (Conv2d) has padding='same' with kernel_size=2, more on one side",
    ),
    (above_conv(*within(nn.ReLU())[1:], bias=False), "layer 0 (Conv2d) has no bias; leave out bias=False, or give Bat"),
    (above_conv(*within(nn.ReLU())[1:], kernel_size=9), "network: conv 1 takes 9 pixels at once where only 6 are left"),
    # Normalisation, pooling, dropout
    (within(nn.BatchNorm1d(2), nn.ReLU()), "layer 1 (BatchNorm1d) comes after layer 0 (Conv2d); give BatchNorm2d"),
    (within(nn.BatchNorm2d(3), nn.ReLU()), "layer 1 (BatchNorm2d) has num_features=3; give num_features=2"),
    (within(nn.BatchNorm2d(2, affine=False), nn.ReLU()), "layer 1 (BatchNorm2d) has affine=False; give affine=True"),
    (
        within(nn.BatchNorm2d(2, track_running_stats=False), nn.ReLU()),
        "layer 1 (BatchNorm2d) has track_running_stats=False; give track_running_stats=True",
    ),
    (within(nn.BatchNorm2d(2, momentum=None), nn.ReLU()), "layer 1 (BatchNorm2d) has momentum=None; give momentum=0.1"),
    (within(nn.BatchNorm2d(2, eps=1e-3), nn.ReLU()), "layer 1 (BatchNorm2d) has eps=0.001; give eps=1e-05"),
    (within(nn.ReLU(), nn.MaxPool2d((2, 1))), "layer 2 (MaxPool2d) has kernel_size=(2, 1); give the same for height"),
    (within(nn.ReLU(), nn.MaxPool2d(2, dilation=2)), "layer 2 (MaxPool2d) has dilation=2; give dilation=1"),
    (
        within(nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        "layer 2 (MaxPool2d) has ceil_mode=True; give ceil_mode=False",
    ),
    (within(nn.ReLU(), nn.MaxPool2d(2, return_indices=True)), "layer 2 (MaxPool2d) has return_indices=True; give"),
    (within(nn.ReLU(), nn.AvgPool2d(2, padding=1)), "layer 2 (AvgPool2d) averages zeros around the maps (padding=1)"),
    (within(nn.ReLU(), nn.AvgPool2d(2, divisor_override=3)), "layer 2 (AvgPool2d) has divisor_override=3; give"),
    (within(nn.ReLU(), nn.AdaptiveAvgPool2d(2)), "layer 2 (AdaptiveAvgPool2d) has output_size=2; give 1"),
    (within(nn.ReLU(), nn.Dropout(1.0)), "layer 2 (Dropout) drops everything; give p below 1"),
    (within(nn.ReLU(), nn.Flatten(2)), "layer 2 (Flatten) does not flatten the whole of each image; give Flatten()"),
    # Sizes that do not follow upon each other
    (ending(nn.Flatten(), nn.Linear(33, 2)), "layer 3 (Linear) has in_features=33; give in_features=32"),
    (ending(nn.Linear(4, 2)), "layer 2 (Linear) reads flat values, but is given maps; put a Flatten before it"),
    (nn.Sequential(nn.Linear(6, 4), *flat(nn.ReLU())[2:]), "layer 0 (Linear) has in_features=6; give in_features=36"),
    (flat(nn.ReLU(), nn.Linear(5, 4), nn.ReLU()), "layer 3 (Linear) has in_features=5; give in_features=4"),
    (ending(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1)), "layer 2 (Conv2d) has in_channels=3; give in_channels=2"),
    (flat(nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU()), "layer 3 (Conv2d) reads maps, but is given flat values; put it"),
    (ending(nn.Flatten(), nn.Conv2d(2, 2, 1)), "layer 3 (Conv2d) reads maps, but is given flat values; put it before"),
    # The output layer
    (flat(nn.ReLU()) + nn.Sequential(nn.ReLU()), "layer 4 (ReLU) comes after layer 3 (Linear), which is the output"),
    (ending(nn.Conv2d(2, 2, 3), nn.ReLU()), "layer 3 (ReLU) comes after layer 2 (Conv2d), which is the output layer"),
    (ending(nn.Conv2d(2, 2, 3), nn.MaxPool2d(2)), "layer 3 (MaxPool2d) comes after layer 2 (Conv2d), which is the out"),
    (
        ending(nn.Conv2d(2, 2, 3), nn.Flatten(), nn.AvgPool2d(2)),
        "layer 4 (AvgPool2d) comes after layer 2 (Conv2d), which is the output layer",
    ),
    (ending(nn.Conv2d(2, 2, 4), nn.Flatten()), "layer 2 (Conv2d) is the output layer, but its maps are not averaged"),
    (
        ending(nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.AdaptiveAvgPool2d(1)),
        "layer 2 (Conv2d) is the output layer, and has a stride of 2 and a padding of 1; give 1 and 0",
    ),
    (ending(nn.Conv2d(2, 2, 5), nn.AdaptiveAvgPool2d(1)), "layer 2 (Conv2d) takes 5 pixels at once where only 4 are"),
    (ending(nn.Conv2d(2, 2, 2), nn.AvgPool2d(2)), "layer 3 (AvgPool2d) averages 2 x 2 pixels of maps of 3 x 3; give"),
    (
        ending(nn.MaxPool2d(2), nn.Conv2d(2, 2, 1), nn.AdaptiveAvgPool2d(1)),
        "layer 2 (MaxPool2d) stands before layer 3 (Conv2d), an output layer whose maps are averaged; leave it out",
    ),
    (
        ending(nn.Dropout(), nn.Conv2d(2, 2, 1), nn.AdaptiveAvgPool2d(1)),
        "layer 2 (Dropout) stands before layer 3 (Conv2d), an output layer whose maps are averaged; leave it out",
    ),
]


@pytest.mark.parametrize(("module", "sentence"), REFUSED, ids=[sentence[:60] for _, sentence in REFUSED])
def test_what_cannot_be_described_is_refused_in_a_sentence(module, sentence):
    with pytest.raises(SpecError) as error:
        from_sequential(module, (1, 6, 6))
    assert str(error.value).startswith(sentence if sentence.startswith("network: ") else f"network: {sentence}")
    assert str(error.value).endswith(".")


def test_maps_that_are_no_squares_are_averaged_by_squares_alone():
    with pytest.raises(SpecError, match=r"layer 2 \(AdaptiveAvgPool2d\) averages maps of 4 x 3, and only squares"):
        from_sequential(within(nn.ReLU(), nn.AdaptiveAvgPool2d(1)), (1, 6, 5))


@pytest.mark.parametrize("shape", [(36,), 36, None, "1", (1, 6.0, 6), (1, 0, 6)])
def test_images_have_three_dimensions(shape):
    sentence = r"input_shape is .*; give \(channels, height, width\), .* or \(1, 1, features\) for a table"
    with pytest.raises(SpecError, match=sentence):
        from_sequential(flat(nn.ReLU()), shape)


def test_a_network_has_a_name_of_text():
    for name in (None, "", "a" * 61):
        with pytest.raises(SpecError, match=r"network: its name is .*; give a text of 1 to 60 characters"):
            from_sequential(flat(nn.ReLU()), (1, 6, 6), name)


def test_a_row_of_a_table_is_an_image_of_one_line():
    module = nn.Sequential(nn.Linear(200_000, 8), nn.ReLU(), nn.Linear(8, 2))
    assert from_sequential(module, (1, 1, 200_000)).inputs == 200_000


def test_images_have_so_many_values_at_most():
    with pytest.raises(SpecError, match="network: own takes images of more than 1,073,741,824 values"):
        from_sequential(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)), (2000, 2000, 2000))


@st.composite
def modules(draw):
    """Sequential networks of 1 to 3 convolutions, 0 to 2 dense layers and an output layer; and their input's shape."""
    maps = shape = (draw(st.integers(7, 12)), draw(st.integers(7, 12)))
    count = channels = draw(st.integers(1, 3))
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 3))):
        width, kernel = draw(st.integers(1, 4)), draw(st.integers(1, min(3, *maps)))
        sizes = {"stride": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 2))}
        if sizes["stride"] == 1 and kernel % 2:
            sizes["padding"] = draw(st.sampled_from([sizes["padding"], "same", "valid"]))
        layers.append(nn.Conv2d(channels, width, kernel, **sizes))
        layers += [nn.BatchNorm2d(width)] * draw(st.integers(0, 1))
        layers.append(nn.ReLU())
        channels, maps = width, measured(layers, (count, *shape))[1:]
        if min(maps) > 1 and draw(st.booleans()):
            layers.append(draw(st.sampled_from([nn.MaxPool2d(2, padding=1), nn.MaxPool2d(2, 1), nn.AvgPool2d(2)])))
            maps = measured(layers, (count, *shape))[1:]
        layers += [nn.Dropout(0.5)] * draw(st.integers(0, 1))
    if maps[0] == maps[1] and isinstance(layers[-1], nn.ReLU) and draw(st.booleans()):
        layers.append(nn.Conv2d(channels, 3, draw(st.integers(1, maps[0]))))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), (count, *shape)
    layers.append(nn.Flatten())
    below = channels * math.prod(maps)
    for width in draw(st.lists(st.integers(1, 5), max_size=2)):
        layers += [nn.Linear(below, width), *[nn.BatchNorm1d(width)] * draw(st.integers(0, 1)), nn.ReLU()]
        below = width
    return nn.Sequential(*layers, nn.Linear(below, 3)), (count, *shape)


def measured(layers: list[nn.Module], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of what the layers make of an image."""
    return tuple(nn.Sequential(*layers).eval()(torch.zeros(1, *shape)).shape[1:])


@given(modules())
@settings(max_examples=150, deadline=None)
def test_sizes_are_those_that_torch_computes(network):
    module, shape = network
    described = from_sequential(module, shape)
    layers = list(module)
    weights = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Conv2d | nn.Linear)]
    relus = [place for place, layer in enumerate(layers) if isinstance(layer, nn.ReLU)]
    averages = isinstance(layers[weights[-1]], nn.Conv2d)

    for place, stated in zip(weights, described.weight_shapes, strict=True):
        torch_shape = tuple(layers[place].weight.shape)
        is_conv = isinstance(layers[place], nn.Conv2d)
        # Pixels are an axis of their own where torch reads flattened maps, and one axis for torch's two in a head.
        assert (
            stated == torch_shape if is_conv and place != weights[-1] else math.prod(stated) == math.prod(torch_shape)
        )
        assert stated[:1] == torch_shape[:1]

    assert described.maps == tuple(measured(layers[: place + 1], shape)[1:] for place in relus)
    ends = [measured(layers[: place - isinstance(layers[place - 1], nn.Flatten)], shape)[1:] for place in weights[1:]]
    if averages:
        ends[-1] = tuple(layers[weights[-1]].kernel_size)
    assert described.passed_maps == tuple(ends)
    assert described.outputs == 3
    assert [layer.batch_norm for layer in described.hidden] == [
        not isinstance(layers[place - 1], nn.Conv2d | nn.Linear) for place in relus
    ]
