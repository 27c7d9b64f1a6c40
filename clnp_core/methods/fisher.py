"""The diagonal of a network's Fisher information, exactly: of each sample by itself, and over every class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.networks.layers import EPSILON
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor

_BATCH, _CONVOLUTION_BATCH = 512, 32


def fisher(network: Trainable, x: Tensor, pulse: Callable[[], None]) -> Trainable:
    """Compute F = (1/N) Σ_n Σ_y p(y|x_n) (∂ log p(y|x_n) / ∂θ)² of every parameter θ, as the network is evaluated.

    A dense layer's gradient of a sample is the outer product of what it reads and of the error at its neurons, so that
    the squares are summed by one product for all classes. A convolution's are summed over the pixels first, so that
    they are taken class by class.

    Parameters
    ----------
    network : Trainable
        A whole network: no neuron of it is frozen.
    x : tensor [N, inputs]
    pulse : callable
        Called before every batch.
    """
    total = network.each(torch.zeros_like)
    size = _BATCH if network.architecture.is_plain else _CONVOLUTION_BATCH
    for start in range(0, len(x), size):
        pulse()
        for sums, part in zip(total.parameters(), _summed(network, x[start : start + size]), strict=True):
            sums += part
    return total.each(lambda sums: sums / len(x))


def _summed(network: Trainable, x: Tensor) -> list[Tensor]:
    """Per parameter, Σ_n Σ_y p(y|x_n) (∂ log p(y|x_n) / ∂θ)² over a batch."""
    read: list[Tensor] = []

    def reads(place: int, given: Tensor) -> Tensor:
        read.append(given.detach())
        return given

    with torch.enable_grad():
        followed = network.with_parameters([each.detach().requires_grad_() for each in network.parameters()])
        logits, activations = followed.forward(network.sources(x), reads=reads)
        log_p = logits.log_softmax(1)
    chances = log_p.detach().exp()
    layers = [_Layer(network, place, read[place], activations[place].detach()) for place in range(len(activations))]
    errors = torch.zeros_like(chances)  # of the head: Σ_y p(y) (∂ log p(y) / ∂ logits)²
    for y, chance in enumerate(chances.unbind(1)):
        deltas = torch.autograd.grad(log_p[:, y].sum(), activations, retain_graph=True, materialize_grads=True)
        for layer, delta in zip(layers, deltas, strict=True):
            layer.add(delta, chance)
        errors += chance[:, None] * (F.one_hot(torch.tensor(y, device=x.device), chances.shape[1]) - chances) ** 2
    head = (errors.T @ read[-1].flatten(1) ** 2).view_as(network.head_weight)
    return [
        *(layer.weights for layer in layers),
        head,
        *(layer.biases for layer in layers),
        *([] if network.head_bias is None else [errors.sum(0)]),
        *(layer.scales for layer in layers if layer.scales is not None),
    ]


class _Layer:
    """The sums of one hidden layer over a batch and its classes.

    Attributes
    ----------
    biases, scales : tensor [n], and None where the layer is not normalised
    """

    def __init__(self, network: Trainable, place: int, read: Tensor, activations: Tensor) -> None:
        form, layer = network.architecture.hidden[place], network.layers[place]
        self._weight, self._fires = layer.weight, activations > 0
        self._read = read.flatten(1)[:, :, None]  # [batch, read, pixels]; of a dense layer 1
        if form.kind == "conv":
            self._read = F.unfold(read, form.kernel, padding=form.padding, stride=form.stride)
        self.biases = torch.zeros_like(layer.bias)
        self._squares = torch.zeros_like(layer.weight.flatten(1))
        self._factor: Tensor | None = None
        self.scales: Tensor | None = None
        if layer.norm is not None:
            spread = (layer.norm.variance + EPSILON).sqrt()
            sums = layer.weight.flatten(1) @ self._read  # [batch, n, pixels]
            self._normal = (sums - layer.norm.mean[:, None]) / spread[:, None]
            self._factor = layer.norm.scale / spread
            self.scales = torch.zeros_like(layer.norm.scale)
        self._is_dense = form.kind == "dense"
        self._errors = torch.zeros_like(activations) if self._is_dense else None

    def add(self, delta: Tensor, chance: Tensor) -> None:
        """Take in a class: its gradients at the activations, [batch, n, ...], and its probabilities [batch]."""
        delta = (delta * self._fires).flatten(2) if delta.ndim > 2 else (delta * self._fires)[:, :, None]
        self.biases += chance @ delta.sum(2) ** 2
        if self.scales is not None:
            self.scales += chance @ (delta * self._normal).sum(2) ** 2
        if self._errors is not None:
            self._errors += chance[:, None] * delta[:, :, 0] ** 2
        else:
            each = delta @ self._read.mT  # [batch, n, read]
            self._squares += (chance @ each.square_().flatten(1)).view_as(self._squares)

    @property
    def weights(self) -> Tensor:
        """Shaped like the layer's."""
        squares = self._squares if self._errors is None else self._errors.T @ self._read[:, :, 0] ** 2
        if self._factor is not None:
            squares = squares * self._factor[:, None] ** 2
        return squares.view_as(self._weight)
