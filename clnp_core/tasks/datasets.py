"""Image data sets: found on disk, else fetched once, checked and kept as one `.npz`. Imports no torch by itself."""

import hashlib
import lzma
import math
import os
import re
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from clnp_core.errors import DataError

# No data set of ours comes near this; a file that claims more is not one of them.
_MAX_ARRAY_BYTES = 4 * 2**30
_MAX_OWN_BYTES = 8 * 2**30

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")

OWN_NAME = r"[a-z0-9][a-z0-9-]{0,59}"
"""What names own data, as a pattern: nothing that could lead out of its folder."""
MAX_TASKS = 1000
MAX_SIZE = 1024
"""The most channels, and pixels of height or width, that an image may have."""
MAX_CLASSES = 100_000


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Attributes
    ----------
    name : str
    x_train, x_test : uint8 arrays [N, C, H, W]
        Float32 in own data, if that is what was given.
    y_train, y_test : int64 arrays [N], labels in 0 ... classes - 1
    white : int
        What pixels are divided by before use: the largest value they can have, or 1 for floats.
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
        for array in (getattr(self, name) for name in _ARRAYS):
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
    """Where data sets are kept: `CLNP_DATA_DIR`, else this user's cache directory."""
    named = os.environ.get("CLNP_DATA_DIR")
    return Path(named) if named else platformdirs.user_cache_path("clnp") / "data"


def image_shape(name: str) -> tuple[int, int, int]:
    """(channels, height, width) of that data set's images."""
    return _SOURCES[name].image_shape


def classes(name: str) -> int:
    """How many classes that data set has."""
    return _SOURCES[name].classes


def is_here(name: str) -> bool:
    """Whether that data set can be had without a download."""
    return _SOURCES[name].torchvision_name is None or (data_directory() / f"{name}.npz").exists()


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
        "x_train": _channels_first(np.asarray(train.data)),
        "y_train": np.asarray(train.targets, np.int64),
        "x_test": _channels_first(np.asarray(test.data)),
        "y_test": np.asarray(test.targets, np.int64),
    }


def _channels_first(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W] or [N, H, W, C] as [N, C, H, W]."""
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)


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
    with _refusing_damage(path):
        with zipfile.ZipFile(path) as archive:
            _check_headers(path, archive, source)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAYS}
    for part in ("train", "test"):
        labels = arrays[f"y_{part}"]
        if labels.min() < 0 or labels.max() >= source.classes:
            raise DataError(
                f"{path}: y_{part} has labels from {labels.min()} to {labels.max()}; "
                f"they must be 0 to {source.classes - 1}."
            )
    return arrays


# What zipfile and numpy raise for content they cannot make sense of.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tokenize.TokenError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
)


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged or not a data set: {error}; replace or remove it.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


_Header = tuple[np.dtype, tuple[int, ...]]  # dtype and shape


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    """What an array's file says of itself."""
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(member)
    return dtype, shape


def _check_headers(path: Path, archive: zipfile.ZipFile, source: _Source) -> None:
    """Refuse by what the file says of itself, before any array is read into memory."""
    lengths = {}
    for name in _ARRAYS:
        if f"{name}.npy" not in archive.namelist():
            raise DataError(f"{path} is not a data set of ours: it has no array {name}; replace or remove it.")
        dtype, shape = _header(archive, name)
        tail, wanted = (source.image_shape, np.uint8) if name.startswith("x") else ((), np.int64)
        fits = dtype == wanted and len(shape) == len(tail) + 1 and shape[1:] == tail
        if not fits or shape[0] < 1 or math.prod(shape) * dtype.itemsize > _MAX_ARRAY_BYTES:
            raise DataError(f"{path}: {name} is {dtype} {list(shape)}; it must be {np.dtype(wanted)} {['N', *tail]}.")
        lengths[name] = shape[0]
    for part in ("train", "test"):
        if lengths[f"x_{part}"] != lengths[f"y_{part}"]:
            raise DataError(
                f"{path}: x_{part} has {lengths[f'x_{part}']} images but y_{part} "
                f"{lengths[f'y_{part}']} labels; there must be as many."
            )


def own_path(name: str) -> Path:
    """Where own data of that name is kept.

    Raises
    ------
    DataError
        If the name is none that own data can have.
    """
    if not re.fullmatch(OWN_NAME, name):
        raise DataError(
            f"{name!r} cannot name own data; give at most 60 of the characters a-z, 0-9 and hyphen, no hyphen first."
        )
    return data_directory() / "own" / f"{name}.npz"


def load_own(name: str) -> tuple[Dataset, ...]:
    """Own data by name: one data set for each task.

    It is `own/<name>.npz` in `data_directory()`, with `x_train.t`, `y_train.t`, `x_test.t`, `y_test.t` for each task
    t = 1, 2, ...: images uint8 or float32 [N, C, H, W], all of one shape and type, and int64 labels [N].

    Raises
    ------
    DataError
        If there is no such file, or it is damaged or another kind of file.
    """
    path = own_path(name)
    if not path.exists():
        raise DataError(
            f"There is no own data {name!r} here: {path} is not there; put it there, or name its folder in "
            f"CLNP_DATA_DIR."
        )
    with _refusing_damage(path):
        with zipfile.ZipFile(path) as archive:
            names = _own_names(str(path), [member.removesuffix(".npy") for member in archive.namelist()])
            _check_own_headers(str(path), {array: _header(archive, array) for array in names})
        with np.load(path, allow_pickle=False) as stored:
            arrays = {array: stored[array] for array in names}
    return _own_tasks(str(path), name, arrays)


def write_own(name: str, tasks: Sequence[Sequence[np.ndarray]]) -> tuple[Dataset, ...]:
    """Check own data and keep it where `load_own` finds it, in place of what had that name before.

    Parameters
    ----------
    name : str
    tasks : sequence of (x_train, y_train, x_test, y_test)
        As `load_own` says; labels may be whole numbers of any type.

    Raises
    ------
    DataError
        Naming what is wrong and the task, or if the file cannot be written.
    """
    path, where = own_path(name), f"Own data {name!r}"
    arrays: dict[str, np.ndarray] = {}
    for number, task in enumerate(tasks, 1):
        if len(task) != len(_ARRAYS):
            raise DataError(f"{where}: task {number} has {len(task)} arrays; it must have {', '.join(_ARRAYS)}.")
        for array, given in zip(_ARRAYS, task, strict=True):
            try:
                content = np.asarray(given)
            except (ValueError, TypeError, RuntimeError) as error:
                raise DataError(f"{where}: {array} of task {number} is not an array: {error}.") from error
            is_whole = array.startswith("y") and content.dtype.kind in "iu"
            arrays[f"{array}.{number}"] = content.astype(np.int64) if is_whole else content
    _own_names(where, list(arrays))
    _check_own_headers(where, {array: (content.dtype, content.shape) for array, content in arrays.items()})
    checked = _own_tasks(where, name, arrays)
    _write(path, arrays)
    return checked


def _own_names(where: str, names: Sequence[str]) -> list[str]:
    """The names of all tasks' arrays in their order, if they are those given."""
    tasks = sum(name.startswith("x_train.") for name in names)
    if not 1 <= tasks <= MAX_TASKS:
        raise DataError(f"{where} has {tasks} tasks; there must be 1 to {MAX_TASKS}.")
    wanted = [f"{array}.{task}" for task in range(1, tasks + 1) for array in _ARRAYS]
    given = set(names)
    missing, foreign = [name for name in wanted if name not in given], given.difference(wanted)
    if missing:
        raise DataError(f"{where} has no array {missing[0]}; each task must have {', '.join(_ARRAYS)}.")
    if foreign:
        raise DataError(f"{where} has an array {min(foreign)}, which belongs to none of its {tasks} tasks; remove it.")
    return wanted


def _check_own_headers(where: str, headers: Mapping[str, _Header]) -> None:
    """Refuse by types and shapes alone; each images' header stands before its labels', task 1's first."""
    first: tuple[np.dtype, list[int]] | None = None
    count = 0
    for name, (dtype, shape) in headers.items():
        array, _, task = name.partition(".")
        what = f"{where}: {array} of task {task}"
        if array.startswith("y"):
            if dtype != np.int64 or len(shape) != 1:
                raise DataError(f"{what} is {dtype} {list(shape)}; it must be whole numbers, int64 ['N'].")
            if shape[0] != count:
                raise DataError(f"{what} has {shape[0]} labels for {count} images; there must be as many.")
            continue
        if dtype not in (np.uint8, np.float32) or len(shape) != 4:
            raise DataError(f"{what} is {dtype} {list(shape)}; it must be uint8 or float32 ['N', 'C', 'H', 'W'].")
        count, *image = shape
        if not all(1 <= size <= MAX_SIZE for size in image):
            raise DataError(f"{what} has images of {image}; each size must be 1 to {MAX_SIZE}.")
        first = first or (dtype, image)
        if (dtype, image) != first:
            raise DataError(
                f"{what} has images {dtype} {image}, x_train of task 1 {first[0]} {first[1]}; all must be alike."
            )
        if count < (least := 2 if array == "x_train" else 1):
            raise DataError(f"{what} has too few images, {count}; there must be at least {least}.")
    size = sum(math.prod(shape) * dtype.itemsize for dtype, shape in headers.values())
    if size > _MAX_OWN_BYTES:
        raise DataError(
            f"{where} has {size / 2**30:.1f} GiB of arrays; at most {_MAX_OWN_BYTES / 2**30:.0f} can be used."
        )


def _own_tasks(where: str, name: str, arrays: Mapping[str, np.ndarray]) -> tuple[Dataset, ...]:
    """One data set for each task, after a look at the values."""
    most = 0
    for array, content in arrays.items():
        what = f"{where}: {array.replace('.', ' of task ')}"
        if array.startswith("x"):
            if content.dtype == np.float32 and not np.isfinite(content).all():
                raise DataError(f"{what} has values that are infinite or not a number; all must be finite.")
        elif content.min() < 0 or content.max() >= MAX_CLASSES:
            raise DataError(
                f"{what} has labels from {content.min()} to {content.max()}; they must be 0, 1, ... "
                f"{MAX_CLASSES - 1} at most."
            )
        else:
            most = max(most, int(content.max()))
    if most == 0:
        raise DataError(f"{where} has the label 0 alone; there must be at least two classes.")
    white = 255 if arrays["x_train.1"].dtype == np.uint8 else 1
    return tuple(
        Dataset(name, *(arrays[f"{array}.{task}"] for array in _ARRAYS), white=white, classes=most + 1)
        for task in range(1, len(arrays) // len(_ARRAYS) + 1)
    )
