"""The partition: the owner of each neuron, and the class of each weight that follows from it. Imports no torch.

The owner of a neuron is the number of the task that claimed it (1, 2, ...), or 0 if none has. The owners of a layer
are an int16 vector `[width]`. Inputs have no owner and are never pruned: if a layer reads the network's input, its
source is given only as a width (an int).

The owners of a weight's two ends decide its class (section 2.1, Fig. 1):

=============== ============================================= ===========================
active          into an active neuron, from one no younger    frozen for good
free            into an inactive neuron                       the next task trains it
interference    from an inactive neuron into an active one    exactly 0
severed         from a younger neuron into an older one       exactly 0, for ever
=============== ============================================= ===========================
"""

from enum import IntEnum

import numpy as np

FREE_OWNER = 0
"""The owner of an inactive neuron."""


class WeightClass(IntEnum):
    """What a weight is, given who owns its two ends."""

    ACTIVE = 0
    FREE = 1
    INTERFERENCE = 2
    SEVERED = 3


def unclaimed(width: int) -> np.ndarray:
    """Owners of a layer that no task has learned with: int16 `[width]`, all 0."""
    return np.zeros(width, dtype=np.int16)


def active(owner: np.ndarray) -> np.ndarray:
    """Indices of the neurons some task has claimed, ascending."""
    return np.flatnonzero(owner != FREE_OWNER)


def inactive(owner: np.ndarray) -> np.ndarray:
    """Indices of the neurons nobody has claimed, ascending."""
    return np.flatnonzero(owner == FREE_OWNER)


def of_task(owner: np.ndarray, task: int) -> np.ndarray:
    """Indices of the neurons that the network of `task` consists of: those claimed by it or before it."""
    return np.flatnonzero((owner != FREE_OWNER) & (owner <= task))


def single_head_mask(owner: np.ndarray, task: int) -> np.ndarray:
    """Which neurons of the last hidden layer `task` reads with a single head: bool `[width]` (section 2.1)."""
    read: np.ndarray = owner == task
    return read


def _source_owner(source: np.ndarray | int) -> np.ndarray:
    """Owners of a layer's inputs; the network's own inputs count as older than every task."""
    return np.full(source, -1, dtype=np.int16) if isinstance(source, int) else source


def _classify(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    classes = np.full(np.broadcast_shapes(target.shape, source.shape), WeightClass.ACTIVE, dtype=np.int8)
    classes[np.broadcast_to(source > target, classes.shape)] = WeightClass.SEVERED
    classes[np.broadcast_to(source == FREE_OWNER, classes.shape)] = WeightClass.INTERFERENCE
    classes[np.broadcast_to(target == FREE_OWNER, classes.shape)] = WeightClass.FREE
    return classes


def weight_classes(target: np.ndarray, source: np.ndarray | int) -> np.ndarray:
    """Class of every weight of a hidden layer.

    Parameters
    ----------
    target : int16 array [n]
        Owners of the layer.
    source : int16 array [k], or int
        Owners of the layer below; the number of inputs where that is the network's input.

    Returns
    -------
    int8 array [n, k] of `WeightClass`.
    """
    return _classify(target[:, None], _source_owner(source)[None, :])


def single_head_classes(last: np.ndarray, outputs: int) -> np.ndarray:
    """Class of every weight of a single head, int8 `[outputs, n]`.

    The mask keeps tasks apart, so a weight goes with the neuron it comes from: frozen once that is claimed.
    """
    row = np.where(last == FREE_OWNER, WeightClass.FREE, WeightClass.ACTIVE).astype(np.int8)
    return np.broadcast_to(row, (outputs, len(last)))


def multi_head_classes(last: np.ndarray, task: int, outputs: int) -> np.ndarray:
    """Class of every weight of the head of `task`, int8 `[outputs, n]`: its outputs belong to `task`."""
    return _classify(np.full((outputs, 1), task, dtype=np.int16), last[None, :])


def class_counts(target: np.ndarray, source: np.ndarray | int) -> dict[WeightClass, int]:
    """How many weights of a hidden layer are of each class, without writing the matrix down.

    Costs O(n + k + tasks²), not O(n k).
    """
    source = _source_owner(source)
    target_tasks, targets = np.unique(target, return_counts=True)
    source_tasks, sources = np.unique(source, return_counts=True)
    classes = _classify(target_tasks[:, None], source_tasks[None, :])
    weights = np.outer(targets, sources)
    return {kind: int(weights[classes == kind].sum()) for kind in WeightClass}


def claimed_per_task(owner: np.ndarray, tasks: int) -> list[int]:
    """Neurons claimed by task 1, 2, ..., `tasks` (Figs. 3, 4b, 5b)."""
    claimed: list[int] = np.bincount(owner, minlength=tasks + 1)[1 : tasks + 1].tolist()
    return claimed


def free_count(owner: np.ndarray) -> int:
    """Neurons nobody has claimed."""
    return int(np.count_nonzero(owner == FREE_OWNER))
