"""Image data sets: found on disk, else fetched once, checked and kept as one `.npz`. Imports no torch by itself."""

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from clnp_core.errors import DataError

# No data set of ours comes near this; a file that claims more is not one of them.
_MAX_ARRAY_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Dataset:
    """Labelled images, as whole numbers.

    Attributes
    ----------
    name : str
    x_train, x_test : uint8 arrays [N, C, H, W]
    y_train, y_test : int64 arrays [N], labels in 0 ... classes - 1
    white : int
        The largest value a pixel can have: pixels divided by it lie in [0, 1].
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
        """SHA-256 of the content, hexadecimal: two data sets of one digest are the same."""
        hashed = hashlib.sha256(f"{self.name} {self.white} {self.classes}".encode())
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
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
}
DATASETS = tuple(_SOURCES)
"""Names that `load` knows."""


def data_directory() -> Path:
    """Where data sets are kept: `CLNP_DATA_DIR`, else this user's cache directory."""
    named = os.environ.get("CLNP_DATA_DIR")
    return Path(named) if named else platformdirs.user_cache_path("clnp") / "data"


def image_shape(name: str) -> tuple[int, int, int]:
    """(channels, height, width) of that data set's images."""
    return _SOURCES[name].image_shape


def load(name: str, directory: Path | None = None) -> Dataset:
    """A data set by name.

    `digits` is part of scikit-learn and needs no file. The others are `<name>.npz` in `directory` (default:
    `data_directory()`), with uint8 `x_train`, `x_test` [N, C, H, W] and int64 `y_train`, `y_test` [N]. A file
    already there is used as it is; else torchvision downloads the data, once.

    Raises
    ------
    DataError
        If the file is damaged or another kind of file (it is left as it was), or there is none and it could not
        be downloaded.
    """
    if name not in _SOURCES:
        raise DataError(f"There is no data set {name!r}; there are {', '.join(DATASETS)}.")
    source = _SOURCES[name]
    if source.torchvision_name is None:
        arrays = _digits()
    else:
        path = (directory or data_directory()) / f"{name}.npz"
        if not path.exists():
            _write(path, _download(source.torchvision_name, path))
        arrays = _read(path, source)
    return Dataset(name=name, white=source.white, classes=source.classes, **arrays)


def _digits() -> dict[str, np.ndarray]:
    """scikit-learn's 1,797 digits, a fifth of them for testing, the same ones always."""
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
        "x_train": train.data.numpy()[:, None],
        "y_train": train.targets.numpy().astype(np.int64),
        "x_test": test.data.numpy()[:, None],
        "y_test": test.targets.numpy().astype(np.int64),
    }


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write beside the target and rename, so that a crash or a full disk leaves no half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz.part", delete=False) as file:
            part = Path(file.name)
            try:
                np.savez_compressed(file, **arrays)
                file.close()
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error


def _read(path: Path, source: _Source) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_headers(path, archive, source)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is damaged or not a data set: {error}; replace or remove it.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    for part in ("train", "test"):
        labels = arrays[f"y_{part}"]
        if labels.min() < 0 or labels.max() >= source.classes:
            raise DataError(
                f"{path}: y_{part} has labels from {labels.min()} to {labels.max()}; "
                f"they must be 0 to {source.classes - 1}."
            )
    return arrays


def _check_headers(path: Path, archive: zipfile.ZipFile, source: _Source) -> None:
    """Refuse by what the file says of itself, before any array is read into memory."""
    lengths = {}
    for name in ("x_train", "y_train", "x_test", "y_test"):
        if f"{name}.npy" not in archive.namelist():
            raise DataError(f"{path} is not a data set of ours: it has no array {name}; replace or remove it.")
        with archive.open(f"{name}.npy") as member:
            version = np.lib.format.read_magic(member)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(member)
        tail, wanted = (source.image_shape, np.uint8) if name.startswith("x") else ((), np.int64)
        fits = dtype == wanted and len(shape) == len(tail) + 1 and shape[1:] == tail
        if not fits or shape[0] < 1 or np.prod(shape) * dtype.itemsize > _MAX_ARRAY_BYTES:
            raise DataError(
                f"{path}: {name} is {dtype} {list(shape)}; it must be {np.dtype(wanted)} {['N', *tail]}."
            )
        lengths[name] = shape[0]
    for part in ("train", "test"):
        if lengths[f"x_{part}"] != lengths[f"y_{part}"]:
            raise DataError(
                f"{path}: x_{part} has {lengths[f'x_{part}']} images but y_{part} "
                f"{lengths[f'y_{part}']} labels; there must be as many."
            )
