"""Tests a network on a task's test images: how many it gets right, of each class, and what it takes them for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clnp_core.methods.method import Method, Predictor
from clnp_core.methods.training import answers
from clnp_core.networks.network import Network
from clnp_core.runs.fold.results import ByClass
from clnp_core.tasks.streams import Stream


@dataclass(frozen=True)
class Tested:
    """What a network comes to on a task's test images.

    Attributes
    ----------
    accuracy : float
        A fraction.
    by_class : ByClass
    confusion : int64 tensor [3, n]
        Label, answer, and how many images have both, where any has.
    """

    accuracy: float
    by_class: ByClass
    confusion: Tensor


def tests_so_far(
    method: Method, network: Network, stream: Stream, last: int, pulse: Callable[[], None]
) -> dict[int, Tested]:
    """Test a network on every task up to the last that it can answer for, by task."""
    tests = {}
    for task in range(1, last + 1):
        pulse()
        if predictor := method.predictor(network, task):
            tests[task] = tested(predictor, stream, task)
    return tests


def tested(predictor: Predictor, stream: Stream, task: int) -> Tested:
    """Test the answers of a predictor for a task."""
    split, labels = stream.test(task), stream.labels(task)
    answered = answers(lambda rows: predictor(split.x[rows]), len(split)).cpu().numpy()
    classes = np.unique(np.concatenate(labels))
    options = max(int(answered.max()), int(classes[-1])) + 1
    right = labels.test[answered == labels.test]

    def counted(values: np.ndarray) -> tuple[int, ...]:
        return tuple(np.bincount(values, minlength=options)[classes].tolist())

    pairs, images = np.unique(labels.test * options + answered, return_counts=True)
    return Tested(
        accuracy=len(right) / len(split),
        by_class=ByClass(
            classes=tuple(classes.tolist()),
            training=counted(labels.train),
            validation=counted(labels.validation),
            test=counted(labels.test),
            answered=counted(answered),
            right=counted(right),
        ),
        confusion=torch.from_numpy(np.stack((pairs // options, pairs % options, images))),
    )


def comes_to(confusion: Tensor, told: ByClass) -> bool:
    """Whether a confusion has the counts that are told of each class."""
    if confusion.dtype != torch.int64 or confusion.ndim != 2 or len(confusion) != 3 or bool((confusion < 0).any()):
        return False
    test, answered, right = Counter[int](), Counter[int](), Counter[int]()
    for label, answer, images in confusion.T.tolist():
        test[label] += images
        answered[answer] += images
        right[label] += images * (label == answer)
    pairs = ((test, told.test), (answered, told.answered), (right, told.right))
    same = all(tuple(own[each] for each in told.classes) == counts for own, counts in pairs)
    return same and test.total() == sum(told.test)
