"""Decides what own images and tables mean: which axis has the channels, and what a type says of its values.

Channels of all images in one array. They are the second axis, [N, channels, height, width], unless that has more than 4
entries and the last axis has not: then they are the last. [N, 64, 64, 7] is refused: it looks like squares with the
channels last.

Channels of a single image. They are the first axis of a tensor and the last of an array, as PyTorch and PIL have them,
unless that has more than 4 entries and the other of the two has not: then they are the other. Where neither has more
than 4, or both have, they stay where PyTorch and PIL have them if the image is then a square, or the channels are fewer
than the entries of the other axis; and if it would be no square the other way round. All else is refused.

Values. Bytes are 0 to 255, and are divided by 255 later; they are refused if none is above 31. Booleans are black and
white. Floats are used as they are: those of images are refused if none is negative and one is above 12, or one is
beyond ±255; those of tables if one is beyond ±10,000, or the lowest is 0 and the highest 255. Other whole numbers are
refused.

What is refused is refused with what to write instead. Imports no torch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clnp_core.errors import DataError

_MOST_CHANNELS = 4  # colours and how opaque they are
_DARK = 32  # of 255: bytes of which none is above are of another scale
# More than a logarithm of counts comes to, and less than the 16 levels of grey of the smallest scanners.
_MOST_OF_FLOATS = 12
_MOST_OF_SIGNED = 255
_MOST_IN_TABLE = 1e4
_WHITES = (255, 65535)


def one_image(given: np.ndarray, is_tensor: bool, what: str) -> np.ndarray:
    """Arrange one image as [channels, height, width]. `what` names it in errors.

    Parameters
    ----------
    given : array
        [channels, height, width] or [height, width, channels], as this module's rule decides; [height, width]; or
        [features], a row of a table.
    is_tensor : bool
        Whether it comes from a tensor.
    what : str

    Raises
    ------
    DataError
        If it has other axes, its channels could be the first as well as the last, or its numbers have no known white.
    """
    shape = list(given.shape)
    if not 1 <= len(shape) <= 3:
        raise DataError(
            f"{what} has the axes {shape}; an image has [channels, height, width] or [height, width], a row of a table "
            f"[features]."
        )
    check_type(given, what, "image")
    if len(shape) < 3:
        return given[(None,) * (3 - len(shape))]
    first, between, last = given.shape
    usual, other = (first, last) if is_tensor else (last, first)
    is_usual = usual <= _MOST_CHANNELS
    if is_usual == (other <= _MOST_CHANNELS):
        is_usual = (between == other or usual < other) and not between == usual > 1
        if not is_usual:
            raise DataError(
                f"{what} has the axes {shape}, and both the first and the last could be its channels; give from_arrays "
                f"np.stack([image for image, *_ in data]) with the axes [N, channels, height, width]."
            )
    return given if is_usual == is_tensor else np.moveaxis(given, -1, 0)


def all_images(given: Any, what: str) -> np.ndarray:
    """Arrange images or a table as [N, channels, height, width], uint8 or float32. `what` names them in errors.

    Parameters
    ----------
    given : array
        [N, channels, height, width] or [N, height, width, channels], as this module's rule decides; [N, height, width];
        or a table, [N, features], which becomes [N, 1, 1, features]. Floats of any width, bytes or booleans.
    what : str

    Raises
    ------
    DataError
        If it is no array, its channels are unclear, or its values have another type or the scale of another type.
    """
    refuse_masked(given, what)
    try:
        if hasattr(given, "detach"):  # a tensor, whose floats may be of a type that numpy does not have
            given = (given.float() if given.is_floating_point() else given).detach().cpu()
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{what} is not an array: {str(error).rstrip('.')}.") from error
    return _with_known_values(_with_channels_second(array, what), what)


def _with_channels_second(images: np.ndarray, what: str) -> np.ndarray:
    if images.ndim in (2, 3):
        images = images[(slice(None), *(None,) * (4 - images.ndim))]
    if images.ndim != 4:
        return images  # refused for its shape, as those of a file are
    _, second, third, last = images.shape
    if last <= _MOST_CHANNELS < second:
        return np.moveaxis(images, -1, 1)
    if second == third > last:
        raise DataError(
            f"{what} has the axes {list(images.shape)}, which look like [N, height, width, channels]; give "
            f"x.transpose(0, 3, 1, 2)."
        )
    return images


def refuse_masked(given: Any, what: str) -> None:
    """Refuse an array with values that its mask says are not there.

    Raises
    ------
    DataError
    """
    if np.ma.is_masked(given):
        raise DataError(f"{what} has masked values; leave them out, or give what stands for them, .filled(...).")


def check_type(images: np.ndarray, what: str, called: str) -> None:
    """Refuse whole numbers but bytes: nothing says which one is white. `called` is what to call them in a line of code.

    Raises
    ------
    DataError
        If they are such numbers.
    """
    if images.dtype.kind in "iu" and images.dtype != np.uint8:
        raise DataError(
            f"{what} is {images.dtype}, and which number is white is not known; give bytes of 0 to 255, "
            f"{called}.astype('uint8'), or floats divided by it, ({called} / 65535).astype('float32')."
        )


def _with_known_values(images: np.ndarray, what: str) -> np.ndarray:
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * np.uint8(255)
    check_type(images, what, "x")
    if images.size and (images.dtype.kind == "f" or images.dtype == np.uint8):
        _check_scale(images, what)
    return images.astype(np.float32, copy=False) if images.dtype.kind == "f" else images


def _check_scale(images: np.ndarray, what: str) -> None:
    least, most = float(images.min()), float(images.max())
    largest = max(-least, most)
    if not math.isfinite(largest):
        return  # refused as not finite, as those of a file are
    if images.dtype == np.uint8:
        if 0 < most < _DARK:
            cure = "x.astype('float32')" if most == 1 else f"(x / {most:g}).astype('float32')"
            raise DataError(
                f"{what} is uint8 with no value above {most:g} of 255, so that all would be next to black; give "
                f"floats, {cure}."
            )
        return
    white = next((each for each in _WHITES if largest <= each < 2 * largest), largest)
    cure = f"x / {white:g}"
    if images.shape[1:3] == (1, 1):
        is_unscaled = largest > _MOST_IN_TABLE or (least, most) == (0, 255)
        cure = cure if most == 255 else "(x - x.mean(0)) / x.std(0)"
    else:
        is_unscaled = largest > _MOST_OF_SIGNED or (least >= 0 and most > _MOST_OF_FLOATS)
    if is_unscaled:
        raise DataError(
            f"{what} has floats from {least:g} to {most:g}, which are not scaled; give, for instance, {cure}."
        )
