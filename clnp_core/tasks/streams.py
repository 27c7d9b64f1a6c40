"""Streams: sequences of tasks made from a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clnp_core.seeds import derive_seed
from clnp_core.tasks.datasets import Dataset


@dataclass(frozen=True)
class Split:
    """Images and labels as tensors: x float32 [N, inputs] in [0, 1], y int64 [N]. A batch is an index slice."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def to(self, device: torch.device) -> Split:
        """The same split on another device."""
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
        """The same task on another device."""
        return Task(self.number, self.train.to(device), self.validation.to(device), self.test.to(device))


class PermutedStream:
    """The same images again and again, their pixels in another order for each task (section 3.1).

    Everything random is drawn here, from the seed, before anything is trained: the permutations and which training
    images are held out for validation, the same ones for every task.

    Parameters
    ----------
    dataset : Dataset
    tasks : int
    validation : int
        Training images held out; fewer than there are.
    seed : int
    identity_first : bool
        Whether task 1 sees the images as they are.

    Attributes
    ----------
    permutations : int64 array [tasks, inputs]
        Task t sees pixel permutations[t - 1, i] at place i.
    order : int64 array [N]
        The training images: first those to train on, then `validation` held out ones.
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
        """Task `number`, 1 for the first, as tensors."""
        rows = self.order[: len(self.order) - self.validation]
        train = self._split(self.dataset.x_train, self.dataset.y_train, number, rows)
        return Task(number, train, self.held_out(number), self.test(number))

    def held_out(self, number: int) -> Split:
        """The validation set of task `number` alone."""
        rows = self.order[len(self.order) - self.validation :]
        return self._split(self.dataset.x_train, self.dataset.y_train, number, rows)

    def test(self, number: int) -> Split:
        """The test set of task `number` alone."""
        return self._split(self.dataset.x_test, self.dataset.y_test, number)

    def _split(self, images: np.ndarray, labels: np.ndarray, number: int, rows: np.ndarray | None = None) -> Split:
        if rows is not None:
            images, labels = images[rows], labels[rows]
        # Unlike plain indexing, take leaves an image in one place, from where a batch is gathered fast.
        pixels = images.reshape(len(images), -1).take(self.permutations[number - 1], axis=1)  # uint8 [N, inputs]
        x = torch.from_numpy(pixels).to(torch.float32).div_(self.dataset.white)
        return Split(x, torch.from_numpy(np.ascontiguousarray(labels)))
