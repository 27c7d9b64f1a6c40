"""Labelled samples as a file has them, before they are divided into tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from clnp_core.bounds import Label
from clnp_core.errors import DataError
from clnp_core.tasks.held_out import for_testing
from clnp_core.tasks.images import all_images
from clnp_core.tasks.labels import as_labels, shown

MOST_BYTES = 2 * 2**30
"""Of a file, of what it unpacks to, and of the arrays that it becomes."""


class Column(NamedTuple):
    """A label for each sample.

    Attributes
    ----------
    values : tuple of int or str
        The labels there are, in ascending order.
    places : int64 array [N]
        Each sample's place among them.
    """

    values: tuple[Label, ...]
    places: np.ndarray


@dataclass(frozen=True)
class Samples:
    """Labelled samples of a file.

    Attributes
    ----------
    name : str
        What to call the file.
    x : uint8 or float32 array [N, channels, height, width]
        A row of a table is [1, 1, features].
    y : Column
        Their classes.
    by : Column or None
        The column by which they are to be divided into tasks.
    is_test : bool array [N]
        Which are to test with.
    features : tuple of str
        Names of a table's columns.
    """

    name: str
    x: np.ndarray
    y: Column
    by: Column | None
    is_test: np.ndarray
    features: tuple[str, ...] = ()


def column(given: Any, what: str, places: np.ndarray | None = None) -> Column:
    """Take labels as a column: those of each sample, or labels together with the place of each sample among them.

    Raises
    ------
    DataError
        As `as_labels`.
    """
    values, own = np.unique(as_labels(given, what), return_inverse=True)
    return Column(tuple(values.tolist()), (own if places is None else own[places]).astype(np.int64))


def stacked(first: Column, second: Column) -> Column:
    """Put the samples of one column after those of another.

    Raises
    ------
    ValueError
        If one has numbers and the other names.
    """
    if len({type(value) for value in first.values + second.values}) > 1:
        raise ValueError("one has whole numbers, the other names")
    values = sorted({*first.values, *second.values})
    place = {value: number for number, value in enumerate(values)}
    each = [np.array([place[value] for value in own.values], np.int64)[own.places] for own in (first, second)]
    return Column(tuple(values), np.concatenate(each))


def samples(
    name: str,
    x: np.ndarray,
    y: Column,
    by: Column | None = None,
    is_test: np.ndarray | None = None,
    features: tuple[str, ...] = (),
    scale: bool = False,
) -> Samples:
    """Make samples of what a file has, after checking that they can be learned.

    Parameters
    ----------
    name, y, by, is_test, features
        As `Samples`; without `is_test` a fifth of each class, and of each value of `by`, is to test with.
    x : array
        As `from_arrays` takes images and tables.
    scale : bool
        Whether each feature of a table gets the mean 0 and the deviation 1, by those of the samples to train on.

    Raises
    ------
    DataError
        If there is one class only, or one sample of a class, images are to be scaled as columns, or values have an
        unknown scale, are infinite or not a number.
    """
    if len(y.values) < 2:
        raise DataError(f"{name} has one class only, {shown(y.values)}; give samples of two at least.")
    if is_test is None:
        is_test = _drawn(y, by, name)
    if scale:
        if x.ndim != 2 or x.dtype.kind not in "biuf":
            raise DataError(f"{name} has samples of {list(x.shape[1:])}; only the columns of a table can be scaled.")
        train = x[~is_test].astype(np.float64)
        x = (x - train.mean(0)) / np.where((deviation := train.std(0)) > 0, deviation, 1)
    images = all_images(x, f"{name}: x")
    if images.ndim != 4 or images.dtype not in (np.uint8, np.float32):
        raise DataError(
            f"{name}: x is {images.dtype} {list(images.shape)}; it must be numbers, images [N, channels, height, "
            f"width] or a table [N, features]."
        )
    if images.dtype == np.float32 and len(wrong := np.flatnonzero(~np.isfinite(images).all((1, 2, 3)))):
        raise DataError(
            f"{name}: sample {wrong[0] + 1} has a value that is infinite or not a number; all must be finite."
        )
    return Samples(name, images, y, by, is_test, features)


def _drawn(y: Column, by: Column | None, name: str) -> np.ndarray:
    """Choose the samples to test with, of each class and of each value of the column."""
    classes = len(y.values)
    groups = y.places if by is None else by.places * classes + y.places
    numbers, counts = np.unique(groups, return_counts=True)
    if len(single := numbers[counts < 2]):
        value, place = divmod(int(single[0]), classes)
        where = "" if by is None else f" where the column to divide by is {by.values[value]!r}"
        raise DataError(
            f"{name} has one sample of the class {y.values[place]!r}{where}, and one to train and one to test with are "
            f"needed; add another, or leave it out."
        )
    return for_testing(groups)
