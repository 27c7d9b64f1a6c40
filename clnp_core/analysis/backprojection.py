"""Projects a neuron's weights down through the layers below it to an image of the input. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clnp_core.networks.architectures import Architecture, Conv, Pool

_SHADES = " ░▒▓█"
_SKETCH = 8


def back_projected(
    architecture: Architecture, read: Callable[[int], np.ndarray], place: int, neuron: int
) -> np.ndarray:
    """Project a neuron of hidden layer `place`, 0 for the first, back onto the network's input.

    For the first layer the result is the neuron's weights. Further up it is a weighted back-projection: the magnitudes
    of the neuron's weights, projected down through the magnitudes of those below. It shows where a neuron looks, but
    not for what.

    Parameters
    ----------
    architecture : Architecture
    read : callable
        Weights of hidden layer l (0 for the first), [N_l, N_{l-1}, ...].
    place, neuron : int

    Returns
    -------
    float array [channels, height, width]
        The shape of the input; for a neuron of a convolutional layer, that of the patch that one of its pixels reads.
    """
    seen = read(place)[neuron]
    if place:
        seen = np.abs(seen)
    if seen.ndim == 2:  # each channel below with its pixels
        seen = seen.reshape(len(seen), *architecture.passed_maps[place - 1])
    is_patch = architecture.hidden[place].kind == "conv"
    for below in range(place - 1, -1, -1):
        seen = _led_down(architecture, read(below), seen, below, is_patch)
    image: np.ndarray = seen if is_patch else seen.reshape(architecture.input_shape)
    return image


def _led_down(
    architecture: Architecture, weight: np.ndarray, seen: np.ndarray, place: int, is_patch: bool
) -> np.ndarray:
    """Project from a hidden layer's output, [N_l] or [N_l, height, width], to its input."""
    form = architecture.hidden[place]
    reached = seen.reshape(len(seen), -1).any(1)
    weight, seen = np.abs(weight[reached]), seen[reached]
    if form.kind == "dense":
        seen = np.tensordot(seen, weight, 1)
        maps = architecture.passed_maps[place - 1] if place else ()
        return seen.reshape(len(seen), *maps) if maps else seen
    if form.pool:
        size = None if is_patch else architecture.maps[place]
        spread = np.ones((form.pool.kernel,) * 2)
        seen = np.stack([_transposed(each[None], spread[None, None], form.pool, size)[0] for each in seen])
    below = architecture.passed_maps[place - 1] if place else architecture.input_shape[1:]
    return _transposed(seen, weight, form, None if is_patch else below)


def _transposed(seen: np.ndarray, weight: np.ndarray, over: Conv | Pool, size: tuple[int, ...] | None) -> np.ndarray:
    """Convolve maps with a transposed kernel: [n, h, w] and [n, k, kernel, kernel] → [k, height, width].

    The result is not cropped if `size` is None; otherwise it is cropped to `size`, without the padding.
    """
    step, kernel = over.stride, over.kernel
    height, width = ((each - 1) * step + kernel for each in seen.shape[1:])
    out = np.zeros((weight.shape[1], height, width))
    for row in range(kernel):
        for column in range(kernel):
            part = np.tensordot(weight[:, :, row, column], seen, (0, 0))
            out[:, row : row + height - kernel + 1 : step, column : column + width - kernel + 1 : step] += part
    if size is None:
        return out
    whole = np.zeros((len(out), *(each + 2 * over.padding for each in size)))
    whole[:, :height, :width] = out[:, : whole.shape[1], : whole.shape[2]]
    return whole[:, over.padding : over.padding + size[0], over.padding : over.padding + size[1]]


def sketch(image: np.ndarray) -> str:
    """Draw an image in characters, two for each of at most 8 x 8 parts. Darker means a greater magnitude."""
    shown = np.abs(image).sum(0)
    for axis in (0, 1):
        parts = min(_SKETCH, shown.shape[axis])
        starts = np.arange(parts) * shown.shape[axis] // parts
        sizes = np.diff([*starts, shown.shape[axis]])
        shown = np.add.reduceat(shown, starts, axis) / np.expand_dims(sizes, 1 - axis)
    shades = np.ceil(shown / (shown.max() or 1) * (len(_SHADES) - 1)).astype(int)
    return "<br>".join("".join(2 * _SHADES[shade] for shade in row) for row in shades.tolist())
