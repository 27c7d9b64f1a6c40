"""Measures of continual learning, as pure functions of the accuracy matrix.

The accuracy matrix A has one row per learned task: A[i][j] is the test accuracy, a fraction, on task j + 1 after
task i + 1 was learned, for j <= i (lower triangular).
"""

from collections.abc import Sequence

AccuracyMatrix = Sequence[Sequence[float]]


def mean_accuracy(matrix: AccuracyMatrix) -> float:
    """Mean of the last row: how well all tasks are known at the end, a fraction (Table 1)."""
    return sum(matrix[-1]) / len(matrix[-1])
