"""Divides samples into tasks: by class, by a column, or permuted. Every sample is in exactly one task, or in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clnp_core.errors import DataError
from clnp_core.seeds import derive_seed
from clnp_core.tasks.files.samples import Samples
from clnp_core.tasks.labels import shown
from clnp_core.tasks.own import MAX_BYTES, MAX_TASKS

_KINDS = "classes:2, column:NAME or permuted:10"


@dataclass(frozen=True)
class Part:
    """Which samples a task has, and in which order it sees their values.

    Attributes
    ----------
    named : str
        What it is, for people.
    train, test : int64 arrays [N]
        Places of its samples.
    order : int64 array [inputs] or None
        It sees value `order[i]` of a sample at place i. None: all in their own places.
    """

    named: str
    train: np.ndarray
    test: np.ndarray
    order: np.ndarray | None = None


def column_of(tasks: str) -> str | None:
    """Return the column by which a division goes, if by one."""
    kind, _, name = _parsed(tasks)
    return name if kind == "column" else None


def divided(samples: Samples, tasks: str) -> list[Part]:
    """Divide samples into tasks.

    Parameters
    ----------
    samples : Samples
        Read with the column, if divided by one.
    tasks : str
        - "classes:2": two classes a task, in the order of their labels. If some are left over, they are a task if they
          are several, and one belongs to the last task.
        - "column:site": a task for each value of the column, in their order.
        - "permuted:10": ten tasks of all samples, each with their values in an order of its own: task 1 as they are.

    Raises
    ------
    DataError
        If there is no such division, or a task would have too few samples, or test samples of a class without any to
        train on.
    """
    kind, number, _ = _parsed(tasks)
    if kind == "permuted":
        _check_size(samples, number)
        train, test = np.flatnonzero(~samples.is_test), np.flatnonzero(samples.is_test)
        inputs = samples.x[0].size
        orders = [np.random.default_rng(derive_seed(0, "permutation", task)) for task in range(2, number + 1)]
        parts = [Part("in their own order", train, test)]
        parts += [
            Part(f"permutation {task}", train, test, draw.permutation(inputs)) for task, draw in enumerate(orders, 1)
        ]
    elif kind == "column":
        assert samples.by is not None, "read(..., by=...) had none"
        labels = samples.by.values
        if not 2 <= len(labels) <= MAX_TASKS:
            some = shown(labels, 3) if len(labels) > 1 else f"only {labels[0]!r}"
            raise DataError(
                f"tasks: the column that {samples.name} is divided by has {len(labels):,} values, {some}; give one "
                f"with 2 to {MAX_TASKS}."
            )
        parts = [_part(samples, str(value), samples.by.places == place) for place, value in enumerate(labels)]
    else:
        parts = [
            _part(samples, shown((samples.y.values[place] for place in own), 4), np.isin(samples.y.places, own))
            for own in _groups(len(samples.y.values), number, samples)
        ]
    for task, part in enumerate(parts, 1):
        _check(samples, task, part)
    return parts


def part_arrays(samples: Samples, part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x_train, y_train, x_test, y_test of a task; labels are places among the classes of all samples."""
    x_train, x_test = (seen(samples, part, rows) for rows in (part.train, part.test))
    return x_train, samples.y.places[part.train], x_test, samples.y.places[part.test]


def seen(samples: Samples, part: Part, rows: np.ndarray) -> np.ndarray:
    """Return samples as a task sees them, [N, channels, height, width]."""
    x: np.ndarray = samples.x[rows]
    return x if part.order is None else x.reshape(len(x), -1)[:, part.order].reshape(x.shape)


def in_turn(labels: np.ndarray, count: int) -> np.ndarray:
    """Choose so many samples to look at, the first ones of each class in turn: their places among the labels [N]."""
    order = np.argsort(labels, kind="stable")
    _, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, sizes)  # in its class
    chosen: np.ndarray = order[np.lexsort((labels[order], rank))][:count]
    return chosen


def _parsed(tasks: str) -> tuple[str, int, str]:
    """Take a division apart: its kind, its number, and its column."""
    kind, colon, value = str(tasks).partition(":")
    if not colon or not value or kind not in ("classes", "column", "permuted"):
        raise DataError(f"tasks: {tasks!r} is no way to divide samples into tasks; give {_KINDS}.")
    if kind == "column":
        return kind, 0, value
    least, most, what = (2, 10**6, "classes a task") if kind == "classes" else (1, MAX_TASKS, "tasks")
    if not (value.isascii() and value.isdecimal() and least <= int(value[:9]) <= most):
        raise DataError(
            f"tasks: {value!r} {what} are not possible; give {kind}: and a number from {least} to {most:,}."
        )
    return kind, int(value), ""


def _check_size(samples: Samples, tasks: int) -> None:
    """Refuse permutations that together are too large, before any is made."""
    if (size := tasks * samples.x.nbytes) > MAX_BYTES:
        raise DataError(
            f"tasks: {samples.name} permuted {tasks} times takes {size / 2**30:.1f} GiB; give at most "
            f"permuted:{MAX_BYTES // samples.x.nbytes}."
        )


def _groups(classes: int, size: int, samples: Samples) -> list[np.ndarray]:
    if size > classes:
        raise DataError(f"tasks: {size} classes a task are more than the {classes} of {samples.name}; give fewer.")
    starts = list(range(0, classes, size))
    if classes - starts[-1] == 1:
        del starts[-1]  # a single class is no task
    if len(starts) > MAX_TASKS:
        raise DataError(f"tasks: classes:{size} of {samples.name} are {len(starts):,} tasks; give at most {MAX_TASKS}.")
    return np.split(np.arange(classes), starts[1:])


def _part(samples: Samples, named: str, is_own: np.ndarray) -> Part:
    return Part(named, np.flatnonzero(is_own & ~samples.is_test), np.flatnonzero(is_own & samples.is_test))


def _check(samples: Samples, task: int, part: Part) -> None:
    if len(part.train) < 2 or len(part.test) < 1:
        raise DataError(
            f"tasks: task {task} ({part.named}) has {len(part.train)} samples to train and {len(part.test)} to test "
            f"with; at least 2 and 1 are needed."
        )
    trained, tested = (np.unique(samples.y.places[rows]) for rows in (part.train, part.test))
    if len(unknown := np.setdiff1d(tested, trained)):
        labels = shown(samples.y.values[place] for place in unknown)
        raise DataError(
            f"tasks: task {task} ({part.named}) has samples of {labels} to test with, and none to train on; give some, "
            f"or leave these out."
        )
