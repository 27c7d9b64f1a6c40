"""Own data as streams: given as arrays or as data sets of PyTorch, and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.bounds import Label
from clnp_core.tasks.collected import class_names, collected
from clnp_core.tasks.datasets import Dataset
from clnp_core.tasks.labels import check_names
from clnp_core.tasks.own import each_of, load_own, own_path, write_own

if TYPE_CHECKING:
    from torch.utils.data import Dataset as TorchDataset

_VALIDATION = 0.1


def from_arrays(name: str, tasks: Sequence[Sequence[np.ndarray]]) -> dict[str, Any]:
    """Store own images for runs to learn. Data that had the name before is replaced.

    Parameters
    ----------
    name : str
        At most 60 of the characters a-z, 0-9 and hyphen, no hyphen first.
    tasks : sequence of (x_train, y_train, x_test, y_test)
        One for each task: images [N, C, H, W], [N, H, W] or a table [N, features], uint8 from 0 to 255, booleans or
        floats (used unchanged), and labels [N]. All images must have the same shape and type.
        `clnp_core.tasks.images` says by which rule other axes and scales are recognised or refused. Labels are whole
        numbers (whole floats and booleans too) or names; [N, 1] is [N].

    Returns
    -------
    dict
        The stream's specification, for a run's `stream`.

    Raises
    ------
    DataError
        If an array is wrong (the message names it and its task), test images have a class that no training image of the
        task has, or the file cannot be written.

    Notes
    -----
    A task's classes are those of its training images. They keep the labels that they were given with, for people, and
    are numbered 0, 1, ... in the order of these labels, for the outputs of the network. A class without a test image is
    a warning.
    """
    return stored(name, tasks)


def stored(
    name: str, tasks: Sequence[Sequence[np.ndarray]], names: Sequence[Mapping[int, Label]] = ()
) -> dict[str, Any]:
    """Store own data, and return the stream's specification; see `from_arrays`.

    Parameters
    ----------
    name, tasks
        As for `from_arrays`.
    names : sequence of mappings
        Names of each task's classes by their labels, if they have any.
    """
    return _specified(name, write_own(name, tasks, names))


def own_stream(name: str) -> dict[str, Any]:
    """Return the stream's specification of own data that is stored already.

    Raises
    ------
    DataError
        If there is none of that name, or it is damaged.
    """
    return _specified(name, load_own(name))


def _specified(name: str, data: Sequence[Dataset]) -> dict[str, Any]:
    return stream_spec(name, data[0].x_train.shape[1:], [dataset.labels for dataset in data])


def stream_spec(name: str, image_shape: Sequence[int], labels: Sequence[Sequence[Label]]) -> dict[str, Any]:
    """Return the stream's specification of own data.

    Parameters
    ----------
    name : str
    image_shape : sequence of int
        (channels, height, width)
    labels : sequence of sequence of int or str
        The classes of each task, in the order of their numbers.
    """
    classes = max(map(len, labels))
    return {
        "kind": "own",
        "name": name,
        "image_shape": list(image_shape),
        "classes": classes,
        "tasks": len(labels),
        "validation": _VALIDATION,
        **({} if all(list(task) == list(range(classes)) for task in labels) else {"labels": list(map(list, labels))}),
    }


def from_datasets(name: str, tasks: Sequence[tuple[TorchDataset[Any], TorchDataset[Any]]]) -> dict[str, Any]:
    """Store own PyTorch data sets for runs to learn; see `from_arrays`.

    Parameters
    ----------
    name : str
    tasks : sequence of (train, test)
        One for each task: data sets of (image, label) pairs. An image is a PIL image, or a tensor [C, H, W], an array
        [H, W, C], either of them [H, W], or a row of a table [features]; floats, uint8 or booleans.
        `clnp_core.tasks.images` says by which rule other axes and scales are recognised or refused. A label is a whole
        number (a whole float or a boolean too) or a name, alone or in an array of one.

    Returns
    -------
    dict
        The stream's specification, for a run's `stream`.

    Raises
    ------
    DataError
        As `from_arrays`, or if the two data sets of a task name their classes differently; see `class_names`. Where
        both tell, they must have the same names under the same numbers.
    """
    own_path(name)  # refuses a wrong name before anything is read
    pairs, names = each_of(tasks, ("train", "test")), []
    for number, (train, test) in enumerate(pairs, 1):
        what = f"Own data {name!r}: task {number}"
        names.append(class_names(train, what))
        check_names(names[-1], other := class_names(test, what), what)
        names[-1] = names[-1] or other
    return stored(
        name,
        [
            (*collected(train, f"train images of task {number}"), *collected(test, f"test images of task {number}"))
            for number, (train, test) in enumerate(pairs, 1)
        ],
        names,
    )
