"""Streams: sequences of tasks made from data sets or from own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clnp_core.errors import DataError, SpecError
from clnp_core.lazy import torch
from clnp_core.seeds import derive_seed
from clnp_core.tasks.class_order import groups_of_classes
from clnp_core.tasks.content import loaded
from clnp_core.tasks.datasets import Dataset
from clnp_core.tasks.given import from_arrays, from_datasets
from clnp_core.tasks.held_out import stratified
from clnp_core.tasks.rotation import angle, rotated
from clnp_core.tasks.task import Labels, Split, Stream, Task

__all__ = [
    "Labels",
    "OwnStream",
    "PermutedStream",
    "RotatedStream",
    "Split",
    "SplitStream",
    "Stream",
    "Task",
    "from_arrays",
    "from_datasets",
    "open_stream",
]


class _RepeatedStream:
    """Base of streams that show the same images in every task, each task in a way of its own.

    The constructor draws from the seed, before any training, the training images that are held out for validation, of
    every class its share, the same ones for every task.

    Attributes
    ----------
    order : int64 array [N]
        Training images: first those to train on, then the `validation` held-out ones.
    """

    def __init__(self, dataset: Dataset, tasks: int, validation: int, seed: int) -> None:
        self.dataset = dataset
        self.tasks = tasks
        self.validation = validation
        draw = np.random.default_rng(derive_seed(seed, "validation"))
        self.order = stratified(dataset.y_train, validation, draw)

    def seen(self, images: np.ndarray, number: int) -> np.ndarray:
        """Return images [N, C, H, W] as task `number` sees them, [N, inputs] of the same type."""
        raise NotImplementedError

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

    def labels(self, number: int) -> Labels:
        """Return only the labels of task `number`."""
        trained, held = np.split(self.dataset.y_train[self.order], [len(self.order) - self.validation])
        return Labels(trained, held, self.dataset.y_test)

    def training_bytes(self, number: int) -> int:
        """Count the bytes of a task's training images, those held out too, as they are stored; a byte for a label."""
        return _training_bytes(self.dataset, len(self.order))

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the attribute `order`."""
        return {"order": self.order}

    def _split(self, images: np.ndarray, labels: np.ndarray, number: int, rows: np.ndarray | None = None) -> Split:
        if rows is not None:
            images, labels = images[rows], labels[rows]
        x = torch.from_numpy(self.seen(images, number)) / self.dataset.white
        return Split(x, torch.from_numpy(np.ascontiguousarray(labels)))


class PermutedStream(_RepeatedStream):
    """A stream that shows the same images in every task, with their pixels in another order (section 3.1).

    The constructor draws everything random from the seed, before any training: the permutations, and the training
    images that are held out for validation, of every class its share, the same ones for every task.

    Parameters
    ----------
    dataset : Dataset
    tasks : int
    validation : int
        Number of training images held out; at least one image must be left.
    seed : int
    identity_first : bool
        Whether task 1 sees the images as they are.
    share : float
        Share of the pixels that change places, rounded down to whole ones. Which ones is drawn for each task; a larger
        share has those of a smaller one among its own.

    Attributes
    ----------
    permutations : int64 array [tasks, inputs]
        Task t sees pixel permutations[t - 1, i] at position i.
    order : int64 array [N]
        Training images: first those to train on, then the `validation` held-out ones.
    """

    def __init__(
        self,
        dataset: Dataset,
        tasks: int,
        validation: int,
        seed: int,
        identity_first: bool = False,
        share: float = 1.0,
    ) -> None:
        super().__init__(dataset, tasks, validation, seed)
        inputs = dataset.x_train[0].size
        self.permutations = np.stack(
            [
                np.arange(inputs)
                if identity_first and task == 1
                else _permuted(inputs, share, np.random.default_rng(derive_seed(seed, "permutation", task)))
                for task in range(1, tasks + 1)
            ]
        )

    def seen(self, images: np.ndarray, number: int) -> np.ndarray:
        """Return images [N, C, H, W] as task `number` sees them, [N, inputs] of the same type."""
        # Unlike plain indexing, take keeps each image contiguous, so that a batch is gathered fast.
        pixels: np.ndarray = images.reshape(len(images), -1).take(self.permutations[number - 1], axis=1)
        return pixels

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the attributes `permutations` and `order`."""
        return {"permutations": self.permutations, "order": self.order}


def _permuted(inputs: int, share: float, draw: np.random.Generator) -> np.ndarray:
    """Draw an order of the inputs in which a share of them may have changed places; of all of them it is the draw."""
    moved = draw.permutation(inputs)[: int(share * inputs)]
    order = np.arange(inputs)
    order[np.sort(moved)] = moved
    return order


class RotatedStream(_RepeatedStream):
    """A stream that shows the same images in every task, turned further with each one.

    The constructor draws from the seed, before any training, the training images that are held out for validation, of
    every class its share, the same ones for every task.

    Parameters
    ----------
    dataset : Dataset
        With square images.
    tasks : int
    validation : int
        Number of training images held out; at least one image must be left.
    seed : int
    degrees : float
        Task t sees the images turned counterclockwise by (t - 1) times as much; see `clnp_core.tasks.rotation`.

    Attributes
    ----------
    order : int64 array [N]
        Training images: first those to train on, then the `validation` held-out ones.
    """

    def __init__(self, dataset: Dataset, tasks: int, validation: int, seed: int, degrees: float) -> None:
        super().__init__(dataset, tasks, validation, seed)
        self.degrees = degrees

    def seen(self, images: np.ndarray, number: int) -> np.ndarray:
        """Return images [N, C, H, W] as task `number` sees them, [N, inputs] of the same type."""
        return rotated(images, angle(self.degrees, number)).reshape(len(images), -1)


class SplitStream:
    """A stream whose tasks are successive groups of classes: those of the first data set, then of the second, ...

    Classes keep their order, unless another is given. Those left over at the end of a data set, too few for a task, are
    not used. The labels of every task begin at 0, in the order of its classes. The constructor draws everything random
    from the seed, before any training: for each task separately, the training images that are held out for validation,
    of every class its share, and the order of classes where that is random.

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

    def labels(self, number: int) -> Labels:
        """Return only the labels of task `number`."""
        (dataset, classes), order = self._groups[number - 1], self.orders[number - 1]
        own = self._own_labels(number)
        trained, held = np.split(own[dataset.y_train[order]], [len(order) - self._held(order)])
        return Labels(trained, held, own[dataset.y_test[self._rows(dataset.y_test, classes)]])

    def training_bytes(self, number: int) -> int:
        """Count the bytes of a task's training images, those held out too, as they are stored; a byte for a label."""
        return _training_bytes(self._groups[number - 1][0], len(self.orders[number - 1]))

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
        draw = np.random.default_rng(derive_seed(seed, "validation", number))
        order: np.ndarray = rows[stratified(dataset.y_train[rows], self._held(rows), draw)]
        return order

    def _rows(self, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(labels, classes))

    def _held(self, order: np.ndarray) -> int:
        """Return the number of images held out."""
        return min(max(round(self.validation * len(order)), 1), len(order) - 1)

    def _training_images(self, number: int, rows: np.ndarray) -> Split:
        dataset, _ = self._groups[number - 1]
        return self._split(number, dataset.x_train, dataset.y_train, rows)

    def _split(self, number: int, images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Split:
        dataset, _ = self._groups[number - 1]
        x = torch.from_numpy(images[rows].reshape(len(rows), -1)) / dataset.white
        return Split(x, torch.from_numpy(self._own_labels(number)[labels[rows]]))

    def _own_labels(self, number: int) -> np.ndarray:
        """Return the label that each class of the data set has in task `number`, int64 [classes]."""
        dataset, classes = self._groups[number - 1]
        own = np.zeros(dataset.classes, np.int64)
        own[classes] = np.arange(len(classes))
        return own


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


def _training_bytes(dataset: Dataset, images: int) -> int:
    """Count the bytes of so many of a data set's training images."""
    return int(images * (dataset.x_train[0].nbytes + 1))


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
            how = asked["identity_first"], asked.get("share", 1.0)
            return PermutedStream(data[0], count, asked["validation"], seed, *how)
        case "rotated":
            return RotatedStream(data[0], count, asked["validation"], seed, asked["degrees"])
        case "split":
            width, order = asked["classes_per_task"], asked.get("class_order")
            return SplitStream(data, width, count, asked["validation"], seed, order)
        case _:
            return OwnStream(data, count, asked["validation"], seed)


def _described(asked: Mapping[str, Any]) -> str:
    match asked["kind"]:
        case "permuted" | "rotated":
            return f"The data set {asked['dataset']}"
        case "split":
            return f"The data set {' + '.join(asked['datasets'])}"
        case _:
            return f"The data set {asked['name']} of your own"
