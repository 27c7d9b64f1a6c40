"""Loads image data sets: each is downloaded once, kept as one `.npz` and checked. Imports torch only to download."""

import hashlib
import math
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from clnp_core.errors import DataError
from clnp_core.tasks.npz import header, refusing_damage, write

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
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    white: int
    classes: int

    def digest(self) -> str:
        """Compute the SHA-256 of the content, in hexadecimal. Data sets with the same digest are the same."""
        hashed = hashlib.sha256(f"{self.name} {self.white} {self.classes}".encode())
        for array in (getattr(self, name) for name in ARRAYS):
            hashed.update(f"{array.dtype.str} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array))
        return hashed.hexdigest()


@dataclass(frozen=True)
class _Source:
    image_shape: tuple[int, int, int]
    classes: int
    white: int
    torchvision_name: str | None


_SOURCES = {
    "digits": _Source((1, 8, 8), 10, 16, None),
    "mnist": _Source((1, 28, 28), 10, 255, "MNIST"),
    "fashion-mnist": _Source((1, 28, 28), 10, 255, "FashionMNIST"),
    "cifar10": _Source((3, 32, 32), 10, 255, "CIFAR10"),
    "cifar100": _Source((3, 32, 32), 100, 255, "CIFAR100"),
}
DATASETS = tuple(_SOURCES)
"""Names that `load` knows."""


def data_directory() -> Path:
    """Return the directory of the data sets: `CLNP_DATA_DIR`, else the user's cache directory."""
    named = os.environ.get("CLNP_DATA_DIR")
    return Path(named) if named else platformdirs.user_cache_path("clnp") / "data"


def image_shape(name: str) -> tuple[int, int, int]:
    """Return (channels, height, width) of a data set's images."""
    return _SOURCES[name].image_shape


def classes(name: str) -> int:
    """Return a data set's number of classes."""
    return _SOURCES[name].classes


def is_here(name: str) -> bool:
    """Tell whether a data set can be loaded without a download."""
    return _SOURCES[name].torchvision_name is None or (data_directory() / f"{name}.npz").exists()


def load(name: str, directory: Path | None = None) -> Dataset:
    """Load a data set by name.

    `digits` is part of scikit-learn and needs no file. The others are `<name>.npz` in `directory` (default:
    `data_directory()`), with uint8 `x_train`, `x_test` [N, C, H, W] and int64 `y_train`, `y_test` [N]. An existing
    file is used unchanged; otherwise torchvision downloads the data, once.

    Raises
    ------
    DataError
        If the name is unknown, the file is damaged or not a data set (it is left unchanged), or there is no file and
        the download failed.
    """
    if name not in _SOURCES:
        raise DataError(f"There is no data set {name!r}; there are {', '.join(DATASETS)}.")
    source = _SOURCES[name]
    if source.torchvision_name is None:
        arrays = _digits()
    else:
        path = (directory or data_directory()) / f"{name}.npz"
        if not path.exists():
            write(path, _download(source.torchvision_name, path))
        arrays = _read(path, source)
    return Dataset(name=name, white=source.white, classes=source.classes, **arrays)


def _digits() -> dict[str, np.ndarray]:
    """Load scikit-learn's 1,797 digits. A fifth of them, always the same ones, are for testing."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels.astype(np.int64), test_size=0.2, stratify=labels, random_state=0
    )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _download(torchvision_name: str, path: Path) -> dict[str, np.ndarray]:
    from clnp_core.tasks.torchvision_import import torchvision_datasets

    fetch: Callable = getattr(torchvision_datasets(), torchvision_name)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            train, test = (fetch(scratch, train=part, download=True) for part in (True, False))
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"{path} is not there and {torchvision_name} could not be downloaded; "
                f"connect to the internet, or put the file there, or name its folder in CLNP_DATA_DIR."
            ) from error
    return {
        "x_train": _channels_first(np.asarray(train.data)),
        "y_train": np.asarray(train.targets, np.int64),
        "x_test": _channels_first(np.asarray(test.data)),
        "y_test": np.asarray(test.targets, np.int64),
    }


def _channels_first(images: np.ndarray) -> np.ndarray:
    """Turn images [N, H, W] or [N, H, W, C] into [N, C, H, W]."""
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)


def _read(path: Path, source: _Source) -> dict[str, np.ndarray]:
    with refusing_damage(path):
        with zipfile.ZipFile(path) as archive:
            _check_headers(path, archive, source)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
    for part in ("train", "test"):
        labels = arrays[f"y_{part}"]
        if labels.min() < 0 or labels.max() >= source.classes:
            raise DataError(
                f"{path}: y_{part} has labels from {labels.min()} to {labels.max()}; "
                f"they must be 0 to {source.classes - 1}."
            )
    return arrays


def _check_headers(path: Path, archive: zipfile.ZipFile, source: _Source) -> None:
    """Check names, types and shapes in the file's headers before any array is read into memory."""
    lengths = {}
    for name in ARRAYS:
        if f"{name}.npy" not in archive.namelist():
            raise DataError(f"{path} is not a data set: it has no array {name}; replace or remove it.")
        dtype, shape = header(archive, name)
        tail, wanted = (source.image_shape, np.uint8) if name.startswith("x") else ((), np.int64)
        fits = dtype == wanted and len(shape) == len(tail) + 1 and shape[1:] == tail
        if not fits or shape[0] < 1 or math.prod(shape) * dtype.itemsize > _MAX_ARRAY_BYTES:
            raise DataError(f"{path}: {name} is {dtype} {list(shape)}; it must be {np.dtype(wanted)} {['N', *tail]}.")
        lengths[name] = shape[0]
    for part in ("train", "test"):
        if lengths[f"x_{part}"] != lengths[f"y_{part}"]:
            raise DataError(
                f"{path}: x_{part} has {lengths[f'x_{part}']} images but y_{part} "
                f"{lengths[f'y_{part}']} labels; the numbers must be equal."
            )
