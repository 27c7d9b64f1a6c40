"""Reads the architecture of a user's own nn.Sequential, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from clnp_core.errors import SpecError
from clnp_core.networks.architectures import Architecture, Conv, Dense, Layer, Pool
from clnp_core.networks.layers import EPSILON, MOMENTUM

_ROLES: dict[type[nn.Module], str] = {
    nn.Conv2d: "weights",
    nn.Linear: "weights",
    nn.BatchNorm1d: "norm",
    nn.BatchNorm2d: "norm",
    nn.ReLU: "activation",
    nn.MaxPool2d: "pool",
    nn.AvgPool2d: "pool",
    nn.AdaptiveAvgPool2d: "pool",
    nn.Dropout: "dropout",
    nn.Flatten: "flatten",
}
# Flattening and dropping single values can change places.
_PLACES = {"weights": 0, "norm": 1, "activation": 2, "pool": 3, "dropout": 4, "flatten": 4}

_REASONS: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    (
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
        "a transposed convolution makes maps larger, and only layers that keep or shrink them are known here; "
        "give Conv2d",
    ),
    ((nn.Conv1d, nn.Conv3d), "it does not read the maps of an image; give Conv2d"),
    (
        (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm),
        "it normalises neurons together, so that those of a later task would change what earlier ones answer; "
        "give BatchNorm",
    ),
    (
        (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
        "its statistics are each image's own, but a claimed channel keeps those it was learned with; give BatchNorm",
    ),
    (
        (nn.Softmax, nn.Softmax2d, nn.Softmin, nn.LogSoftmax),
        "the loss is computed from the output layer's own values; leave it out",
    ),
    (
        (
            *(nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.GLU, nn.SiLU, nn.Mish),
            *(nn.Sigmoid, nn.LogSigmoid, nn.Hardsigmoid, nn.Tanh, nn.Hardtanh, nn.Tanhshrink, nn.Hardswish),
            *(nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Threshold),
        ),
        "inactive neurons are those whose activity after a ReLU is next to nothing; give ReLU",
    ),
    (
        (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout),
        "what is known here drops single values, and sets them to zero; give Dropout",
    ),
)
_UNKNOWN = (
    "its forward may do more than pass through one layer after another, add skip connections for instance, which the "
    "partition cannot cut; give an nn.Sequential of Conv2d, Linear, BatchNorm, ReLU, MaxPool2d, AvgPool2d, Dropout and "
    "Flatten"
)


@dataclass(frozen=True)
class _Part:
    """One of torch's layers, and its name in the network."""

    place: str
    module: Any

    @property
    def role(self) -> str:
        return _ROLES[type(self.module)]

    @property
    def words(self) -> str:
        return f"layer {self.place} ({type(self.module).__name__})"

    def refused(self, because: str) -> SpecError:
        return SpecError(f"network: {self.words} {because}.")


def from_sequential(module: nn.Module, input_shape: tuple[int, int, int], name: str = "own") -> Architecture:
    """Describe a torch network as data.

    Only the structure is read: the weights are not, every run draws its own. The hidden layers come to be called
    'conv 1', 'conv 2', 'dense 1' and so on. Whether the output layer has a bias is left to the kind of head.

    Parameters
    ----------
    module : nn.Sequential
        It may hold further ones. Each hidden layer is a Conv2d (square, padded with zeros, neither dilated nor grouped)
        or a Linear, then BatchNorm (of torch's default momentum and eps) or not, ReLU, after a convolution MaxPool2d,
        AvgPool2d (both square) or AdaptiveAvgPool2d(1) or none, and Dropout or not. A Flatten stands before the first
        Linear. The output layer is a Linear, or a Conv2d (stride 1, no padding) and AvgPool2d or AdaptiveAvgPool2d
        over the whole of its maps.
    input_shape : tuple of int
        (channels, height, width) of one image; (1, 1, features) of a row of a table.
    name : str

    Returns
    -------
    Architecture

    Raises
    ------
    SpecError
        If there is anything else in it, or sizes do not follow upon each other. It names the layer as printing the
        module does ('layer 3', 'layer features.3').
    """
    if not isinstance(name, str) or not 1 <= len(name) <= 60:
        raise SpecError(f"network: its name is {name!r}; give a text of 1 to 60 characters.")
    sizes = tuple(input_shape) if isinstance(input_shape, Iterable) else ()
    if len(sizes) != 3 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise SpecError(
            f"network: input_shape is {input_shape!r}; give (channels, height, width), for instance (1, 28, 28), or "
            f"(1, 1, features) for a table."
        )
    start, *hidden, output = _blocks(list(_parts(module)))
    if not hidden:
        raise SpecError("network: it has no hidden layer; give a Conv2d or Linear and a ReLU before the output layer.")
    channels, height, width = sizes
    below = Architecture(name, (channels, height, width), (), 1)
    flat = bool(start)
    for block in hidden:
        roles = _roles(block)
        below = _above(below, _hidden(below, flat, roles))
        flat = flat or "flatten" in roles
    _check_sizes(below, flat, output[0])
    if isinstance(output[0].module, nn.Conv2d):
        return _with_averaged_output(below, roles, output)
    _check_end(output, output[1:])
    return below.with_outputs(output[0].module.out_features)


def _parts(module: nn.Module) -> Iterator[_Part]:
    """The layers in order, nested ones too, each of a known kind and with weights of its own."""
    if not _is_sequential(module):
        raise SpecError(f"network: {type(module).__name__} cannot be partitioned: {_UNKNOWN}.")
    first_places: dict[int, str] = {}
    for place, child in module.named_modules(remove_duplicate=False):
        if _is_sequential(child):
            continue
        part = _Part(place, child)
        if type(child) not in _ROLES:
            reasons = (reason for types, reason in _REASONS if isinstance(child, types))
            raise part.refused(f"cannot be partitioned: {next(reasons, _UNKNOWN)}")
        first = first_places.setdefault(id(child), place)
        if part.role in ("weights", "norm") and first != place:
            raise part.refused(f"is layer {first} once more, but layers here do not share weights; give it its own")
        yield part


def _is_sequential(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _blocks(parts: list[_Part]) -> list[list[_Part]]:
    """What stands before the first layer with weights; then each of these, with what follows up to the next."""
    blocks: list[list[_Part]] = [[]]
    for part in parts:
        if part.role == "weights":
            blocks.append([])
        elif part.role == "flatten" and (part.module.start_dim, part.module.end_dim) != (1, -1):
            raise part.refused("does not flatten the whole of each image; give Flatten()")
        elif part.role != "flatten" and len(blocks) == 1:
            raise part.refused("stands before the first Conv2d or Linear; begin with one of these, or with Flatten")
        blocks[-1].append(part)
    if len(blocks) == 1:
        raise SpecError("network: it has neither a Conv2d nor a Linear; give a hidden layer and an output layer.")
    return blocks


def _roles(block: list[_Part]) -> dict[str, _Part]:
    """The parts of a hidden layer by what they do, if they come in the right order."""
    roles: dict[str, _Part] = {}
    for part in block:
        if part.role in roles or any(_PLACES[part.role] < _PLACES[role] for role in roles):
            raise part.refused(
                "is out of place: after a Conv2d or Linear come BatchNorm, ReLU, pooling and Dropout, in this order, "
                "each once at most"
            )
        if _PLACES[part.role] > _PLACES["activation"] and "activation" not in roles:
            raise part.refused(f"has no ReLU between it and {block[0].words}; put one there")
        roles[part.role] = part
    if "activation" not in roles:
        raise block[0].refused("has no ReLU after it; give one after every layer with weights but the last")
    return roles


def _hidden(below: Architecture, flat: bool, roles: dict[str, _Part]) -> Layer:
    """The next hidden layer above those that are there."""
    weights, norm, pool = roles["weights"], roles.get("norm"), roles.get("pool")
    _check_sizes(below, flat, weights)
    if norm:
        _check_norm(norm, weights)
    elif weights.module.bias is None:
        raise weights.refused("has no bias; leave out bias=False, or give BatchNorm after it")
    dropout = roles["dropout"].module.p if "dropout" in roles else 0.0
    if dropout == 1:
        raise roles["dropout"].refused("drops everything; give p below 1")
    kind = "conv" if isinstance(weights.module, nn.Conv2d) else "dense"
    name = f"{kind} {1 + sum(layer.kind == kind for layer in below.hidden)}"
    if kind == "conv":
        kernel, stride, padding = _sliding(weights)
        layer = Conv(name, weights.module.out_channels, kernel, stride, padding, norm is not None, dropout=dropout)
        return replace(layer, pool=_pool(pool, _above(below, layer).maps[-1])) if pool else layer
    if pool:
        raise pool.refused(f"has no maps to pool after {weights.words}; leave it out")
    return Dense(name, weights.module.out_features, norm is not None, dropout)


def _with_averaged_output(below: Architecture, last: dict[str, _Part], block: list[_Part]) -> Architecture:
    """The whole network, if its output layer is a convolution whose maps are averaged.

    `last` is the last hidden layer's parts, `block` the output layer's.
    """
    output, *after = block
    if not after or not isinstance(after[0].module, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
        _check_end(block, after)
        raise output.refused("is the output layer, but its maps are not averaged; give AdaptiveAvgPool2d(1) after it")
    average, *rest = after
    _check_end(block, rest)
    kernel, stride, padding = _sliding(output)
    if (stride, padding) != (1, 0):
        raise output.refused(
            f"is the output layer, and has a stride of {stride} and a padding of {padding}; give 1 and 0"
        )
    # Pooled twice, or dropped as means of windows instead of single values: that is another network.
    for role in ("pool", "dropout"):
        if role in last:
            raise last[role].refused(
                f"stands before {output.words}, an output layer whose maps are averaged; leave it out, or end with a "
                "Flatten and a Linear"
            )
    below_maps = below.passed_maps[-1]
    maps = tuple(size - kernel + 1 for size in below_maps)
    if min(maps) < 1:
        raise output.refused(f"takes {kernel} pixels at once where only {min(below_maps)} are left; give fewer")
    window = _pool(average, maps).kernel
    if maps != (window, window):
        raise average.refused(
            f"averages {window} x {window} pixels of maps of {_by(maps)}; give AdaptiveAvgPool2d(1), which takes all"
        )
    # A mean commutes with a sum of products: the same logits come of averaging windows as large as the convolution's
    # maps first, which leaves maps as large as its kernel, and multiplying them by the same weights once.
    *others, conv = below.hidden
    assert isinstance(conv, Conv)  # it has maps
    averaged = replace(conv, pool=Pool("average", window, stride=1))
    return replace(below, hidden=(*others, averaged), outputs=output.module.out_channels)


def _above(below: Architecture, layer: Layer) -> Architecture:
    return replace(below, hidden=(*below.hidden, layer))


def _check_sizes(below: Architecture, flat: bool, weights: _Part) -> None:
    """Whether a layer with weights reads what it is given."""
    last = below.hidden[-1] if below.hidden else None
    maps = below.passed_maps[-1] if last else below.input_shape[1:]
    channels = last.width if last else below.input_shape[0]
    if isinstance(weights.module, nn.Conv2d):
        if flat or not maps:
            raise weights.refused("reads maps, but is given flat values; put it before every Flatten and Linear")
        _check_equal(weights, "in_channels", channels)
    else:
        # Images come flat to a network that begins with a dense layer, with and without a Flatten.
        if last and maps and not flat:
            raise weights.refused("reads flat values, but is given maps; put a Flatten before it")
        _check_equal(weights, "in_features", channels * math.prod(maps))


def _check_norm(norm: _Part, weights: _Part) -> None:
    of_maps = isinstance(weights.module, nn.Conv2d)
    wanted = nn.BatchNorm2d if of_maps else nn.BatchNorm1d
    if not isinstance(norm.module, wanted):
        raise norm.refused(f"comes after {weights.words}; give {wanted.__name__}")
    _check_equal(norm, "num_features", weights.module.out_channels if of_maps else weights.module.out_features)
    for attribute, value in (
        ("affine", True),
        ("track_running_stats", True),
        ("momentum", MOMENTUM),
        ("eps", EPSILON),
    ):
        _check_equal(norm, attribute, value)


def _check_end(block: list[_Part], after: list[_Part]) -> None:
    for part in after:
        if part.role != "flatten":
            raise part.refused(
                f"comes after {block[0].words}, which is the output layer, as none with weights follows; "
                "end with a Linear"
            )


def _check_equal(part: _Part, attribute: str, wanted: object) -> None:
    given = getattr(part.module, attribute)
    if given != wanted:
        raise part.refused(f"has {attribute}={given!r}; give {attribute}={wanted!r}")


def _sliding(part: _Part) -> tuple[int, int, int]:
    """(kernel, stride, padding) of a convolution."""
    if part.module.groups != 1:
        raise part.refused(
            f"cannot be partitioned: it has groups={part.module.groups}, and a new channel is to read every channel "
            "below, not only those of its group; give groups=1"
        )
    _check_equal(part, "dilation", (1, 1))
    _check_equal(part, "padding_mode", "zeros")
    kernel, stride = _square(part, "kernel_size"), _square(part, "stride")
    if part.module.padding == "valid":
        return kernel, stride, 0
    if part.module.padding == "same":
        if kernel % 2 == 0:
            raise part.refused(
                f"has padding='same' with kernel_size={kernel}, more on one side than on the other; "
                "give an odd kernel_size, or a number for padding"
            )
        return kernel, stride, kernel // 2
    return kernel, stride, _square(part, "padding")


def _pool(part: _Part, maps: tuple[int, ...]) -> Pool:
    """Pooling of maps of that (height, width)."""
    if isinstance(part.module, nn.AdaptiveAvgPool2d):
        if part.module.output_size not in (1, (1, 1)):
            raise part.refused(f"has output_size={part.module.output_size!r}; give 1, or AvgPool2d instead")
        if maps[0] != maps[1]:
            raise part.refused(
                f"averages maps of {_by(maps)}, and only squares are pooled here; give a square AvgPool2d"
            )
        return Pool("average", kernel=maps[0], stride=1)
    _check_equal(part, "ceil_mode", False)
    is_max = isinstance(part.module, nn.MaxPool2d)
    if is_max:
        _check_equal(part, "return_indices", False)
        if part.module.dilation not in (1, (1, 1)):
            raise part.refused(f"has dilation={part.module.dilation!r}; give dilation=1")
    else:
        _check_equal(part, "divisor_override", None)
    padding = _square(part, "padding")
    if padding and not is_max:
        raise part.refused(f"averages zeros around the maps (padding={padding}); give padding=0")
    return Pool("max" if is_max else "average", _square(part, "kernel_size"), _square(part, "stride"), padding)


def _square(part: _Part, attribute: str) -> int:
    """A size given as a number, or as a pair of the same one."""
    given = getattr(part.module, attribute)
    sizes = {given} if isinstance(given, int) else set(given)
    if len(sizes) != 1:
        raise part.refused(f"has {attribute}={given!r}; give the same for height and width")
    return sizes.pop()


def _by(maps: tuple[int, ...]) -> str:
    return " x ".join(map(str, maps))
