"""What a data set says of itself before anything of it is fetched."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Arrays = dict[str, np.ndarray]
"""x_train, x_test, uint8 [N, C, H, W]; y_train, y_test, int64 [N]."""


@dataclass(frozen=True)
class Source:
    """A data set, and how to get it.

    Attributes
    ----------
    image_shape : (channels, height, width)
    classes : int
        Labels are 0 ... classes - 1.
    white : int
        The largest value that a pixel can have.
    training_images : int
        How many there are, for estimates of time.
    arrays : callable
        Gets the arrays, always the same ones. An OSError or RuntimeError says that there is no way to get them now.
    kept : bool
        Whether the arrays are kept as a file, and never asked for again where that is.
    """

    image_shape: tuple[int, int, int]
    classes: int
    white: int
    training_images: int
    arrays: Callable[[], Arrays]
    kept: bool = True
