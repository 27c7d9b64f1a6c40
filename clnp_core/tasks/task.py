"""What a stream gives: tasks, and their images and labels as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


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


class Labels(NamedTuple):
    """The labels of a task without its images, an int64 array [N] for each of its splits."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Stream(Protocol):
    """A sequence of tasks, numbered from 1. All its randomness comes from the seed."""

    tasks: int

    def task(self, number: int) -> Task:
        """Return task `number` as tensors."""

    def held_out(self, number: int) -> Split:
        """Return only the validation set of task `number`."""

    def test(self, number: int) -> Split:
        """Return only the test set of task `number`."""

    def labels(self, number: int) -> Labels:
        """Return only the labels of task `number`."""

    def training_bytes(self, number: int) -> int:
        """Count the bytes of a task's training images, those held out too, as they are stored; a byte for a label."""

    def drawn(self) -> dict[str, np.ndarray]:
        """Return everything that was drawn at random, by name."""
