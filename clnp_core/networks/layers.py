"""What a hidden layer computes, whichever of its neurons are there: ReLU(W x + b), normalised or not, then pooling.

Activations of a dense layer are [batch, neurons], those of a convolution [batch, channels, height, width].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clnp_core import arithmetic
from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.networks.architectures import Architecture

if TYPE_CHECKING:
    from torch import Tensor

MOMENTUM = 0.1
"""Weight of a batch in BatchNorm's running statistics."""

EPSILON = 1e-5
"""What BatchNorm adds to a variance."""


@dataclass(frozen=True)
class Norm:
    """BatchNorm of a layer's neurons; its shifts are the layer's biases.

    Attributes
    ----------
    scale, mean, variance : tensors [n]
        What training learns, and the running statistics.
    """

    scale: Tensor
    mean: Tensor
    variance: Tensor

    def each(self, change: Callable[..., Tensor], *others: Norm) -> Norm:
        """Every tensor changed in the same way, given those of other normalisations beside it."""
        names = ("scale", "mean", "variance")
        return Norm(*(change(*(getattr(norm, name) for norm in (self, *others))) for name in names))


@dataclass(frozen=True)
class Layer:
    """Some neurons of a hidden layer, with the weights from those neurons below that they read.

    Attributes
    ----------
    weight : tensor [n, k, ...]
        Of n neurons that read k; see `Architecture.weight_shapes`.
    bias : tensor [n]
    norm : Norm [n] or None
        None where the layer is not normalised.
    """

    weight: Tensor
    bias: Tensor
    norm: Norm | None

    @property
    def width(self) -> int:
        """How many neurons there are."""
        return len(self.bias)

    def each(self, change: Callable[..., Tensor], *others: Layer) -> Layer:
        """Every tensor changed in the same way, given those of other layers beside it."""
        return Layer(
            change(self.weight, *(other.weight for other in others)),
            change(self.bias, *(other.bias for other in others)),
            self.norm and self.norm.each(change, *(other.norm for other in others if other.norm)),
        )

    def rows(self, places: Tensor | slice) -> Layer:
        """Some of the neurons."""
        return self.each(lambda tensor: tensor[places])

    def columns(self, places: Tensor | slice) -> Layer:
        """The same neurons, reading only some of those below."""
        return Layer(self.weight[:, places], self.bias, self.norm)

    def activations(self, architecture: Architecture, place: int, x: Tensor, training: bool = False) -> Tensor:
        """What the neurons compute, before pooling.

        Parameters
        ----------
        architecture : Architecture
        place : int
            Which hidden layer it is, 0 for the first.
        x : tensor
            What the layer below passes on of the k neurons that these read.
        training : bool
            Whether to normalise with the batch's own statistics, and take them into the running ones in place.

        Returns
        -------
        tensor [batch, n] or [batch, n, height, width]
        """
        form, maps = architecture.hidden[place], architecture.maps[place]
        weight, bias, norm = self.weight, self.bias, self.norm
        if not len(weight):
            return x.new_zeros(*(x.shape[:-1] if weight.ndim == 2 else x.shape[:1]), 0, *maps)
        own = bias if norm is None else None
        if maps and not weight.numel():  # a convolution refuses to read nothing
            out = x.new_zeros(len(x), len(weight), *maps)
            out = out if own is None else out + own[:, None, None]
        elif form.kind == "conv":
            out = F.conv2d(x, weight, own, form.stride, form.padding)
        else:
            out = linear(x, weight, own)
        if norm is not None:
            out = F.batch_norm(out, norm.mean, norm.variance, norm.scale, bias, training, MOMENTUM, EPSILON)
        return out.relu_()


def fresh_norm(neurons: int) -> Norm:
    """BatchNorm that has seen nothing."""
    return Norm(torch.ones(neurons), torch.zeros(neurons), torch.ones(neurons))


def forward_pass(
    architecture: Architecture, layers: Sequence[Layer], x: Tensor, frozen: Sequence[Tensor] = ()
) -> Iterator[tuple[Tensor, Tensor]]:
    """Activations layer by layer: before pooling, and as the layer above reads them.

    Parameters
    ----------
    architecture : Architecture
    layers : sequence of Layer
        The first hidden layers of a network, or all of them.
    x : tensor [batch, inputs]
    frozen : sequence of tensors
        What other neurons of these layers pass on, to be read before them; see `joined`.
    """
    x = as_input(architecture, x)
    for place, layer in enumerate(layers):
        activation = layer.activations(architecture, place, x)
        x = joined(frozen, place, passed_on(architecture, place, activation))
        yield activation, x


def as_input(architecture: Architecture, x: Tensor) -> Tensor:
    """Images as the first layer reads them: x [batch, inputs] → itself, or [batch, channels, height, width]."""
    if architecture.hidden[0].kind == "dense":
        return x
    # Convolutions on a processor are faster where a pixel's channels lie side by side (`benchmarks.convolutions`).
    maps: Tensor = x.unflatten(-1, architecture.input_shape)
    return maps.contiguous(memory_format=torch.channels_last)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A dense layer, or a head: x [..., k] or maps [batch, k, height, width], weight [n, k] or [n, k, pixels]."""
    if weight.ndim == 3:
        x, weight = x.flatten(1), weight.flatten(1)
    return arithmetic.linear(x, weight, bias)


def passed_on(architecture: Architecture, place: int, activation: Tensor) -> Tensor:
    """What the layer above reads of some neurons' activations: themselves, or pooled."""
    form = architecture.hidden[place]
    pool = form.pool if form.kind == "conv" else None
    if pool is None:
        return activation
    if not activation.shape[1]:  # pooling refuses to be empty
        return activation.new_zeros(len(activation), 0, *architecture.passed_maps[place])
    if pool.kind == "max":
        return F.max_pool2d(activation, pool.kernel, pool.stride, pool.padding)
    return F.avg_pool2d(activation, pool.kernel, pool.stride, pool.padding)


def joined(frozen: Sequence[Tensor], place: int, trained: Tensor) -> Tensor:
    """What the layer above reads: of the active neurons, if it reads any, then of the free ones.

    `frozen[place]`, of shape [..., A_l], and trained, [..., F_l] → [..., A_l + F_l]; of maps, along the channels.
    """
    channels = -3 if trained.ndim == 4 else -1
    read = place < len(frozen) and frozen[place].shape[channels]
    return torch.cat((frozen[place], trained), dim=channels) if read else trained


def dropped_out(x: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """x with each number 0 at that rate, and the others grown so that the mean stays.

    What is dropped comes from a generator of the training's own: torch's global one is shared by all that a process
    trains at the same time.
    """
    kept = torch.empty_like(x).bernoulli_(1 - rate, generator=generator)
    return x * kept.div_(1 - rate)


def spatial_mean(activation: Tensor) -> Tensor:
    """Of each neuron and sample one number: [batch, n] as it is, [batch, n, height, width] → [batch, n]."""
    return activation if activation.ndim == 2 else activation.flatten(2).mean(2)
