"""Large digits: scikit-learn's 8x8 digits in MNIST's format, to run its presets without a download."""

import numpy as np

from clnp_core.tasks.sources import digits
from clnp_core.tasks.sources.source import Arrays, Source

_SCALE, _FRAME = 3, 2  # 3 x 8 pixels and a frame of 2 on every side make 28


def arrays() -> Arrays:
    """The digits as the data set `digits` has them, for training and for testing the same ones."""
    small = digits.arrays()
    return small | {name: _enlarged(small[name]) for name in ("x_train", "x_test")}


def _enlarged(images: np.ndarray) -> np.ndarray:
    """Images of 8x8 pixels from 0 to 16 as images of 28x28 from 0 to 255."""
    greys = (images.astype(np.uint16) * 255 // digits.SOURCE.white).astype(np.uint8)
    large = greys.repeat(_SCALE, axis=2).repeat(_SCALE, axis=3)  # [N, 1, 24, 24]
    return np.pad(large, ((0, 0), (0, 0), (_FRAME, _FRAME), (_FRAME, _FRAME)))


SOURCE = Source((1, 28, 28), classes=10, white=255, training_images=1437, arrays=arrays)
