"""Samples as small pictures. Imports no torch."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

_COLOURED = 3
_MOST_SIDE = 96  # pixels
_WALL_SIDE, _GAP = 100, 8


def thumbnails(images: np.ndarray) -> list[str]:
    """Draw images as PNG, each as an address that a page can show (`data:`).

    Three channels are red, green and blue; of any other number it is their mean. Floats are drawn from the lowest value
    of all these images, black, to the highest, white.

    Parameters
    ----------
    images : uint8 or float32 array [N, channels, height, width]
    """
    drawn = [_drawn(image) for image in _as_bytes(images)]
    for each in drawn:
        each.thumbnail((_MOST_SIDE, _MOST_SIDE))
    return list(map(_address, drawn))


def wall(images: np.ndarray, columns: int) -> str:
    """Draw images side by side, in rows, as one PNG; see `thumbnails`. Between them is nothing."""
    side = max(images.shape[2:])
    times = max(1, round(_WALL_SIDE / side))
    whole = Image.new("RGBA", (columns * _WALL_SIDE, -(-len(images) // columns) * _WALL_SIDE))
    for place, image in enumerate(_as_bytes(images)):
        drawn = _drawn(image)
        # Whole pixels are repeated as far as that goes, so that they stay sharp.
        drawn = drawn.resize((drawn.width * times, drawn.height * times), Image.Resampling.NEAREST)
        drawn.thumbnail((_WALL_SIDE - _GAP, _WALL_SIDE - _GAP))
        row, column = divmod(place, columns)
        left, top = ((_WALL_SIDE - size) // 2 for size in drawn.size)
        whole.paste(drawn, (column * _WALL_SIDE + left, row * _WALL_SIDE + top))
    return _address(whole)


def _as_bytes(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    least, most = float(images.min()), float(images.max())
    scaled: np.ndarray = 255 * (images - least) / max(most - least, 1e-12)
    return scaled.astype(np.uint8)


def _drawn(image: np.ndarray) -> Image.Image:
    return Image.fromarray(
        np.moveaxis(image, 0, -1).copy() if len(image) == _COLOURED else image.mean(0).astype(np.uint8)
    )


def _address(drawn: Image.Image) -> str:
    content = io.BytesIO()
    drawn.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
