"""Turns PyTorch data sets into arrays, item by item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.bounds import Label
from clnp_core.errors import DataError
from clnp_core.lazy import torch
from clnp_core.tasks.images import check_type, one_image
from clnp_core.tasks.labels import as_label, check_names

if TYPE_CHECKING:
    from torch.utils.data import Dataset as TorchDataset


def collected(dataset: TorchDataset[Any], what: str) -> tuple[np.ndarray, np.ndarray]:
    """Collect all images [N, C, H, W] and labels [N] of a data set; see `as_label`. `what` names it in errors.

    Raises
    ------
    DataError
        If it is no data set, it is empty, an item is not a pair of an image and a label, or images are unclear or
        differ in shape or type.
    """
    images: list[np.ndarray] = []
    labels: list[Label] = []
    for number, item in enumerate(_read(dataset, what)):
        if not isinstance(item, tuple | list):
            raise DataError(
                f"Among the {what}, number {number} is of type {type(item).__name__}; it must be an image and a label."
            )
        if len(item) != 2:
            raise DataError(
                f"Among the {what}, number {number} has {len(item)} values; it must be an image and a label, for "
                f"instance [item[:2] for item in data]."
            )
        image = _image(item[0], f"Among the {what}, number {number}")
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


def _read(dataset: Any, what: str) -> Iterator[Any]:
    """Yield items; where the data set fails to give one, say which."""
    items, number = iter(_items(dataset, what)), 0
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:  # of code that is not ours
            raise DataError(
                f"Among the {what}, number {number} cannot be read ({type(error).__name__}: {error}); mend it, or "
                f"leave it out."
            ) from error
        yield item
        number += 1


def _items(dataset: Any, what: str) -> Iterable[Any]:
    if isinstance(dataset, torch.utils.data.IterableDataset):
        return dataset
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")) or isinstance(dataset, str | Mapping):
        loads = isinstance(dataset, torch.utils.data.DataLoader)
        raise DataError(
            f"The {what} are of type {type(dataset).__name__}; give "
            + ("the data set that it loads, loader.dataset." if loads else "a data set of images and labels.")
        )
    # An indexed data set says where it ends by its length alone.
    return map(dataset.__getitem__, range(len(dataset)))


def class_names(dataset: TorchDataset[Any], what: str) -> dict[int, Label]:
    """Find what a data set calls its classes, by their numbers: its `class_to_idx`, or else its `classes`.

    Several names of a class are one, with commas; classes of the same name have their numbers added to it.
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
    names: dict[int, Any] = dict(enumerate(listed)) if isinstance(listed, list | tuple | np.ndarray) else {}
    if isinstance(numbers, Mapping) and all(isinstance(number, int | np.integer) for number in numbers.values()):
        numbered: dict[int, tuple[Any, ...]] = {}
        for name, number in numbers.items():
            numbered[int(number)] = (*numbered.get(int(number), ()), name)
        names = {n: name for n, name in names.items() if (name,) not in numbered.values()} | numbered
    # ImageNet has several names for a class, and two pairs of classes that have the same.
    told = {n: ", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for n, name in names.items()}
    return {n: f"{name} ({n})" if list(told.values()).count(name) > 1 else name for n, name in told.items()}


# The pixels of a palette are the numbers of its colours.
_READ_AS = {"P": "RGB", "PA": "RGBA"}


def _image(given: Any, what: str) -> np.ndarray:
    """Turn an image into an array [C, H, W]."""
    if isinstance(given, torch.Tensor):
        tensor = given.to(torch.float32) if given.is_floating_point() else given
        return one_image(tensor.detach().cpu().numpy(), is_tensor=True, what=what)
    if mode := getattr(given, "mode", None):
        pixels = np.asarray(given.convert(_READ_AS[mode]) if mode in _READ_AS else given)
        check_type(pixels, what, "np.asarray(image)")
        return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise DataError(f"{what} is not an image: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} is of type {type(given).__name__}; it must be an image and a label.")
    return one_image(array.astype(np.float32) if array.dtype.kind == "f" else array, is_tensor=False, what=what)
