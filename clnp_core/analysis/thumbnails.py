"""Samples as small pictures. Imports no torch."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

_COLOURED = 3
_MOST_SIDE = 96  # pixels


def thumbnails(images: np.ndarray) -> list[str]:
    """Draw images as PNG, each as an address that a page can show (`data:`).

    Three channels are red, green and blue; of any other number it is their mean. Floats are drawn from the lowest value
    of all these images, black, to the highest, white.

    Parameters
    ----------
    images : uint8 or float32 array [N, channels, height, width]
    """
    if images.dtype != np.uint8:
        least, most = float(images.min()), float(images.max())
        images = (255 * (images - least) / max(most - least, 1e-12)).astype(np.uint8)
    return [_address(image) for image in images]


def _address(image: np.ndarray) -> str:
    drawn = Image.fromarray(
        np.moveaxis(image, 0, -1).copy() if len(image) == _COLOURED else image.mean(0).astype(np.uint8)
    )
    drawn.thumbnail((_MOST_SIDE, _MOST_SIDE))
    content = io.BytesIO()
    drawn.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
