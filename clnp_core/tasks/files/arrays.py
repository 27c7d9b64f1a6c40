"""Reads labelled samples from an `.npz`."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from clnp_core.errors import DataError
from clnp_core.tasks.datasets import ARRAYS
from clnp_core.tasks.files.samples import MOST_BYTES, Column, Samples, column, samples, stacked
from clnp_core.tasks.files.zipped import listed, refusing_damage
from clnp_core.tasks.npz import Header, header

_SHOWN = 6


def read_arrays(file: BinaryIO, name: str, by: str | None, scale: bool) -> Samples:
    """Read samples from an `.npz`; see `clnp_core.tasks.files.read`. Arrays of objects, which are pickles, are refused.

    Raises
    ------
    DataError
    """
    archive, there, parts = _there(file, name)
    wanted = [f"{array}{part}" for array in ("x", "y", *[by] * (by is not None)) for part in parts]
    for array in wanted:
        if array not in there:
            some = ", ".join(map(repr, there[:_SHOWN])) + (", …" if len(there) > _SHOWN else "")
            raise DataError(
                f"{name} has no array {array!r} but {some or 'none'}; give x and y, or {', '.join(ARRAYS)}"
                + (f", and {by!r} for each of their samples." if by is not None else ".")
            )
    with refusing_damage(name):
        headers = {array: header(archive, array) for array in wanted}
    _check(headers, name)
    with refusing_damage(name):
        given = {array: _content(archive, array) for array in wanted}
    for array, content in given.items():
        part = f"_{array.rpartition('_')[2]}" if len(parts) > 1 else ""
        if len(content) != (count := len(given[f"x{part}"])):
            raise DataError(f"{name}: {array} has {len(content)} values for {count} samples; there must be as many.")
    images = [given[f"x{part}"] for part in parts]
    if len({(*each.shape[1:], each.dtype) for each in images}) > 1:
        first, second = (f"{each.dtype} {list(each.shape[1:])}" for each in images)
        raise DataError(f"{name}: x_train has samples of {first}, x_test of {second}; they must be the same.")
    is_test = np.repeat([False, True], [len(each) for each in images]) if len(parts) > 1 else None
    y = _column(given, "y", parts, name)
    divided_by = None if by is None else _column(given, by, parts, name)
    return samples(name, np.concatenate(images), y, divided_by, is_test, scale=scale)


def names_of_columns(file: BinaryIO, name: str) -> list[str]:
    """List the arrays by which samples may be divided: all but x and y."""
    _, there, parts = _there(file, name)
    first = [array for array in there if array.endswith(parts[0])]
    return [column for array in first if (column := array.removesuffix(parts[0])) not in ("x", "y")]


def _there(file: BinaryIO, name: str) -> tuple[zipfile.ZipFile, list[str], tuple[str, ...]]:
    """List the arrays, and how the names of those for training and for testing end, where there are both."""
    archive, members = listed(file, name)
    there = [member.filename.removesuffix(".npy") for member in members if member.filename.endswith(".npy")]
    return archive, there, ("_train", "_test") if {*ARRAYS} <= {*there} else ("",)


def _check(headers: Mapping[str, Header], name: str) -> None:
    """Refuse by types and shapes alone, before anything is read into memory."""
    for array, (dtype, shape) in headers.items():
        if dtype.hasobject:
            raise DataError(
                f"{name}: {array} holds Python objects, which could run anything when they are read; save numbers or "
                f"names, {array}.astype(float) or {array}.astype(str)."
            )
        if not shape or shape[0] < 1:
            raise DataError(f"{name}: {array} is {dtype} {list(shape)}; it must have a value for each sample.")
    size = sum(math.prod(shape) * max(1, dtype.itemsize) for dtype, shape in headers.values())
    if size > MOST_BYTES:
        raise DataError(
            f"{name} says that it has {size / 2**30:.1f} GiB of arrays; give at most {MOST_BYTES // 2**30} GiB."
        )


def _content(archive: zipfile.ZipFile, array: str) -> np.ndarray:
    with archive.open(f"{array}.npy") as member:
        content: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):
            raise ValueError(f"{array} has more values than it says")
    return content


def _column(given: Mapping[str, np.ndarray], array: str, parts: tuple[str, ...], name: str) -> Column:
    columns = [column(given[f"{array}{part}"], f"{name}: {array}{part}") for part in parts]
    try:
        return columns[0] if len(columns) == 1 else stacked(*columns)
    except ValueError as error:
        raise DataError(f"{name}: {array}_train and {array}_test differ: {error}; give both alike.") from None
