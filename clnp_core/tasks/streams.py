"""Streams: sequences of tasks made from data sets or from own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clnp_core.bounds import Label
from clnp_core.errors import DataError, SpecError
from clnp_core.lazy import torch
from clnp_core.seeds import derive_seed
from clnp_core.tasks.class_order import groups_of_classes
from clnp_core.tasks.collected import class_names, collected
from clnp_core.tasks.content import loaded
from clnp_core.tasks.datasets import Dataset
from clnp_core.tasks.labels import check_names
from clnp_core.tasks.own import each_of, own_path, write_own

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import Dataset as TorchDataset

_OWN_VALIDATION = 0.1


@dataclass(frozen=True)
class Split:
    """Images and labels as tensors: x float32 [N, inputs], y int64 [N]. A batch is a slice.

    Pixels lie in [0, 1]; own data given as floats is used unchanged.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def to(self, device: torch.device) -> Split:
        """Move the split to another device."""
        return Split(self.x.to(device), self.y.to(device))


@dataclass(frozen=True)
class Task:
    """One task of a stream.

    Attributes
    ----------
    number : int
        1 for the first.
    train, validation, test : Split
        Validation samples are held out of the data set's training images.
    """

    number: int
    train: Split
    validation: Split
    test: Split

    def to(self, device: torch.device) -> Task:
        """Move the task to another device."""
        return Task(self.number, self.train.to(device), self.validation.to(device), self.test.to(device))


class Stream(Protocol):
    """A sequence of tasks, numbered from 1. All its randomness comes from the seed."""

    tasks: int

    def task(self, number: int) -> Task:
        """Return task `number` as tensors."""

    def held_out(self, number: int) -> Split:
        """Return only the validation set of task `number`."""

    def test(self, number: int) -> Split:
        """Return only the test set of task `number`."""

    def drawn(self) -> dict[str, np.ndarray]:
        """Return everything that was drawn at random, by name."""


class PermutedStream:
    """A stream that shows the same images in every task, with their pixels in another order (section 3.1).

    The constructor draws everything random from the seed, before any training: the permutations, and the training
    images that are held out for validation, the same ones for every task.

    Parameters
    ----------
    dataset : Dataset
    tasks : int
    validation : int
        Number of training images held out; at least one image must be left.
    seed : int
    identity_first : bool
        Whether task 1 sees the images as they are.

    Attributes
    ----------
    permutations : int64 array [tasks, inputs]
        Task t sees pixel permutations[t - 1, i] at position i.
    order : int64 array [N]
        Training images: first those to train on, then the `validation` held-out ones.
    """

    def __init__(self, dataset: Dataset, tasks: int, validation: int, seed: int, identity_first: bool) -> None:
        self.dataset = dataset
        self.tasks = tasks
        self.validation = validation
        inputs = dataset.x_train[0].size
        self.permutations = np.stack(
            [
                np.arange(inputs)
                if identity_first and task == 1
                else np.random.default_rng(derive_seed(seed, "permutation", task)).permutation(inputs)
                for task in range(1, tasks + 1)
            ]
        )
        self.order = np.random.default_rng(derive_seed(seed, "validation")).permutation(len(dataset.x_train))

    def task(self, number: int) -> Task:
        """Return task `number`, 1 for the first, as tensors."""
        rows = self.order[: len(self.order) - self.validation]
        train = self._split(self.dataset.x_train, self.dataset.y_train, number, rows)
        return Task(number, train, self.held_out(number), self.test(number))

    def held_out(self, number: int) -> Split:
        """Return only the validation set of task `number`."""
        rows = self.order[len(self.order) - self.validation :]
        return self._split(self.dataset.x_train, self.dataset.y_train, number, rows)

    def test(self, number: int) -> Split:
        """Return only the test set of task `number`."""
        return self._split(self.dataset.x_test, self.dataset.y_test, number)

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the attributes `permutations` and `order`."""
        return {"permutations": self.permutations, "order": self.order}

    def _split(self, images: np.ndarray, labels: np.ndarray, number: int, rows: np.ndarray | None = None) -> Split:
        if rows is not None:
            images, labels = images[rows], labels[rows]
        # Unlike plain indexing, take keeps each image contiguous, so that a batch is gathered fast.
        pixels = images.reshape(len(images), -1).take(self.permutations[number - 1], axis=1)  # uint8 [N, inputs]
        x = torch.from_numpy(pixels) / self.dataset.white
        return Split(x, torch.from_numpy(np.ascontiguousarray(labels)))


class SplitStream:
    """A stream whose tasks are successive groups of classes: those of the first data set, then of the second, ...

    Classes keep their order, unless another is given. Those left over at the end of a data set, too few for a task, are
    not used. The labels of every task begin at 0, in the order of its classes. The constructor draws everything random
    from the seed, before any training: for each task separately, the training images that are held out for validation,
    and the order of classes where that is random.

    Parameters
    ----------
    datasets : sequence of Dataset
    classes_per_task : int
    tasks : int
    validation : float
        Share of a task's training images that is held out, 0 < validation < 1. At least one is held out, never all.
    seed : int
    class_order : sequence of int or "random", optional
        As `SplitSpec.class_order` in `clnp_core.runs.spec.stream`, and checked there.

    Attributes
    ----------
    orders : tuple of int64 arrays [N]
        The rows of each task among its data set's training images: first those to train on, then those held out.

    Raises
    ------
    SpecError
        If the data sets have too few classes for that many tasks, or a task has too few images.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        classes_per_task: int,
        tasks: int,
        validation: float,
        seed: int,
        class_order: Sequence[int] | str | None = None,
    ) -> None:
        groups = self._grouped(datasets, classes_per_task, seed, class_order)
        if tasks > len(groups):
            names = " + ".join(dict.fromkeys(dataset.name for dataset in datasets))
            raise SpecError(f"stream.tasks: {tasks} is more than the {len(groups)} tasks of {names}; give fewer.")
        self.classes_per_task = classes_per_task
        self.tasks = tasks
        self.validation = validation
        self._groups = groups[:tasks]
        self.orders = tuple(self._draw(number, seed) for number in range(1, tasks + 1))

    def task(self, number: int) -> Task:
        """Return task `number`, 1 for the first, as tensors."""
        order = self.orders[number - 1]
        train = self._training_images(number, order[: len(order) - self._held(order)])
        return Task(number, train, self.held_out(number), self.test(number))

    def held_out(self, number: int) -> Split:
        """Return only the validation set of task `number`."""
        order = self.orders[number - 1]
        return self._training_images(number, order[len(order) - self._held(order) :])

    def test(self, number: int) -> Split:
        """Return only the test set of task `number`."""
        dataset, classes = self._groups[number - 1]
        return self._split(number, dataset.x_test, dataset.y_test, self._rows(dataset.y_test, classes))

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the attribute `orders` as "order.1", "order.2", ..."""
        return {f"order.{number}": order for number, order in enumerate(self.orders, 1)}

    def _grouped(
        self, datasets: Sequence[Dataset], per_task: int, seed: int, order: Sequence[int] | str | None
    ) -> list[tuple[Dataset, np.ndarray]]:
        """Return each task's data set and its classes there."""
        groups = groups_of_classes([dataset.classes for dataset in datasets], per_task, seed, order)
        return [(datasets[place], own) for place, own in groups]

    def _draw(self, number: int, seed: int) -> np.ndarray:
        dataset, classes = self._groups[number - 1]
        rows = self._rows(dataset.y_train, classes)
        tests = len(self._rows(dataset.y_test, classes))
        if len(rows) < 2 or tests < 1:
            in_turn = np.all(np.diff(classes) == 1)
            named = f"{classes[0]} to {classes[-1]}" if in_turn else ", ".join(map(str, classes))
            raise SpecError(
                f"stream: task {number} has {len(rows)} training and {tests} test images, the classes {named} of "
                f"{dataset.name}; at least 2 and 1 are needed."
            )
        return np.random.default_rng(derive_seed(seed, "validation", number)).permutation(rows)

    def _rows(self, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(labels, classes))

    def _held(self, order: np.ndarray) -> int:
        """Return the number of images held out."""
        return min(max(round(self.validation * len(order)), 1), len(order) - 1)

    def _training_images(self, number: int, rows: np.ndarray) -> Split:
        dataset, _ = self._groups[number - 1]
        return self._split(number, dataset.x_train, dataset.y_train, rows)

    def _split(self, number: int, images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Split:
        dataset, classes = self._groups[number - 1]
        x = torch.from_numpy(images[rows].reshape(len(rows), -1)) / dataset.white
        own = np.zeros(dataset.classes, np.int64)  # label of each class in the task
        own[classes] = np.arange(len(classes))
        return Split(x, torch.from_numpy(own[labels[rows]]))


class OwnStream(SplitStream):
    """A stream of own data, with a data set and all its classes for each task.

    Parameters
    ----------
    datasets : sequence of Dataset
        As `load_own` returns them.
    tasks : int
        Number of tasks, taken from the first on.
    validation, seed
        As for `SplitStream`.
    """

    def __init__(self, datasets: Sequence[Dataset], tasks: int, validation: float, seed: int) -> None:
        super().__init__(datasets, max(dataset.classes for dataset in datasets), tasks, validation, seed)

    def _grouped(self, datasets: Sequence[Dataset], *_: object) -> list[tuple[Dataset, np.ndarray]]:
        return [(dataset, np.arange(dataset.classes)) for dataset in datasets]


def open_stream(asked: Mapping[str, Any], seed: int, tasks: int | None = None) -> Stream:
    """Open the stream of a specification.

    Parameters
    ----------
    asked : mapping
        A stream's specification as plain data. If it has a "digest", the data's `content_digest` must equal it.
    seed : int
        Of all that is drawn, if the specification has no seed of its own.
    tasks : int or None
        Number of tasks; by default as many as the specification says.

    Raises
    ------
    DataError
        If the data is missing or damaged, or has another digest.
    SpecError
        If the data has too few tasks or images.
    """
    data, digest = loaded(asked)
    if asked.get("digest", digest) != digest:
        raise DataError(
            f"{_described(asked)} on this worker is not the one the run was started with; put that one back and resume "
            f"the run, or start a new one."
        )
    seed = asked.get("seed", seed)
    count = asked["tasks"] if tasks is None else tasks
    match asked["kind"]:
        case "permuted":
            return PermutedStream(data[0], count, asked["validation"], seed, asked["identity_first"])
        case "split":
            width, order = asked["classes_per_task"], asked.get("class_order")
            return SplitStream(data, width, count, asked["validation"], seed, order)
        case _:
            return OwnStream(data, count, asked["validation"], seed)


def _described(asked: Mapping[str, Any]) -> str:
    match asked["kind"]:
        case "permuted":
            return f"The data set {asked['dataset']}"
        case "split":
            return f"The data set {' + '.join(asked['datasets'])}"
        case _:
            return f"The data set {asked['name']} of your own"


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
    return _stored(name, tasks)


def _stored(
    name: str, tasks: Sequence[Sequence[np.ndarray]], names: Sequence[Mapping[int, Label]] = ()
) -> dict[str, Any]:
    data = write_own(name, tasks, names)
    classes = max(dataset.classes for dataset in data)
    labels = [list(dataset.labels) for dataset in data]
    return {
        "kind": "own",
        "name": name,
        "image_shape": list(data[0].x_train.shape[1:]),
        "classes": classes,
        "tasks": len(data),
        "validation": _OWN_VALIDATION,
        **({} if all(task == list(range(classes)) for task in labels) else {"labels": labels}),
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
    names = []
    for number, (train, test) in enumerate(tasks, 1):
        what = f"Own data {name!r}: task {number}"
        names.append(class_names(train, what))
        check_names(names[-1], other := class_names(test, what), what)
        names[-1] = names[-1] or other
    return _stored(
        name,
        [
            (*collected(train, f"train images of task {number}"), *collected(test, f"test images of task {number}"))
            for number, (train, test) in enumerate(each_of(tasks, ("train", "test")), 1)
        ],
        names,
    )
