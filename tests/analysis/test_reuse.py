"""Whose neurons a task uses, on an example worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from clnp_core.analysis import figures
from clnp_core.analysis.reuse import COLUMNS, layer_rows, share_reused
from clnp_core.analysis.transfer import by_similarity, over_runs

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


def summary(*layers):
    return {"layers": [{"name": f"layer {n}", "claimed": c, "reused": r} for n, (c, r) in enumerate(layers, 1)]}


RUNS = [
    (1.0, "b", summary(([20, 10, 14], [0, 5, 6]), ([8, 8, 8], [0, 0, 0]))),
    (0.0, "a", summary(([20, 0, 0], [0, 20, 10]), ([8, 2, 0], [0, 0, 0]))),
    (1.0, "c", summary(([30, 20, 20], [0, 15, 10]), ([8, 6, 6], [0, 0, 0]))),
    (0.5, "too short", summary(([20], [0]), ([8], [0]))),
]


def test_reuse_and_new_neurons_are_told_by_how_alike_tasks_are():
    table = by_similarity(RUNS, "share", is_masked=True)
    assert list(table["run"]) == ["a", "a", "b", "b", "c", "c"]
    first = table[table["layer"] == "layer 1"]
    assert first[["share", "first", "new"]].values.tolist() == [[0, 20, 0], [1, 20, 12], [1, 30, 20]]
    assert list(first["reused"]) == pytest.approx([(1 + 1 / 2) / 2, (5 / 20 + 6 / 30) / 2, (15 / 30 + 10 / 50) / 2])
    assert table[table["layer"] == "layer 2"]["reused"].isna().all()
    assert not by_similarity(RUNS, "share")["reused"].isna().any()
    means = over_runs(table).set_index(["share", "layer"]).loc[(1.0, "layer 1")]
    assert (means["runs"], means["new"], means["new std"]) == (2, 16, pytest.approx(4 * 2**0.5))


def test_nothing_is_used_again_of_tasks_that_claimed_nothing():
    table = by_similarity([(15.0, "a", summary(([0, 4, 0], [0, 0, 1])))], "degrees")
    assert table[["degrees", "new", "reused"]].values.tolist() == [[15, 2, 0.25]]


@pytest.mark.parametrize(("setting", "scale"), [("share", 100), ("degrees", 1)])
def test_the_figure_has_means_over_runs_by_layer(setting, scale):
    drawn = figures.transfer(by_similarity(RUNS, setting, is_masked=True))
    new = {trace.name: trace for trace in drawn.data if trace.yaxis == "y2"}
    assert list(new) == ["Layer 1", "Layer 2"]
    assert [list(new["Layer 1"][axis]) for axis in "xy"] == [[0, scale], [0, 16]]
    assert list(new["Layer 1"].error_y.array) == pytest.approx([0, 4 * 2**0.5])
    assert {len(figures.transfer(by_similarity(RUNS, setting), theme).data) for theme in ("light", "dark")} == {4}
