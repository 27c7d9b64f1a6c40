"""Turns PyTorch data sets into arrays, item by item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.bounds import Label
from clnp_core.errors import DataError
from clnp_core.lazy import torch
from clnp_core.tasks.labels import as_label, check_names

if TYPE_CHECKING:
    from torch.utils.data import Dataset as TorchDataset


def collected(dataset: TorchDataset[Any], what: str) -> tuple[np.ndarray, np.ndarray]:
    """Collect all images [N, C, H, W] and labels [N] of a data set; see `as_label`. `what` names it in errors.

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
    labels: list[Label] = []
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
        label = item[1] if type(item[1]) is int else as_label(item[1], f"Among the {what}, number {number}")
        if type(label) is not type(first := labels[0] if labels else label):
            raise DataError(
                f"Among the {what}, number {number} has the label {label!r}, the first {first!r}; give all as whole "
                f"numbers or all as names."
            )
        labels.append(label)
    if not images:
        raise DataError(f"There are no {what}; give at least one.")
    return np.stack(images), np.array(labels)


def class_names(dataset: TorchDataset[Any], what: str) -> dict[int, Label]:
    """Find what a data set calls its classes, by their numbers: its `class_to_idx`, or else its `classes`.

    A `Subset` has the names of what it was taken from; the parts of a `ConcatDataset` must have the same ones. A data
    set that does not tell has none. `what` names it in errors.

    Raises
    ------
    DataError
        If parts differ.
    """
    if isinstance(dataset, torch.utils.data.Subset):
        return class_names(dataset.dataset, what)
    if isinstance(dataset, torch.utils.data.ConcatDataset | torch.utils.data.ChainDataset):
        each = [own for part in dataset.datasets if (own := class_names(part, what))]
        for other in each[1:]:
            check_names(each[0], other, what, "the first of its parts", "another part")
        return each[0] if each else {}
    listed, numbers = getattr(dataset, "classes", None), getattr(dataset, "class_to_idx", None)
    names: dict[int, Any] = dict(enumerate(listed)) if isinstance(listed, list | tuple) else {}
    if isinstance(numbers, Mapping) and all(type(number) is int for number in numbers.values()):
        names |= {number: name for name, number in numbers.items()}
    # ImageNet has several names for a class.
    return {n: ", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for n, name in names.items()}


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
