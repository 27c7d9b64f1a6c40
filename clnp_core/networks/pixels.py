"""Images as their data set has them, and the layer that puts them into a task's order and scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

PixelType = Literal["uint8", "float32"]
PIXEL_TYPES: dict[PixelType, torch.dtype] = {"uint8": torch.uint8, "float32": torch.float32}


@dataclass(frozen=True)
class Pixels:
    """A task's images as their data set has them.

    Attributes
    ----------
    shape : tuple of int
        (channels, height, width)
    type : {"uint8", "float32"}
    white : int
        What the task divides them by.
    order : int64 array [inputs] or None
        The task has pixel `order[i]` of an image at place i. None: it has them in their own order.
    """

    shape: tuple[int, int, int]
    type: PixelType
    white: int
    order: np.ndarray | None = None


class RawPixels(nn.Module):
    """Puts images as their data set has them into the task's order and scale.

    Images [batch, channels, height, width] of type `dtype` → float32 [batch, *shape].

    Parameters
    ----------
    dtype : torch.dtype
    white : int
        What pixels are divided by.
    shape : sequence of int
    permuted : bool
        Whether the task has an order of its own, the buffer `order`, int64 [inputs].
    """

    order: Tensor | None

    def __init__(self, dtype: torch.dtype, white: int, shape: Sequence[int], permuted: bool) -> None:
        super().__init__()
        self.dtype, self.white, self.shape = dtype, white, tuple(shape)
        self.register_buffer("order", torch.arange(math.prod(shape)) if permuted else None)

    def forward(self, images: Tensor) -> Tensor:
        """Raise TypeError where images are of another type: they may be scaled already; ValueError for another size."""
        if images.dtype != self.dtype:
            raise TypeError(
                f"The images are {images.dtype}; give {self.dtype}, as the data set has them, or give images that are "
                "scaled and in the task's order to the layers after this one, network[1:]."
            )
        x = images.flatten(1)
        if x.shape[1] != math.prod(self.shape):  # of which an order would take some
            raise ValueError(f"The images have {x.shape[1]} values each; give images of {math.prod(self.shape)}.")
        if self.order is not None:
            x = x.index_select(1, self.order)
        scaled: Tensor = (x / self.white).unflatten(1, self.shape)
        return scaled

    def extra_repr(self) -> str:
        """Return what is printed in the parentheses of this layer."""
        return f"{self.dtype}, white={self.white}, shape={self.shape}, permuted={self.order is not None}"
