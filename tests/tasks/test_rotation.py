"""Rotation: to the same pixels everywhere, close to exact interpolation, and back where it began."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.tasks import datasets
from clnp_core.tasks.rotation import angle, rotated

SEEN = {17.5: "99429a5953bcf0f7", 200.0: "2c2ba8e0abafb822"}
SIZES = st.integers(1, 9)


def pictures(size, count=3, channels=2):
    return np.random.default_rng(size).integers(0, 256, (count, channels, size, size), np.uint8)


def interpolated(image, degrees):
    """One image, turned pixel by pixel in floating point."""
    size = len(image)
    turn, wide = np.radians(degrees), np.pad(image.astype(float), 2 * size)
    middle = (size - 1) / 2
    result = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            up, right = middle - row, column - middle
            y = middle - (np.cos(turn) * up - np.sin(turn) * right) + 2 * size
            x = middle + np.cos(turn) * right + np.sin(turn) * up + 2 * size
            top, left = int(np.floor(y)), int(np.floor(x))
            below, beside = y - top, x - left
            upper, lower = ((1 - beside) * wide[at, left] + beside * wide[at, left + 1] for at in (top, top + 1))
            result[row, column] = (1 - below) * upper + below * lower
    return result


@settings(max_examples=20)
@given(SIZES, st.floats(0, 360))
def test_it_is_bilinear_interpolation_but_for_rounding(size, degrees):
    images = pictures(size, 1, 1)
    assert np.abs(rotated(images, degrees)[0, 0] - interpolated(images[0, 0], degrees)).max() <= 0.5 + 2 * 255 / 256


@settings(max_examples=20)
@given(SIZES, st.integers(-8, 8))
def test_quarter_turns_only_move_pixels_and_a_whole_one_none(size, turns):
    images = pictures(size)
    assert np.array_equal(rotated(images, 90 * turns), np.rot90(images, turns, (2, 3)))


def test_a_full_turn_is_none_however_many_tasks_it_takes():
    assert [angle(360, task) for task in (1, 2, 10)] == [0, 0, 0]
    assert [angle(30, task) for task in (1, 2, 13)] == [0, 30, 0]


@pytest.mark.parametrize("degrees", [17.5, 200.0])
def test_the_pixels_are_the_same_on_every_machine(degrees):
    turned = rotated(datasets.load("digits").x_train, degrees)
    assert hashlib.sha256(turned.tobytes()).hexdigest()[:16] == SEEN[degrees]


def test_many_images_are_turned_as_one_is():
    images = np.random.default_rng(0).integers(0, 256, (400, 3, 64, 64), np.uint8)
    assert np.array_equal(rotated(images, 33)[-1:], rotated(images[-1:], 33))
