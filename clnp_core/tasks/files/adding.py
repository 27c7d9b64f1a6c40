"""Adds own data from a file, lists what is there, and removes it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from clnp_core.errors import DataError
from clnp_core.tasks.datasets import data_directory
from clnp_core.tasks.files.dividing import Part, column_of, divided, part_arrays
from clnp_core.tasks.files.reading import Source, read
from clnp_core.tasks.files.samples import Samples
from clnp_core.tasks.given import stored, stream_spec
from clnp_core.tasks.npz import header, refusing_damage
from clnp_core.tasks.own import own_path


def from_file(
    name: str,
    source: Source,
    tasks: str,
    label: str = "label",
    size: tuple[int, int] | None = None,
    scale: bool = False,
) -> dict[str, Any]:
    """Store own data of a file or a folder for runs to learn; `clnp data add` from Python.

    Parameters
    ----------
    name : str
        At most 60 of the characters a-z, 0-9 and hyphen, no hyphen first. Data that had the name before is replaced.
    source, label, size, scale
        As `read`.
    tasks : str
        "classes:2", "column:NAME" or "permuted:10", as `divided` has it.

    Returns
    -------
    dict
        The stream's specification, for a run's `stream`.

    Raises
    ------
    DataError
        If the file, the division or the name is wrong, or the data cannot be written.

    Examples
    --------
    >>> stream = from_file("plankton", "plankton.zip", tasks="classes:2", size=(32, 32))  # doctest: +SKIP
    """
    own_path(name)  # refuses a wrong name before anything is read
    samples = read(source, label, column_of(tasks), size, scale)
    return stored_samples(name, samples, divided(samples, tasks))


def stored_samples(name: str, samples: Samples, parts: list[Part]) -> dict[str, Any]:
    """Store samples as the tasks that they were divided into; see `from_file`."""
    classes = dict(enumerate(samples.y.values))
    return stored(name, [part_arrays(samples, part) for part in parts], [classes] * len(parts))


def stream_of(name: str, samples: Samples, parts: list[Part]) -> dict[str, Any]:
    """Return the stream's specification that `stored_samples` will return."""
    classes = [np.unique(samples.y.places[part.train]) for part in parts]
    labels = [[samples.y.values[place] for place in own] for own in classes]
    return stream_spec(name, samples.x.shape[1:], labels)


def check_unused(name: str) -> None:
    """Refuse a name that own data cannot have, or has already.

    Raises
    ------
    DataError
    """
    if own_path(name).exists():
        raise DataError(
            f"There is own data {name!r} already; give another name, or remove it first: clnp data rm {name}."
        )


@dataclass(frozen=True)
class Kept:
    """Own data that is there, as its file says.

    Attributes
    ----------
    name : str
    tasks, train, test : int
        Tasks, and the samples of all of them.
    image_shape : tuple of int
        (channels, height, width)
    bytes : int
        Of its file.
    """

    name: str
    tasks: int
    train: int
    test: int
    image_shape: tuple[int, ...]
    bytes: int


def names_of_own() -> list[str]:
    """List the names of the own data that there is."""
    return sorted(path.stem for path in (data_directory() / "own").glob("*.npz"))


def kept(name: str) -> Kept:
    """Tell what own data is, without reading all of it.

    Raises
    ------
    DataError
        If it is not there or damaged.
    """
    path = own_path(name)
    with refusing_damage(path), zipfile.ZipFile(path) as archive:
        arrays = [member.removesuffix(".npy") for member in archive.namelist()]
        shapes = {array: header(archive, array)[1] for array in arrays if array.startswith("x_")}
        train, test = (sum(shape[0] for array, shape in shapes.items() if part in array) for part in ("train", "test"))
        tasks = sum("train" in array for array in shapes)
        return Kept(name, tasks, train, test, shapes["x_train.1"][1:], path.stat().st_size)


def remove(name: str) -> None:
    """Remove own data. Runs that have learned it keep their results; without it none of them can go on.

    Raises
    ------
    DataError
        If there is none of that name, or it cannot be removed.
    """
    try:
        own_path(name).unlink()
    except FileNotFoundError:
        there = ", ".join(names_of_own()) or "none"
        raise DataError(f"There is no own data {name!r}; there is {there}.") from None
    except OSError as error:
        raise DataError(f"{own_path(name)} cannot be removed: {error.strerror or error}.") from error
