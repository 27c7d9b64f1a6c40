"""Finds, loads and checks the data of a stream's specification. Imports no torch, because the engine uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from clnp_core.errors import DataError, SpecError
from clnp_core.tasks.datasets import Dataset, data_directory, is_here, load
from clnp_core.tasks.own import load_own, own_path


def content_digest(asked: Mapping[str, Any]) -> str:
    """Compute the SHA-256 of all data of a stream, in hexadecimal.

    Raises
    ------
    DataError
        If the data is missing or damaged.
    """
    return loaded(asked)[1]


def check_same(asked: Mapping[str, Any], digest: str, run: str) -> str:
    """Check that the data of a stream is what a run was begun on, and return its digest.

    Raises
    ------
    DataError
        If it has changed since, is missing or damaged.
    """
    now = content_digest(asked)
    if now != digest:
        raise DataError(
            f"The run {run} was learned on other data: the data set {' + '.join(_names(asked))} has changed since "
            f"(its digest was {digest[:12]}…, now it is {now[:12]}…); put the former data back to go on with it, or "
            f"start a new run."
        )
    return now


def at_hand(asked: Mapping[str, Any]) -> bool:
    """Tell whether a stream's data is on this machine already. Its content is not checked."""
    return all(own_path(name).exists() if asked["kind"] == "own" else is_here(name) for name in _names(asked))


def check(asked: Mapping[str, Any]) -> None:
    """Check a stream's specification against its data.

    Raises
    ------
    SpecError
        If there are too few images or tasks, or own data does not match the specification.
    DataError
        If the data is missing or damaged.
    """
    data, _ = loaded(asked)
    if asked["kind"] in ("permuted", "rotated"):
        if asked["validation"] >= (images := len(data[0].x_train)):
            raise SpecError(
                f"stream.validation: {asked['validation']} images cannot be held out of the {images} "
                f"training images of {data[0].name}; give fewer."
            )
        return
    if asked["kind"] == "own":
        shape = list(data[0].x_train.shape[1:])
        if list(asked["image_shape"]) != shape:
            raise SpecError(
                f"stream.image_shape: {list(asked['image_shape'])} is not the shape of {asked['name']}; give {shape}."
            )
        if asked["tasks"] > len(data):
            raise SpecError(
                f"stream.tasks: {asked['tasks']} is more than the {len(data)} tasks of {asked['name']}; give fewer."
            )
        classes = [dataset.classes for dataset in data]
        if labels := asked.get("labels"):
            if (told := list(map(len, labels))) != classes:
                raise SpecError(
                    f"stream.labels: they are {_counted(told)} classes of the tasks of {asked['name']}, which have "
                    f"{_counted(classes)}; give the stream that from_arrays or from_datasets returned."
                )
        elif {asked["classes"]} != {*classes}:
            raise SpecError(
                f"stream.classes: {asked['classes']} is not the number of classes of every task of {asked['name']}, "
                f"which have {_counted(classes)}; give the stream that from_arrays or from_datasets returned."
            )
        for number, dataset in enumerate(data, start=1):
            if len(dataset.x_train) < 2 or len(dataset.x_test) < 1:
                raise SpecError(
                    f"stream: task {number} of {asked['name']} has {len(dataset.x_train)} training and "
                    f"{len(dataset.x_test)} test images; at least 2 and 1 are needed."
                )


def _counted(classes: list[int]) -> str:
    return ", ".join(map(str, classes if len({*classes}) > 1 else classes[:1]))


def loaded(asked: Mapping[str, Any]) -> tuple[tuple[Dataset, ...], str]:
    """Load a stream's data and compute its digest. Both are cached in memory.

    Raises
    ------
    DataError
        If the data is missing or damaged.
    """
    names = _names(asked)
    if asked["kind"] == "own":
        return _loaded(True, names, tuple(_state(own_path(name)) for name in names))
    return _loaded(False, names, tuple(_state(data_directory() / f"{name}.npz") for name in names))


def _names(asked: Mapping[str, Any]) -> tuple[str, ...]:
    match asked["kind"]:
        case "own":
            return (asked["name"],)
        case "permuted" | "rotated":
            return (asked["dataset"],)
        case _:
            return tuple(asked["datasets"])


_State = tuple[Path, int, int]


def _state(path: Path) -> _State:
    """Identify a version of a file: it changes when the file is replaced, so that no outdated data is used."""
    if not path.exists():
        return path, 0, 0
    found = path.stat()
    return path, found.st_ino, found.st_mtime_ns


@lru_cache(maxsize=2)
def _loaded(own: bool, names: tuple[str, ...], states: tuple[_State, ...]) -> tuple[tuple[Dataset, ...], str]:
    data = load_own(*names) if own else tuple(load(name) for name in names)
    digests = [dataset.digest() for dataset in data]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return data, whole
