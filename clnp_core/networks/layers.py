"""What a hidden layer computes, whichever of its neurons are there: ReLU(W x + b), normalised or not, then pooling.

Activations of a dense layer are [batch, neurons], those of a convolution [batch, channels, height, width].
"""

from __future__ import annotations

from collections.abc import Callable
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


def fresh_norm(neurons: int) -> Norm:
    """BatchNorm that has seen nothing."""
    return Norm(torch.ones(neurons), torch.zeros(neurons), torch.ones(neurons))


def as_input(architecture: Architecture, x: Tensor) -> Tensor:
    """Images as the first layer reads them: x [batch, inputs] → itself, or [batch, channels, height, width]."""
    if architecture.hidden[0].kind == "dense":
        return x
    # Convolutions on a processor are faster where a pixel's channels lie side by side (`benchmarks.convolutions`).
    return x.unflatten(-1, architecture.input_shape).contiguous(memory_format=torch.channels_last)


def activate(
    architecture: Architecture,
    layer: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    norm: Norm | None,
    training: bool = False,
) -> Tensor:
    """Activations of some neurons of a hidden layer, before pooling.

    Parameters
    ----------
    architecture : Architecture
    layer : int
        Its place, 0 for the first.
    x : tensor
        What the layer below passes on of the k neurons that these read.
    weight, bias : tensors [n, k, ...], [n]
    norm : Norm or None
    training : bool
        Whether to normalise with the batch's own statistics, and take them into the running ones in place.

    Returns
    -------
    tensor [batch, n] or [batch, n, height, width]
    """
    form, maps = architecture.hidden[layer], architecture.maps[layer]
    if not len(weight):
        return x.new_zeros(*(x.shape[:-1] if weight.ndim == 2 else x.shape[:1]), 0, *maps)
    own = bias if norm is None else None
    if maps and not weight.numel():  # a convolution refuses to read nothing
        out = x.new_zeros(len(x), len(weight), *maps)
        out = out if own is None else out + own[:, None, None]
    elif maps:
        out = F.conv2d(x, weight, own, form.stride, form.padding)
    else:
        out = linear(x, weight, own)
    if norm is not None:
        out = F.batch_norm(out, norm.mean, norm.variance, norm.scale, bias, training, MOMENTUM, EPSILON)
    return out.relu_()


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A dense layer, or a head: x [..., k] or maps [batch, k, height, width], weight [n, k] or [n, k, pixels]."""
    if weight.ndim == 3:
        x, weight = x.flatten(1), weight.flatten(1)
    return arithmetic.linear(x, weight, bias)


def passed_on(architecture: Architecture, layer: int, activation: Tensor) -> Tensor:
    """What the layer above reads of some neurons' activations: themselves, or pooled."""
    form = architecture.hidden[layer]
    pool = form.pool if form.kind == "conv" else None
    if pool is None:
        return activation
    if not activation.shape[1]:  # pooling refuses to be empty
        return activation.new_zeros(len(activation), 0, *architecture.passed_maps[layer])
    if pool.kind == "max":
        return F.max_pool2d(activation, pool.kernel, pool.stride, pool.padding)
    return F.avg_pool2d(activation, pool.kernel, pool.stride, pool.padding)


def joined(frozen: list[Tensor], layer: int, trained: Tensor) -> Tensor:
    """What the layer above reads: of the active neurons, if it reads any, then of the free ones.

    frozen[layer] [..., A_l] and trained [..., F_l] → [..., A_l + F_l]; of maps, along the channels.
    """
    channels = -3 if trained.ndim == 4 else -1
    read = layer < len(frozen) and frozen[layer].shape[channels]
    return torch.cat((frozen[layer], trained), dim=channels) if read else trained


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
