"""Own data: checked and kept as one file, with a data set for each task. Imports no torch."""

import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clnp_core.bounds import Label
from clnp_core.errors import DataError
from clnp_core.tasks.datasets import ARRAYS, Dataset, data_directory
from clnp_core.tasks.images import all_images
from clnp_core.tasks.labels import as_labels, numbered, shown
from clnp_core.tasks.npz import Header, header, refusing_damage, write

_LARGEST = 1e15  # squares of its multiples, which training takes, are still finite in 32 bits

CLASSES = "classes"
"""Name of the arrays of classes."""
OWN_NAME = r"[a-z0-9][a-z0-9-]{0,59}"
"""Pattern of the names of own data; none can lead out of its folder."""
MAX_TASKS = 1000
MAX_SIZE = 2**20
"""Most channels an image may have, most pixels of its height and of its width, and most features of a table."""
MAX_VALUES = 2**30
"""Most values an image may have."""
MAX_CLASSES = 100_000
MAX_BYTES = 8 * 2**30
"""Most bytes of the arrays of own data."""


def own_path(name: str) -> Path:
    """Return the path of own data by name.

    Raises
    ------
    DataError
        If own data cannot have that name.
    """
    if not isinstance(name, str) or not re.fullmatch(OWN_NAME, name):
        raise DataError(
            f"{name!r} cannot name own data; give at most 60 of the characters a-z, 0-9 and hyphen, no hyphen first."
        )
    return data_directory() / "own" / f"{name}.npz"


def load_own(name: str) -> tuple[Dataset, ...]:
    """Load own data by name: one data set for each task.

    The file is `own/<name>.npz` in `data_directory()`, with `x_train.t`, `y_train.t`, `x_test.t`, `y_test.t` for each
    task t = 1, 2, ...: images uint8 or float32 [N, C, H, W], all of one shape and type, and int64 labels [N], which
    number the task's classes from 0 on. `classes.t` are these classes as they were given, whole numbers or names. A
    file has them for every task or for none. If it has none, all tasks have the same classes, 0, 1, ...

    Raises
    ------
    DataError
        If there is no such file, or it is damaged or not own data.
    """
    path = own_path(name)
    if not path.exists():
        raise DataError(
            f"There is no own data {name!r} here: {path} does not exist; put it there, or set CLNP_DATA_DIR to the "
            f"folder of your data."
        )
    with refusing_damage(path):
        with zipfile.ZipFile(path) as archive:
            names = _names(str(path), [member.removesuffix(".npy") for member in archive.namelist()])
            _check_headers(str(path), {array: header(archive, array) for array in names})
        with np.load(path, allow_pickle=False) as stored:
            arrays = {array: stored[array] for array in names}
    return _tasks(str(path), name, arrays)


def write_own(
    name: str, tasks: Sequence[Sequence[Any]], names: Sequence[Mapping[int, Label]] = ()
) -> tuple[Dataset, ...]:
    """Check own data and write it where `load_own` finds it. Data that had the name before is replaced.

    Parameters
    ----------
    name : str
    tasks : sequence of (x_train, y_train, x_test, y_test)
        Images as for `load_own`, or all else that `clnp_core.tasks.images.all_images` takes; labels as for `as_labels`.
    names : sequence of mappings
        Names of each task's classes by their labels, if they have any.

    Raises
    ------
    DataError
        If an array is wrong (the message names it and its task) or the file cannot be written.
    """
    path, where = own_path(name), f"Own data {name!r}"
    arrays: dict[str, np.ndarray] = {}
    given_tasks = each_of(tasks, ARRAYS)
    classes: dict[str, tuple[Label, ...]] = {}
    for number, task in enumerate(given_tasks, 1):
        for array, given in zip(ARRAYS, task, strict=True):
            what = f"{where}: {array} of task {number}"
            read = as_labels if array.startswith("y") else all_images
            arrays[f"{array}.{number}"] = read(given, what)
    _names(where, list(arrays))
    whole = np.dtype(np.int64)  # which labels become, names too
    types = {array: whole if array.startswith("y") else content.dtype for array, content in arrays.items()}
    _check_headers(where, {array: (types[array], content.shape) for array, content in arrays.items()})
    for number in range(1, len(given_tasks) + 1):
        train, test, own = f"y_train.{number}", f"y_test.{number}", names[number - 1] if names else {}
        arrays[train], arrays[test], classes[f"{CLASSES}.{number}"] = numbered(
            arrays[train], arrays[test], own, f"{where}: task {number}"
        )
    if len({*classes.values()}) > 1 or any(labels != tuple(range(len(labels))) for labels in classes.values()):
        arrays |= {array: as_labels(labels, f"{where}: {array}") for array, labels in classes.items()}
    checked = _tasks(where, name, arrays)
    write(path, arrays)
    for number, dataset in enumerate(checked, 1):
        untested = sorted(set(range(dataset.classes)) - {*dataset.y_test.tolist()})
        if untested:
            lacking = shown(dataset.labels[place] for place in untested)
            warnings.warn(
                f"{where}: task {number} has no test image of {lacking}; its accuracy is without them.", stacklevel=4
            )
    return checked


def each_of(tasks: Any, parts: Sequence[str]) -> list[Sequence[Any]]:
    """List tasks, each a tuple or list of those parts.

    Raises
    ------
    DataError
        If it is no list of tasks, or a task has other parts.
    """
    wanted = f"({', '.join(parts)})"
    if isinstance(tasks, str | Mapping) or not isinstance(tasks, Iterable):
        raise DataError(f"tasks is of type {type(tasks).__name__}; give a list with {wanted} for each task.")
    given = list(tasks)
    for number, task in enumerate(given, 1):
        if not isinstance(task, tuple | list):
            raise DataError(f"Task {number} is of type {type(task).__name__}; give {wanted} for each task.")
        if len(task) != len(parts):
            raise DataError(f"Task {number} has {len(task)} parts; give {wanted} for each task.")
    return given


def _names(where: str, names: Sequence[str]) -> list[str]:
    """Return the array names of all tasks in order, after checking that exactly these are given."""
    tasks = sum(name.startswith("x_train.") for name in names)
    if not 1 <= tasks <= MAX_TASKS:
        raise DataError(f"{where} has {tasks} tasks; there must be 1 to {MAX_TASKS}.")
    given = set(names)
    has_classes = any(name.startswith(f"{CLASSES}.") for name in names)
    wanted = [f"{array}.{task}" for task in range(1, tasks + 1) for array in (*ARRAYS, *[CLASSES] * has_classes)]
    missing, foreign = [name for name in wanted if name not in given], given.difference(wanted)
    if missing:
        raise DataError(f"{where} has no array {missing[0]}; each task must have {', '.join(ARRAYS)}.")
    if foreign:
        raise DataError(f"{where} has an array {min(foreign)}, which belongs to none of its {tasks} tasks; remove it.")
    return wanted


def _check_headers(where: str, headers: Mapping[str, Header]) -> None:
    """Check types and shapes. Images come before their labels, and task 1 first."""
    first: tuple[np.dtype, list[int]] | None = None
    count = 0
    for name, (dtype, shape) in headers.items():
        array, _, task = name.partition(".")
        what = f"{where}: {array} of task {task}"
        if array == CLASSES:
            if (dtype != np.int64 and dtype.kind != "U") or len(shape) != 1:
                raise DataError(f"{what} is {dtype} {list(shape)}; it must be whole numbers or names, ['classes'].")
            continue
        if array.startswith("y"):
            if dtype != np.int64 or len(shape) != 1:
                raise DataError(f"{what} is {dtype} {list(shape)}; it must be whole numbers, int64 ['N'].")
            if shape[0] != count:
                raise DataError(f"{what} has {shape[0]} labels for {count} images; the numbers must be equal.")
            continue
        if dtype not in (np.uint8, np.float32) or len(shape) != 4:
            raise DataError(f"{what} is {dtype} {list(shape)}; it must be uint8 or float32 ['N', 'C', 'H', 'W'].")
        count, *image = shape
        if not all(1 <= size <= MAX_SIZE for size in image):
            raise DataError(f"{what} has images of {image}; each size must be 1 to {MAX_SIZE}.")
        if math.prod(image) > MAX_VALUES:
            raise DataError(f"{what} has images of {image}; each may have at most {MAX_VALUES:,} values.")
        first = first or (dtype, image)
        if (dtype, image) != first:
            raise DataError(
                f"{what} has images {dtype} {image}, x_train of task 1 {first[0]} {first[1]}; "
                f"all must have the same shape and type."
            )
        if count < (least := 2 if array == "x_train" else 1):
            raise DataError(f"{what} has too few images, {count}; there must be at least {least}.")
    size = sum(math.prod(shape) * dtype.itemsize for dtype, shape in headers.values())
    if size > MAX_BYTES:
        raise DataError(f"{where} has {size / 2**30:.1f} GiB of arrays; at most {MAX_BYTES / 2**30:.0f} can be used.")


def _tasks(where: str, name: str, arrays: Mapping[str, np.ndarray]) -> tuple[Dataset, ...]:
    """Build a data set for each task, after checking the values."""
    tasks = range(1, sum(array.startswith("x_train.") for array in arrays) + 1)
    most = 0
    for array, content in arrays.items():
        what = f"{where}: {array.replace('.', ' of task ')}"
        own = arrays.get(f"{CLASSES}.{array.partition('.')[2]}")
        limit = MAX_CLASSES if own is None else min(len(own), MAX_CLASSES)
        if array.startswith(CLASSES):
            as_labels(content, what)
        elif array.startswith("x"):
            if content.dtype != np.float32:
                continue
            largest = max(content.max(), -content.min())
            if not np.isfinite(largest):
                raise DataError(f"{what} has values that are infinite or not a number; all must be finite.")
            if largest > _LARGEST:
                raise DataError(
                    f"{what} has values of up to {largest:.3g}, too large to train on; scale them, for instance to 0 "
                    f"to 1."
                )
        elif content.min() < 0 or content.max() >= limit:
            raise DataError(
                f"{what} has labels from {content.min()} to {content.max()}; they must be 0, 1, ... "
                f"{limit - 1} at most."
            )
        else:
            most = max(most, int(content.max()))
    if most == 0:
        raise DataError(f"{where} has one class only; one task at least must have two.")
    white = 255 if arrays["x_train.1"].dtype == np.uint8 else 1

    def dataset(task: int) -> Dataset:
        labels = tuple(arrays.get(f"{CLASSES}.{task}", np.arange(most + 1)).tolist())
        own = {array: arrays[f"{array}.{task}"] for array in ARRAYS}
        return Dataset(name=name, white=white, classes=len(labels), labels=labels, **own)

    return tuple(map(dataset, tasks))
