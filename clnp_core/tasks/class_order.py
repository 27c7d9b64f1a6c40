"""Divides the classes of data sets among the tasks of a split stream. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clnp_core.seeds import derive_seed
from clnp_core.tasks.datasets import Dataset


def groups_of_classes(
    datasets: Sequence[Dataset], per_task: int, seed: int, order: Sequence[int] | str | None
) -> list[tuple[Dataset, np.ndarray]]:
    """Divide classes into those of each task: its data set, and their labels there, in the order of the task's own.

    Parameters
    ----------
    datasets : sequence of Dataset
    per_task : int
        Number of classes of a task. Those left over, too few for a task, are in none.
    seed : int
        Draws the order, if that is random.
    order : sequence of int, "random" or None
        As `SplitSpec.class_order` in `clnp_core.runs.spec.stream`, and checked there.
    """
    if order is None or isinstance(order, str):
        orders = [
            np.random.default_rng(derive_seed(seed, "class order", place)).permutation(dataset.classes)
            if order
            else np.arange(dataset.classes)
            for place, dataset in enumerate(datasets)
        ]
        return [
            (dataset, own[first : first + per_task])
            for dataset, own in zip(datasets, orders, strict=True)
            for first in range(0, len(own) - per_task + 1, per_task)
        ]
    numbered = [(dataset, label) for dataset in datasets for label in range(dataset.classes)]
    tasks = [order[first : first + per_task] for first in range(0, len(order) - per_task + 1, per_task)]
    return [(numbered[own[0]][0], np.array([numbered[each][1] for each in own])) for own in tasks]
