"""The measures, on examples worked out by hand."""

from math import isnan

import pytest

from clnp_core.analysis.metrics import (
    backward_transfer,
    forgetting,
    forgetting_by_task,
    forward_transfer,
    mean_accuracy,
)

# Task 1 goes 0.9, 0.7, 0.8 and task 2 0.95, 0.85.
FORGETS = [[0.9], [0.7, 0.95], [0.8, 0.85, 0.6]]
# Task 1 falls from 0.6 to 0.5 and ends at 0.7; task 2 rises from 0.8 to 0.85.
IMPROVES = [[0.6], [0.5, 0.8], [0.7, 0.85, 0.9]]
KEEPS = [[0.9], [0.9, 0.8], [0.9, 0.8, 0.7]]


def test_mean_accuracy_is_that_of_the_last_row():
    assert mean_accuracy(FORGETS) == pytest.approx(0.75)  # (0.8 + 0.85 + 0.6) / 3
    assert mean_accuracy([[], [], [0.5, 0.6, 0.7]]) == pytest.approx(0.6)


def test_forgetting_is_measured_from_the_best_accuracy_before():
    assert forgetting(FORGETS) == pytest.approx(0.1)  # ((0.9 - 0.8) + (0.95 - 0.85)) / 2
    # Task 1 was at its best after task 2: ((0.9 - 0.6) + (0.8 - 0.7)) / 2.
    assert forgetting([[0.5], [0.9, 0.8], [0.6, 0.7, 0.9]]) == pytest.approx(0.2)


def test_forgetting_is_the_mean_of_what_each_task_but_the_last_has_lost():
    assert forgetting_by_task(FORGETS) == pytest.approx([0.1, 0.1])
    assert forgetting_by_task(IMPROVES) == pytest.approx([-0.1, -0.05])
    assert forgetting_by_task([[0.9]]) == forgetting_by_task([[], [0.8, 0.9]]) == []


def test_backward_transfer_is_measured_from_when_a_task_was_learned():
    assert backward_transfer(FORGETS) == pytest.approx(-0.1)  # ((0.8 - 0.9) + (0.85 - 0.95)) / 2
    # ((0.6 - 0.5) + (0.7 - 0.8)) / 2
    assert backward_transfer([[0.5], [0.9, 0.8], [0.6, 0.7, 0.9]]) == pytest.approx(0)


def test_nothing_forgotten_is_zero():
    assert (forgetting(KEEPS), backward_transfer(KEEPS)) == (0, 0)


def test_earlier_tasks_that_improve_are_negative_forgetting_and_positive_transfer():
    assert forgetting(IMPROVES) == pytest.approx(-0.075)  # ((0.6 - 0.7) + (0.8 - 0.85)) / 2
    assert backward_transfer(IMPROVES) == pytest.approx(0.075)


def test_forward_transfer_compares_new_tasks_with_training_from_scratch():
    # ((0.95 - 0.9) + (0.6 - 0.85)) / 2; the first task, learned from scratch itself, does not count.
    assert forward_transfer(FORGETS, [0.1, 0.9, 0.85]) == pytest.approx(-0.1)
    assert forward_transfer(IMPROVES, [0.6, 0.7, 0.9]) == pytest.approx(0.05)  # ((0.8 - 0.7) + (0.9 - 0.9)) / 2


@pytest.mark.parametrize("matrix", [[], [[0.9]], [[], [0.8, 0.9]], [[], [], [0.8, 0.9, 0.7]], [[0.9], [], [0.8] * 3]])
def test_fewer_than_two_tasks_or_missing_rows_are_nan(matrix):
    assert isnan(forgetting(matrix))
    assert isnan(backward_transfer(matrix))
    assert isnan(forward_transfer(matrix, [0.5] * len(matrix)))
