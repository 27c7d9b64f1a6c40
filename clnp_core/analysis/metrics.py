"""Measures of continual learning, as pure functions of the accuracy matrix.

The accuracy matrix A has one row per learned task: `A[i][j]` is the test accuracy, a fraction, on task j + 1 after
task i + 1 was learned, for j <= i (lower triangular). A method that learns all tasks at once has only the last row;
the earlier ones are then missing (`[]`), and a measure that needs them is nan.
"""

from collections.abc import Sequence
from math import nan

AccuracyMatrix = Sequence[Sequence[float]]


def mean_accuracy(matrix: AccuracyMatrix) -> float:
    """Compute the mean of the last row: the mean accuracy on all tasks at the end, a fraction (Table 1)."""
    return _mean(matrix[-1])


def forgetting(matrix: AccuracyMatrix) -> float:
    """Compute how far the accuracy on earlier tasks fell from its best to the end (Chaudhry et al. 2018).

    This is the 'forgetting measure' F_k of 'Riemannian walk for incremental learning', section 3: the mean, over all
    tasks but the last, of the best accuracy before the last task was learned less the accuracy at the end.

    Parameters
    ----------
    matrix : sequence of sequence of float

    Returns
    -------
    float
        A fraction; negative if later tasks improved earlier ones; nan for fewer than two tasks or if a row is missing.
    """
    return _mean(forgetting_by_task(matrix)) if _has_transfer(matrix) else nan


def forgetting_by_task(matrix: AccuracyMatrix) -> list[float]:
    """Compute forgetting for each task but the last. The list is empty where `forgetting` is nan."""
    if not _has_transfer(matrix):
        return []
    *earlier, last = matrix
    return [max(row[task] for row in earlier[task:]) - last[task] for task in range(len(earlier))]


def backward_transfer(matrix: AccuracyMatrix) -> float:
    """Compute how learning later tasks changed the accuracy on earlier ones (Lopez-Paz and Ranzato 2017, eq. 3).

    This is the mean, over all tasks but the last, of the accuracy at the end less the accuracy just after the task was
    learned.

    Parameters
    ----------
    matrix : sequence of sequence of float

    Returns
    -------
    float
        A fraction; negative if tasks were forgotten; nan for fewer than two tasks or if a row is missing.
    """
    if not _has_transfer(matrix):
        return nan
    *earlier, last = matrix
    return _mean([last[task] - row[task] for task, row in enumerate(earlier)])


def forward_transfer(matrix: AccuracyMatrix, alone: Sequence[float]) -> float:
    """Compute how much better tasks are learned after earlier ones than from scratch.

    This is the mean, over all tasks but the first, of the accuracy just after the task was learned less its accuracy
    alone: the FWT of Wang et al. 2024, 'A comprehensive survey of continual learning'. Three other measures have
    similar names. That of Lopez-Paz and Ranzato 2017 (eq. 4) is the accuracy on a task before it is learned, for which
    a network with a head or a mask per task has no output yet. The intransigence of Chaudhry et al. 2018 has the
    opposite sign and another reference: a network trained on the data of all tasks so far. The forward transfer of
    Wolczyk et al. 2021, 'Continual World', also compares with training from scratch, but compares the areas under the
    two learning curves, as a share of what training from scratch leaves to gain.

    Parameters
    ----------
    matrix : sequence of sequence of float
    alone : sequence of float
        Test accuracy of each task trained by itself from scratch, a fraction; one per row of the matrix.

    Returns
    -------
    float
        A fraction; nan for fewer than two tasks or if a row is missing.
    """
    if not _has_transfer(matrix):
        return nan
    return _mean([row[-1] - single for row, single in zip(matrix[1:], alone[1:], strict=True)])


def _has_transfer(matrix: AccuracyMatrix) -> bool:
    """Tell whether there are at least two tasks, and a row for every one."""
    return len(matrix) > 1 and all(matrix)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
