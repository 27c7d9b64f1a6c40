"""Converts a task's narrow network to plain torch layers, or to a file that can be read without this project.

A file takes the images as their data set has them: the task's order of pixels and their scale are part of it. Where
tasks rotate the images it takes them rotated. Nothing is pickled: it is ONNX, or safetensors with the layers as JSON in
its header.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from clnp_core.arithmetic import owned
from clnp_core.errors import ExportError, SpecError
from clnp_core.files import ending
from clnp_core.networks.architectures import Architecture
from clnp_core.networks.layers import EPSILON, Norm
from clnp_core.networks.network import Network
from clnp_core.networks.pixels import PIXEL_TYPES, Pixels, PixelType, RawPixels
from clnp_core.networks.subnetwork import task_network

FORMATS = (".onnx", ".safetensors")
"""Endings of the files that a network can be written as."""

_HEADER = "clnp"  # under this name the header of a safetensors file says what network it is
_MOST_VALUES = 2**28  # of one layer, for one image: a file may ask for no more
_MOST_ONNX_BYTES = 2**31 - 2**24  # what its format can hold, less room for the graph

# Torch and ONNX know no layer without neurons, and a product by a single row takes another way, with other roundings
# (see `Layer.activations`): then there are neurons beside them that are always 0.
_FEWEST = {"dense": 2, "conv": 1}

_Count = Annotated[int, Field(ge=1, le=2**30)]
_Size = Annotated[int, Field(ge=1, le=1024)]
_Padding = Annotated[int, Field(ge=0, le=1024)]

About = Mapping[str, str | int | float]
"""What a file says of its network."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _RawPixels(_Strict):
    kind: Literal["pixels"] = "pixels"
    type: PixelType
    white: Annotated[int, Field(ge=1, le=2**16)]
    shape: Annotated[list[_Count], Field(min_length=1, max_length=3)]
    permuted: bool

    def build(self) -> nn.Module:
        return RawPixels(PIXEL_TYPES[self.type], self.white, self.shape, self.permuted)


class _Linear(_Strict):
    kind: Literal["linear"] = "linear"
    inputs: _Count
    outputs: _Count
    bias: bool

    def build(self) -> nn.Module:
        return nn.Linear(self.inputs, self.outputs, self.bias)


class _Conv(_Strict):
    kind: Literal["conv"] = "conv"
    inputs: _Count
    outputs: _Count
    kernel: _Size
    stride: _Size
    padding: _Padding
    bias: bool

    def build(self) -> nn.Module:
        return nn.Conv2d(self.inputs, self.outputs, self.kernel, self.stride, self.padding, bias=self.bias)


class _BatchNorm(_Strict):
    kind: Literal["batch norm"] = "batch norm"
    neurons: _Count
    of_maps: bool

    def build(self) -> nn.Module:
        return (nn.BatchNorm2d if self.of_maps else nn.BatchNorm1d)(self.neurons, EPSILON)


_PoolKind = Literal["max pool", "average pool"]


class _Pool(_Strict):
    kind: _PoolKind
    kernel: _Size
    stride: _Size
    padding: _Padding

    def build(self) -> nn.Module:
        pool = nn.MaxPool2d if self.kind == "max pool" else nn.AvgPool2d
        return pool(self.kernel, self.stride, self.padding)


class _Plain(_Strict):
    kind: Literal["relu", "flatten"]

    def build(self) -> nn.Module:
        return nn.ReLU() if self.kind == "relu" else nn.Flatten()


_Layer = Annotated[_RawPixels | _Linear | _Conv | _BatchNorm | _Pool | _Plain, Field(discriminator="kind")]


class _Described(_Strict):
    """What the header of a safetensors file says of the network in it."""

    format: Literal[1] = 1
    image_shape: Annotated[list[_Count], Field(min_length=1, max_length=3)]
    layers: Annotated[list[_Layer], Field(min_length=1, max_length=1000)]
    about: dict[str, str | int | float] = Field(default_factory=dict)


def to_module(network: Network, task: int) -> nn.Sequential:
    """The narrow network of a learned task as plain torch layers: what `task_network` cuts out, and nothing else.

    Parameters
    ----------
    network : Network
        Of a method that partitions.
    task : int
        One that it has learned.

    Returns
    -------
    nn.Sequential
        Images [batch, *image_shape(architecture)], float32, scaled as the task's own, → logits [batch, outputs]. It is
        in eval mode and asks for no gradients. Its logits are those of `task_network`, but for the last bits where a
        layer has next to no neurons.
    """
    layers, tensors = _taken_apart(network, task)
    return _built(_on_meta(layers), tensors)


def image_shape(architecture: Architecture) -> tuple[int, ...]:
    """Shape of one image as `to_module` takes it: (inputs,), or (channels, height, width) for a convolution."""
    return architecture.input_shape if architecture.hidden[0].kind == "conv" else (architecture.inputs,)


def check_format(path: Path) -> str:
    """See that a network can be written under that name, and return its format as `content` takes it.

    Raises
    ------
    SpecError
        If its ending is of no format there is.
    """
    suffix = ending(path, ".onnx")
    if suffix not in FORMATS:
        raise SpecError(f"{path} is no name for a network; give one that ends in {' or '.join(FORMATS)}.")
    return suffix


def content(network: Network, task: int, suffix: str, pixels: Pixels, about: About) -> bytes:
    """The narrow network of a learned task as a file.

    Parameters
    ----------
    network, task
        As `to_module`.
    suffix : {".onnx", ".safetensors"}
        An ONNX file takes `images` [batch, channels, height, width] and gives `logits` [batch, outputs], for any batch.
        A safetensors file is for `load_module`; its tensors have the names of the module's `state_dict`.
    pixels : Pixels
        What the images are.
    about : mapping
        What to say of it in the file: the run, the task and so on.

    Raises
    ------
    ExportError
        If it is too large for ONNX.
    """
    order = {} if pixels.order is None else {"order": torch.from_numpy(pixels.order)}
    first = _RawPixels(
        type=pixels.type, white=pixels.white, shape=list(image_shape(network.architecture)), permuted=bool(order)
    )
    layers, tensors = _taken_apart(network, task, first, **order)
    shape = pixels.shape
    if suffix == ".safetensors":
        described = _Described(image_shape=list(shape), layers=layers, about=dict(about))
        return safetensors.torch.save(tensors, {_HEADER: described.model_dump_json()})
    return _onnx(_built(_on_meta(layers), tensors), torch.zeros(2, *shape, dtype=PIXEL_TYPES[pixels.type]), about)


def load_module(path: Path) -> nn.Sequential:
    """The network in a safetensors file that `content` made. Anyone may have written the file.

    Returns
    -------
    nn.Sequential
        `RawPixels`, then the layers that `to_module` gave; a file of an earlier version has these alone.

    Raises
    ------
    ExportError
        If the file is not there, damaged, or holds anything but such a network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = _Described.model_validate_json((file.metadata() or {})[_HEADER])
            names = list(file.keys())
            if len(names) > 6 * len(described.layers):
                raise ValueError("it has more tensors than its layers need")
            # Copies: a product's last bit may depend on where in a file's buffer a tensor starts.
            tensors = {name: owned(file.get_tensor(name)) for name in names}
    except KeyError:
        raise _refused(path, "it does not say which layers it has") from None
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise _refused(path, f"{place or 'its header'}: {problem['msg']}") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise _refused(path, str(error)) from None
    # Nothing of the size that the file claims is allocated before it is seen to be there.
    module = _on_meta(described.layers)
    _check_follow(path, module, tuple(described.image_shape))
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in module.state_dict().items()}
    if {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()} != expected:
        raise _refused(path, "its tensors are not those of its layers")
    for name, order in tensors.items():
        if name.endswith(".order") and not torch.equal(order.sort().values, torch.arange(len(order))):
            raise _refused(path, "its order of pixels is none")
    return _built(module, tensors)


def _refused(path: Path, reason: str) -> ExportError:
    return ExportError(f"{path} is not a network that clnp export wrote: {reason}.")


def _check_follow(path: Path, module: nn.Sequential, shape: tuple[int, ...]) -> None:
    """See that layers follow upon each other, from an image of that shape on, and that none is out of bounds."""
    x = torch.empty(2, *shape, dtype=getattr(module[0], "dtype", None), device="meta")
    for number, layer in enumerate(module, start=1):
        try:
            x = layer(x)
        except (RuntimeError, ValueError, IndexError, TypeError):
            raise _refused(path, f"layer {number} does not fit the one before it") from None
        if x.numel() > 2 * _MOST_VALUES:
            raise _refused(path, f"layer {number} has more than {_MOST_VALUES:,} values for one image")
    if x.ndim != 2:
        raise _refused(path, "its last layer gives maps where there should be logits")


def _taken_apart(
    network: Network, task: int, first: _RawPixels | None = None, **given: Tensor
) -> tuple[list[_Layer], dict[str, Tensor]]:
    """Layers of the narrow network, and their tensors by the names that an nn.Sequential has for them.

    Another layer may come first, with its tensors.
    """
    narrow, architecture = task_network(network, task), network.architecture
    layers: list[_Layer] = []
    tensors: dict[str, Tensor] = {}

    def add(layer: _Layer, **named: Tensor) -> None:
        # Copies: that of a single head may be a view of all of it.
        tensors.update({f"{len(layers)}.{name}": tensor.clone() for name, tensor in named.items()})
        layers.append(layer)

    if first:
        add(first, **given)

    def add_linear(weight: Tensor, bias: Tensor | None) -> None:
        weight = weight.flatten(1)
        outputs, inputs = weight.shape
        add(_Linear(inputs=inputs, outputs=outputs, bias=bias is not None), weight=weight, **_present(bias=bias))

    are_maps = architecture.hidden[0].kind == "conv"
    below = 0  # neurons there are to read, those that are always 0 among them
    for form, layer in zip(architecture.hidden, narrow.layers, strict=True):
        width = max(_FEWEST[form.kind], layer.width)
        layer = layer.each(partial(_padded, rows=width, columns=below))
        weight, bias, norm = layer.weight, layer.bias, layer.norm
        below = width
        own = bias if norm is None else None
        if form.kind == "conv":
            outputs, inputs, *_ = weight.shape
            conv = _Conv(
                inputs=inputs,
                outputs=outputs,
                kernel=form.kernel,
                stride=form.stride,
                padding=form.padding,
                bias=own is not None,
            )
            add(conv, weight=weight, **_present(bias=own))
        else:
            if are_maps:
                add(_Plain(kind="flatten"))
                are_maps = False
            add_linear(weight, own)
        if norm is not None:
            add(_BatchNorm(neurons=len(bias), of_maps=are_maps), **_normalising(norm, bias))
        add(_Plain(kind="relu"))
        if form.kind == "conv" and (pool := form.pool):
            kind: _PoolKind = "max pool" if pool.kind == "max" else "average pool"
            add(_Pool(kind=kind, kernel=pool.kernel, stride=pool.stride, padding=pool.padding))
    if are_maps:
        add(_Plain(kind="flatten"))
    add_linear(_padded(narrow.head_weight, 0, below), narrow.head_bias)
    return layers, tensors


def _padded(tensor: Tensor, rows: int, columns: int = 0) -> Tensor:
    """With at least so many rows and columns; those that are new hold 0."""
    least = (rows, columns)[: tensor.ndim]
    shape = [max(pair) for pair in zip(tensor.shape, least, strict=False)] + list(tensor.shape[len(least) :])
    padded = tensor.new_zeros(shape)
    padded[tuple(map(slice, tensor.shape))] = tensor
    return padded


def _normalising(norm: Norm, bias: Tensor) -> dict[str, Tensor]:
    return {
        "weight": norm.scale,
        "bias": bias,
        "running_mean": norm.mean,
        "running_var": norm.variance,
        "num_batches_tracked": torch.tensor(0),
    }


def _present(**tensors: Tensor | None) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def _on_meta(layers: list[_Layer]) -> nn.Sequential:
    """The layers without their numbers."""
    with torch.device("meta"):
        return nn.Sequential(*(layer.build() for layer in layers)).eval().requires_grad_(False)


def _built(module: nn.Sequential, tensors: dict[str, Tensor]) -> nn.Sequential:
    module.load_state_dict(tensors, assign=True)
    # As `layers.as_input` has it, where one channel makes no difference: otherwise sums are taken in another order.
    first = next(layer for layer in module if not isinstance(layer, RawPixels))
    is_deep = isinstance(first, nn.Conv2d) and first.in_channels > 1
    # torch does not declare this form of `to`.
    return module.to(memory_format=torch.channels_last) if is_deep else module  # type: ignore[call-overload]


def _onnx(module: nn.Sequential, images: Tensor, about: About) -> bytes:
    size = sum(tensor.nbytes for tensor in module.state_dict().values())
    if size > _MOST_ONNX_BYTES:
        raise ExportError(f"A network of {size:,} bytes is too large for one ONNX file; give a name with .safetensors.")
    import onnx

    with warnings.catch_warnings(action="ignore"):  # what torch has to say to its own developers
        # The opset is the one that torch recommends: a newer one would only shut out older runtimes.
        program = torch.onnx.export(
            module,
            (images,),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None  # a file was not asked for
    model = program.model_proto
    onnx.helper.set_model_props(model, {name: str(value) for name, value in about.items()})
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
