"""Turns PyTorch data sets into arrays, item by item."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.errors import DataError
from clnp_core.lazy import torch

if TYPE_CHECKING:
    from torch.utils.data import Dataset as TorchDataset


def collected(dataset: TorchDataset[Any], what: str) -> tuple[np.ndarray, np.ndarray]:
    """Collect all images [N, C, H, W] and labels [N] of a data set. `what` names it in errors.

    Raises
    ------
    DataError
        If the data set is empty, an item is not a pair of an image and a label, or images differ in shape or type.
    """
    items: Iterable[Any]
    if isinstance(dataset, torch.utils.data.IterableDataset):
        items = dataset
    else:
        # An indexed data set says where it ends by its length alone, which torch does not declare.
        items = map(dataset.__getitem__, range(len(dataset)))  # type: ignore[arg-type]
    images: list[np.ndarray] = []
    labels: list[int] = []
    for number, item in enumerate(items):
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise DataError(
                f"Among the {what}, number {number} is of type {type(item).__name__}; it must be an image and a label."
            )
        image = _image(item[0])
        images.append(image)
        if (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise DataError(
                f"Among the {what}, number {number} is {image.dtype} {list(image.shape)}, the first "
                f"{images[0].dtype} {list(images[0].shape)}; all must have the same shape and type."
            )
        try:
            labels.append(operator.index(item[1]))
        except TypeError:
            raise DataError(
                f"Among the {what}, number {number} has the label {item[1]!r}; it must be a whole number."
            ) from None
    if not images:
        raise DataError(f"There are no {what}; give at least one.")
    return np.stack(images), np.array(labels)


def _image(given: Any) -> np.ndarray:
    """Turn an image into an array [C, H, W]."""
    if isinstance(given, torch.Tensor):
        array = (given.to(torch.float32) if given.is_floating_point() else given).detach().cpu().numpy()
        return array[None] if array.ndim == 2 else array
    array = np.asarray(given.convert("RGB") if getattr(given, "mode", None) == "P" else given)
    array = array.astype(np.float32) if array.dtype.kind == "f" else array
    match array.ndim:
        case 2:
            return array[None]
        case 3:
            return np.moveaxis(array, -1, 0)
        case _:
            return array
