"""Architectures: the layers of networks as data, without weights. Imports no torch.

A neuron is a unit of a dense layer or a channel of a convolution. Tasks claim neurons, and each neuron has an owner.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from clnp_core.errors import SpecError
from clnp_core.tasks.own import MAX_SIZE, MAX_VALUES

# A layer of fewer multiplications for one image than this is computed faster on one thread than on two.
_SINGLE_THREAD_PRODUCTS = 1_000_000
_MOST_NEURONS = 100_000
_MOST_WEIGHTS = 2**30

_STRICT = ConfigDict(extra="forbid")
_Count = Annotated[int, Field(ge=1, le=_MOST_NEURONS)]
_Size = Annotated[int, Field(ge=1, le=1024)]
_Side = Annotated[int, Field(ge=1, le=MAX_SIZE)]
_Padding = Annotated[int, Field(ge=0, le=1024)]
_Name = Annotated[str, Field(min_length=1, max_length=60)]
_Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


@dataclass(frozen=True)
class Pool:
    """What makes a convolution's maps smaller, after its ReLU. Sizes in pixels."""

    kind: Literal["max", "average"]
    kernel: _Size
    stride: _Size
    padding: _Padding = 0

    __pydantic_config__ = _STRICT


@dataclass(frozen=True)
class Dense:
    """A fully connected hidden layer.

    Attributes
    ----------
    name : str
    width : int
        Neurons.
    batch_norm : bool
        Whether each neuron is normalised before its ReLU; the layer's biases are then the normalisation's shifts.
    dropout : float
        Share of its activations that training drops.
    """

    name: _Name
    width: _Count
    batch_norm: bool = False
    dropout: _Share = 0.0
    kind: Literal["dense"] = "dense"

    __pydantic_config__ = _STRICT


@dataclass(frozen=True)
class Conv:
    """A convolution with square kernels as a hidden layer; its channels are its neurons.

    Attributes
    ----------
    name : str
    width : int
        Channels.
    kernel, stride, padding : int
        In pixels; zeros are padded.
    batch_norm : bool
        As `Dense`.
    pool : Pool or None
        After the ReLU.
    dropout : float
        Share of the activations, after pooling, that training drops.
    """

    name: _Name
    width: _Count
    kernel: _Size
    stride: _Size = 1
    padding: _Padding = 0
    batch_norm: bool = False
    pool: Pool | None = None
    dropout: _Share = 0.0
    kind: Literal["conv"] = "conv"

    __pydantic_config__ = _STRICT


Layer = Annotated[Dense | Conv, Field(discriminator="kind")]


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network: input, hidden layers, each followed by ReLU, and one output layer per head.

    Attributes
    ----------
    name : str
    input_shape : tuple of int
        (channels, height, width) of one image.
    hidden : tuple of Dense and Conv
        From the input upwards; no convolution after a dense layer.
    outputs : int
        Classes of one head; of the largest if they differ.
    task_outputs : tuple of int
        Classes of task 1, 2, ..., if they differ; see `outputs_of`.

    Raises
    ------
    SpecError
        If the layers do not follow upon each other, naming the first that does not.
    """

    name: _Name
    input_shape: tuple[_Side, _Side, _Side]
    hidden: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=100)]
    outputs: _Count
    task_outputs: Annotated[tuple[_Count, ...], Field(max_length=1000, exclude_if=operator.not_)] = ()

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if self.task_outputs and max(self.task_outputs) != self.outputs:
            raise SpecError(f"network: outputs are {self.outputs}, task_outputs at most {max(self.task_outputs)}.")
        names = [layer.name for layer in self.hidden]
        if twice := [name for name in names if names.count(name) > 1]:
            raise SpecError(f"network: {len(twice)} layers are called {twice[0]!r}; give each a name of its own.")
        if self.inputs > MAX_VALUES:
            raise SpecError(f"network: {self.name} takes images of more than {MAX_VALUES:,} values; make them smaller.")
        maps: tuple[int, ...] = self.input_shape[1:]
        for number, layer in enumerate(self.hidden):
            if layer.kind == "dense":
                maps = ()
                continue
            if number and self.hidden[number - 1].kind == "dense":
                raise SpecError(f"network: {layer.name} is a convolution after a dense layer; put it before.")
            pool = layer.pool
            if pool and 2 * pool.padding > pool.kernel:
                raise SpecError(
                    f"network: {layer.name} pools {pool.kernel} pixels with a padding of {pool.padding}; "
                    f"give at most {pool.kernel // 2}."
                )
            parts: list[Conv | Pool] = [layer, pool] if pool else [layer]
            for part in parts:
                if min(maps) + 2 * part.padding < part.kernel:
                    raise SpecError(
                        f"network: {layer.name} takes {part.kernel} pixels at once where only "
                        f"{min(maps) + 2 * part.padding} are left; give a smaller kernel, or stride before it."
                    )
                maps = _slid(maps, part)
        if sum(map(math.prod, self.weight_shapes)) > _MOST_WEIGHTS:
            raise SpecError(f"network: {self.name} has more than {_MOST_WEIGHTS:,} weights; make it narrower.")

    @property
    def inputs(self) -> int:
        """Number of input values of one image."""
        return math.prod(self.input_shape)

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return tuple(layer.width for layer in self.hidden)

    @cached_property
    def maps(self) -> tuple[tuple[int, ...], ...]:
        """(height, width) of each hidden layer's activations; () where it is dense."""
        return self._sizes[0]

    @cached_property
    def passed_maps(self) -> tuple[tuple[int, ...], ...]:
        """As `maps`, after pooling: what the layer above reads."""
        return self._sizes[1]

    @cached_property
    def _sizes(self) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
        below: tuple[int, ...] = self.input_shape[1:]
        maps, passed = [], []
        for layer in self.hidden:
            maps.append(() if layer.kind == "dense" else _slid(below, layer))
            below = _slid(maps[-1], layer.pool) if layer.kind == "conv" and layer.pool else maps[-1]
            passed.append(below)
        return tuple(maps), tuple(passed)

    @cached_property
    def weight_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of the weights of each hidden layer and, last, of a head: [neurons, neurons below, ...].

        A convolution has [width, below, kernel, kernel], a dense layer above dense ones [width, below]. Above a
        convolution it has [width, below, pixels]: each channel below owns its block of columns of the flattened maps.
        """
        channels, *_ = self.input_shape
        shapes: list[tuple[int, ...]] = []
        below: tuple[int, ...] = (self.inputs,)
        for layer, passed in zip((*self.hidden, None), (*self.passed_maps, ()), strict=True):
            if layer and layer.kind == "conv":
                count = self.hidden[len(shapes) - 1].width if shapes else channels
                shapes.append((layer.width, count, layer.kernel, layer.kernel))
            else:
                shapes.append((layer.width if layer else self.outputs, *below))
            below = (layer.width, math.prod(passed)) if layer and passed else (shapes[-1][0],)
        return tuple(shapes)

    @property
    def fan_in(self) -> tuple[int, ...]:
        """Weights into one neuron of each hidden layer and, last, into one output."""
        return tuple(math.prod(shape[1:]) for shape in self.weight_shapes)

    @property
    def products(self) -> tuple[int, ...]:
        """Multiplications of each hidden layer and, last, of a head, for one image."""
        pixels = (*map(math.prod, self.maps), 1)
        return tuple(math.prod(shape) * count for shape, count in zip(self.weight_shapes, pixels, strict=True))

    def parameters(self, tasks: int = 1) -> int:
        """Count weights, biases and what BatchNorm learns, with an output layer for each of so many tasks."""
        *hidden, head = self.fan_in
        below = sum(
            layer.width * (fan_in + 1 + layer.batch_norm) for layer, fan_in in zip(self.hidden, hidden, strict=True)
        )
        return below + sum(self.outputs_of(task) * (head + 1) for task in range(1, tasks + 1))

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing but dense layers with ReLU."""
        return all(layer.kind == "dense" and not layer.batch_norm and not layer.dropout for layer in self.hidden)

    @property
    def threads(self) -> int:
        """Threads a training step of this network is computed with.

        Chosen by size and not by machine: the number of threads decides the order in which a product is summed,
        so a result must not depend on how many cores happened to be there.
        """
        return 1 if max(self.products) < _SINGLE_THREAD_PRODUCTS else 2

    def outputs_of(self, task: int) -> int:
        """Classes of a task, 1 for the first: outputs of its own head, or the first outputs of the shared one."""
        return self.task_outputs[task - 1] if self.task_outputs else self.outputs

    def with_outputs(self, outputs: int, task_outputs: tuple[int, ...] = ()) -> Architecture:
        """The same network with that many classes a head, or so many for task 1, 2, ..."""
        same = (outputs, task_outputs) == (self.outputs, self.task_outputs)
        return self if same else replace(self, outputs=outputs, task_outputs=task_outputs)

    def widened(self, neurons: tuple[int, ...]) -> Architecture:
        """The same network with that many more neurons in each hidden layer."""
        wider = [replace(layer, width=layer.width + n) for layer, n in zip(self.hidden, neurons, strict=True)]
        return replace(self, hidden=tuple(wider))


def layered(
    name: str,
    input_shape: tuple[int, int, int],
    outputs: int,
    widths: Sequence[int] = (),
    channels: Sequence[int] = (),
) -> Architecture:
    """Build a network from its widths alone: convolutions, then dense layers.

    Parameters
    ----------
    name : str
    input_shape : tuple of int
        (channels, height, width) of one image.
    outputs : int
        Classes.
    widths : sequence of int
        Neurons of each dense layer.
    channels : sequence of int
        Channels of each convolution. They take 3x3 pixels, padded, and halve the height and width by max pooling.

    Raises
    ------
    SpecError
        If there is no layer, or an image is too small for so many convolutions.

    Examples
    --------
    >>> layered("small", (1, 28, 28), 10, widths=[100], channels=[8, 16]).parameters()
    80798
    """
    if not widths and not channels:
        raise SpecError(f"network: {name} has no hidden layer; give widths, such as 400, or channels.")
    most = min(input_shape[1:]).bit_length() - 1
    if len(channels) > most:
        raise SpecError(
            f"network: {len(channels)} convolutions are too many for images of {input_shape[1]}x{input_shape[2]}, "
            f"because each halves them; give at most {most}."
        )
    pool = Pool("max", kernel=2, stride=2)
    convolutions = [Conv(f"conv {n}", width, kernel=3, padding=1, pool=pool) for n, width in enumerate(channels, 1)]
    dense = [Dense(f"dense {n}" if channels else f"layer {n}", width) for n, width in enumerate(widths, 1)]
    return Architecture(name, input_shape, (*convolutions, *dense), outputs)


_ADAPTER = TypeAdapter(Architecture)


def architecture_data(architecture: Architecture) -> dict[str, Any]:
    """As plain data, ready for `json.dumps`."""
    data: dict[str, Any] = _ADAPTER.dump_python(architecture, mode="json")
    return data


def as_architecture(data: dict[str, Any]) -> Architecture:
    """What `architecture_data` made plain.

    Raises
    ------
    pydantic.ValidationError, SpecError
        If it is no architecture.
    """
    return _ADAPTER.validate_python(data)


def _slid(maps: tuple[int, ...], over: Conv | Pool) -> tuple[int, ...]:
    """(height, width) after a kernel has been slid over maps of that size."""
    return tuple((size + 2 * over.padding - over.kernel) // over.stride + 1 for size in maps)


def _zenke_cnn() -> tuple[Dense | Conv, ...]:
    pool = Pool("max", kernel=2, stride=2)
    return (
        Conv("conv 1", 32, kernel=3, padding=1),
        Conv("conv 2", 32, kernel=3, pool=pool, dropout=0.25),
        Conv("conv 3", 64, kernel=3, padding=1),
        Conv("conv 4", 64, kernel=3, pool=pool, dropout=0.25),
        Dense("dense 1", 512, dropout=0.5),
    )


def _table2() -> tuple[Dense | Conv, ...]:
    pool = Pool("max", kernel=3, stride=2, padding=1)
    return (
        Conv("conv 1", 32, kernel=3, padding=1),
        Conv("conv 2", 32, kernel=3, padding=1, pool=pool, dropout=0.25),
        Conv("conv 3", 64, kernel=3, padding=1),
        Conv("conv 4", 64, kernel=3, padding=1, pool=pool, dropout=0.25),
        Dense("dense 1", 512, dropout=0.5),
    )


def _table3() -> tuple[Conv, ...]:
    # Its output layer is a 3x3 convolution of conv 5's 5x5 maps and the mean over the 3x3 results. A mean commutes with
    # a sum of products: the same logits come of averaging 3x3 windows first, which leaves 3x3 maps, and multiplying
    # them by the same weights once.
    return (
        Conv("conv 1", 128, kernel=3, padding=1, batch_norm=True),
        Conv("conv 2", 256, kernel=3, stride=2, batch_norm=True),
        Conv("conv 3", 512, kernel=3, batch_norm=True),
        Conv("conv 4", 1024, kernel=3, stride=2, padding=1, batch_norm=True),
        Conv("conv 5", 2048, kernel=3, batch_norm=True, pool=Pool("average", kernel=3, stride=1)),
    )


def _digits_cnn() -> tuple[Dense | Conv, ...]:
    return (
        Conv("conv 1", 24, kernel=3, padding=1),
        Conv("conv 2", 48, kernel=3, padding=1, pool=Pool("max", kernel=2, stride=2)),
        Dense("dense 1", 128),
    )


ARCHITECTURES = {
    network.name: network
    for network in (
        Architecture("digits-mlp", (1, 8, 8), (Dense("layer 1", 400), Dense("layer 2", 400)), 10),
        Architecture("digits-cnn", (1, 8, 8), _digits_cnn(), 2),
        Architecture("mnist-mlp", (1, 28, 28), (Dense("layer 1", 400), Dense("layer 2", 400)), 10),
        # Zenke, Poole, Ganguli 2017; CLNP section 3.1.
        Architecture("zenke-mlp", (1, 28, 28), (Dense("layer 1", 2000), Dense("layer 2", 2000)), 10),
        # Zenke's own network for split CIFAR: the second and fourth convolution unpadded, 2x2 pooling.
        Architecture("zenke-cnn", (3, 32, 32), _zenke_cnn(), 10),
        # As CLNP's Table 2 gives it.
        Architecture("table2-cnn", (3, 32, 32), _table2(), 10),
        # CLNP, Table 3.
        Architecture("table3-cnn", (3, 32, 32), _table3(), 10),
    )
}
"""By name. The outputs of a run's network follow its stream."""
