"""Whose neurons a task uses, on an example worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from clnp_core.analysis.reuse import COLUMNS, layer_rows, share_reused

# Neurons 0, 3 and 5 are of task 1, neurons 2 and 6 of task 2, the others free.
OWNER = np.array([1, 0, 2, 1, 0, 1, 2], dtype=np.int16)


def table(*layers):
    return pd.DataFrame([row for rows in layers for row in rows], columns=COLUMNS)


def test_neurons_above_theta_are_counted_by_their_owner_and_the_tasks_own_come_last():
    # In ascending order the claimed ones are 0, 2, 3, 5, 6; a neuron at θ is not above it.
    activity = np.array([0.9, 0.1, 0.5, 0.51, 0.8])
    rows = table(layer_rows(3, "layer 1", OWNER, activity, 0.5, claimed=4))
    assert rows.to_dict("list") == {
        "task": [3, 3, 3],
        "layer": ["layer 1"] * 3,
        "owner": [1, 2, 3],
        "neurons": [3, 2, 4],
        "used": [2, 1, 4],
    }


def test_an_earlier_task_that_claimed_nothing_has_a_row_of_zeros():
    rows = table(layer_rows(4, "layer 1", OWNER, np.ones(5), 0.5, claimed=0))
    assert list(zip(rows["owner"], rows["neurons"], rows["used"], strict=True)) == [
        (1, 3, 3),
        (2, 2, 2),
        (3, 0, 0),
        (4, 0, 0),
    ]


def test_the_first_task_and_a_masked_layer_have_only_their_own():
    first = table(layer_rows(1, "layer 1", OWNER[:0], np.zeros(0), 0.5, claimed=3))
    masked = table(layer_rows(3, "layer 2", OWNER, np.zeros(0), 0.5, claimed=4))
    assert (list(first["owner"]), list(masked["owner"])) == ([1], [3])
    assert share_reused(pd.concat([first, masked])).empty
    assert share_reused(table()).empty


def test_the_share_is_of_all_neurons_of_earlier_tasks():
    activity = np.array([0.9, 0.1, 0.5, 0.51, 0.8])
    rows = table(
        layer_rows(3, "layer 2", OWNER, activity, 0.5, claimed=4),
        layer_rows(3, "layer 1", OWNER, activity, 0.0, claimed=4),
    )
    shares = share_reused(rows)
    assert list(shares["layer"]) == ["layer 2", "layer 1"]
    assert list(shares["share"]) == pytest.approx([3 / 5, 1])
