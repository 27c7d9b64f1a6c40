"""Rotates images, to the same pixels on every machine. Imports no torch."""

from __future__ import annotations

import math

import numpy as np

# Sine and cosine are rounded to multiples of 2^-16: their last bits, in which processors and libraries differ, have no
# part in it. From there on all are whole numbers: places in 2^-8 of a pixel, and weights, products of two of these.
_TURN_BITS, _PLACE_BITS = 16, 8
_ONE = 1 << _PLACE_BITS
_AT_ONCE = 2**22  # values, so that it takes little memory


def angle(degrees: float, task: int) -> float:
    """Return the degrees, 0 to 360, by which a task sees images turned, if each turns them so much further."""
    return (task - 1) * degrees % 360


def rotated(images: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate square images counterclockwise about their centre.

    A pixel of the result is interpolated between the four around the place that it comes from (bilinearly), and rounded
    to whole numbers, half upwards. What comes from outside an image is 0. Quarter turns only move pixels.

    Parameters
    ----------
    images : uint8 array [N, channels, size, size]
    degrees : float

    Returns
    -------
    uint8 array [N, channels, size, size]
    """
    places, weights = _sources(images.shape[-1], degrees)
    flat = images.reshape(-1, images.shape[-1] ** 2)
    turned = np.empty_like(flat)
    step = max(1, _AT_ONCE // flat.shape[1])
    for first in range(0, len(flat), step):
        part = slice(first, first + step)
        total = np.full(turned[part].shape, _ONE * _ONE // 2, np.int32)
        for place, weight in zip(places, weights, strict=True):
            total += flat[part].take(place, axis=1) * weight
        turned[part] = total >> (2 * _PLACE_BITS)
    return turned.reshape(images.shape)


def _sources(size: int, degrees: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Find the four pixels that each pixel comes from, int64 [size²], and what each counts, int32, 2^16 together."""
    turn = math.radians(degrees % 360)
    cosine, sine = (round(part(turn) * (1 << _TURN_BITS)) for part in (math.cos, math.sin))
    down, right = (2 * each - (size - 1) for each in np.divmod(np.arange(size**2), size))  # from the centre
    (row, below), (column, beside) = (
        np.divmod(_rounded(back + ((size - 1) << _TURN_BITS)), _ONE)
        for back in (cosine * down + sine * right, cosine * right - sine * down)
    )
    places, weights = [], []
    for y, height in ((row, _ONE - below), (row + 1, below)):
        for x, width in ((column, _ONE - beside), (column + 1, beside)):
            inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
            places.append(np.where(inside, y * size + x, 0))
            weights.append(np.where(inside, height * width, 0).astype(np.int32))
    return places, weights


def _rounded(place: np.ndarray) -> np.ndarray:
    """Round a place in units of 2^-17 pixels, half a pixel times a sine, to units of 2^-8."""
    drop = _TURN_BITS + 1 - _PLACE_BITS
    return (place + (1 << (drop - 1))) >> drop
