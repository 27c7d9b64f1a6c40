"""Loads image data sets: each is downloaded once, kept as one `.npz` and checked. Imports torch only to download."""

import hashlib
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from clnp_core.bounds import Label
from clnp_core.errors import DataError
from clnp_core.machine import user_folder
from clnp_core.tasks.npz import Header, header, refusing_damage, write
from clnp_core.tasks.sources import SOURCES
from clnp_core.tasks.sources.source import Arrays, Source

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
"""Names of a data set's arrays."""

# No known data set comes near this; a file that claims more is damaged.
_MAX_ARRAY_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Attributes
    ----------
    name : str
    x_train, x_test : uint8 arrays [N, C, H, W]
        Own data may be float32.
    y_train, y_test : int64 arrays [N], labels in 0 ... classes - 1
    white : int
        Pixels are divided by it before use: the largest value they can have, or 1 for floats.
    classes : int
    labels : tuple of int or str
        The classes of own data as they were given, in the order of their numbers.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    white: int
    classes: int
    labels: tuple[Label, ...] = ()

    def digest(self) -> str:
        """Compute the SHA-256 of the content, in hexadecimal. Data sets with the same digest are the same.

        What classes are called is no part of it: nothing is computed from it.
        """
        hashed = hashlib.sha256(f"{self.name} {self.white} {self.classes}".encode())
        for array in (getattr(self, name) for name in ARRAYS):
            hashed.update(f"{array.dtype.str} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array).data)
        return hashed.hexdigest()


DATASETS = tuple(SOURCES)
"""Names that `load` knows."""


def data_directory() -> Path:
    """Return the directory of the data sets: `CLNP_DATA_DIR`, else the user's cache directory.

    Raises
    ------
    DataError
        If the user has none.
    """
    if named := os.environ.get("CLNP_DATA_DIR"):
        return Path(named)
    if (own := user_folder(platformdirs.user_cache_path)) is None:
        raise DataError("This user has no home folder to keep data in; name a folder with CLNP_DATA_DIR.")
    return own / "data"


def same_directory() -> dict[str, str]:
    """Return the environment in which another process has this `data_directory`, whatever folder it works in."""
    named = os.environ.get("CLNP_DATA_DIR")
    return {"CLNP_DATA_DIR": str(Path(named).absolute()) if named else ""}


def image_shape(name: str) -> tuple[int, int, int]:
    """Return (channels, height, width) of a data set's images."""
    return SOURCES[name].image_shape


def classes(name: str) -> int:
    """Return a data set's number of classes."""
    return SOURCES[name].classes


def white(name: str) -> int:
    """Return what a data set's pixels are divided by before use."""
    return SOURCES[name].white


def training_images(name: str) -> int:
    """Return a data set's number of training images."""
    return SOURCES[name].training_images


def is_here(name: str) -> bool:
    """Tell whether a data set can be loaded without a download."""
    return not SOURCES[name].kept or (data_directory() / f"{name}.npz").exists()


def load(name: str, directory: Path | None = None) -> Dataset:
    """Load a data set by name.

    `digits` comes with this package. The others are `<name>.npz` in `directory` (default: `data_directory()`), with
    uint8 `x_train`, `x_test` [N, C, H, W] and int64 `y_train`, `y_test` [N]. An existing file is used unchanged;
    otherwise the data is fetched as its source says, once.

    Raises
    ------
    DataError
        If the name is unknown, the file is damaged or not a data set (it is left unchanged), or there is no file and
        the download failed or did not give what its source says.
    """
    if name not in SOURCES:
        raise DataError(f"There is no data set {name!r}; there are {', '.join(DATASETS)}.")
    source = SOURCES[name]
    path = (directory or data_directory()) / f"{name}.npz"
    if not source.kept:
        arrays = _fetched(path, source)
    else:
        if not path.exists():
            write(path, _fetched(path, source))
        arrays = _read(path, source)
    return Dataset(name=name, white=source.white, classes=source.classes, labels=(), **arrays)


def _fetched(path: Path, source: Source) -> Arrays:
    """Get the data from its source, and check it before any file is written."""
    try:
        arrays = source.arrays()
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{path} is not there and {path.stem} could not be downloaded; "
            f"connect to the internet, or put the file there, or name its folder in CLNP_DATA_DIR."
        ) from error
    where = f"The source of {path.stem}"
    _check_headers(where, {name: (array.dtype, array.shape) for name, array in arrays.items()}, source)
    _check_labels(where, arrays, source)
    return arrays


def _read(path: Path, source: Source) -> Arrays:
    with refusing_damage(path):
        with zipfile.ZipFile(path) as archive:
            there = [name for name in ARRAYS if f"{name}.npy" in archive.namelist()]
            _check_headers(str(path), {name: header(archive, name) for name in there}, source)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
    _check_labels(str(path), arrays, source)
    return arrays


def _check_headers(where: str, headers: Mapping[str, Header], source: Source) -> None:
    """Refuse by types and shapes alone: those of a file before any array is read into memory."""
    for name in ARRAYS:
        if name not in headers:
            raise DataError(f"{where} is not a data set of ours: it has no array {name}; replace or remove it.")
        dtype, shape = headers[name]
        tail, wanted = (source.image_shape, np.uint8) if name.startswith("x") else ((), np.int64)
        fits = dtype == wanted and len(shape) == len(tail) + 1 and shape[1:] == tail
        if not fits or shape[0] < 1 or math.prod(shape) * dtype.itemsize > _MAX_ARRAY_BYTES:
            raise DataError(f"{where}: {name} is {dtype} {list(shape)}; it must be {np.dtype(wanted)} {['N', *tail]}.")
    for part in ("train", "test"):
        images, labels = (headers[f"{name}_{part}"][1][0] for name in "xy")
        if images != labels:
            raise DataError(
                f"{where}: x_{part} has {images} images but y_{part} {labels} labels; there must be as many."
            )


def _check_labels(where: str, arrays: Arrays, source: Source) -> None:
    for part in ("train", "test"):
        labels = arrays[f"y_{part}"]
        if labels.min() < 0 or labels.max() >= source.classes:
            raise DataError(
                f"{where}: y_{part} has labels from {labels.min()} to {labels.max()}; "
                f"they must be 0 to {source.classes - 1}."
            )
