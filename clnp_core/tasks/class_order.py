"""Divides the classes of data sets among the tasks of a split stream. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clnp_core.seeds import derive_seed


def groups_of_classes(
    counts: Sequence[int], per_task: int, seed: int, order: Sequence[int] | str | None
) -> list[tuple[int, np.ndarray]]:
    """Divide classes into those of each task: its data set's place, and their labels there, in the task's order.

    Parameters
    ----------
    counts : sequence of int
        Number of classes of each data set.
    per_task : int
        Number of classes of a task. Those left over, too few for a task, are in none.
    seed : int
        Draws the order, if that is random.
    order : sequence of int, "random" or None
        As `SplitSpec.class_order` in `clnp_core.runs.spec.stream`, and checked there.
    """
    if order is None or isinstance(order, str):
        orders = [
            np.random.default_rng(derive_seed(seed, "class order", place)).permutation(count)
            if order
            else np.arange(count)
            for place, count in enumerate(counts)
        ]
        return [
            (place, own[first : first + per_task])
            for place, own in enumerate(orders)
            for first in range(0, len(own) - per_task + 1, per_task)
        ]
    numbered = [(place, label) for place, count in enumerate(counts) for label in range(count)]
    tasks = [order[first : first + per_task] for first in range(0, len(order) - per_task + 1, per_task)]
    return [(numbered[own[0]][0], np.array([numbered[each][1] for each in own])) for own in tasks]
