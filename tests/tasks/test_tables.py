"""DataFrames as tasks."""

import numpy as np
import pandas as pd
import pytest
from torch import nn

from clnp_core.errors import DataError
from clnp_core.networks.sequential import from_sequential
from clnp_core.runs.spec import preset
from clnp_core.tasks.content import check
from clnp_core.tasks.own import load_own
from clnp_core.tasks.streams import open_stream
from clnp_core.tasks.tables import from_frame


def frame(rows=40, columns=3):
    draw = np.random.default_rng(0)
    features = draw.standard_normal((rows, columns))
    return pd.DataFrame(features, columns=[f"f{n}" for n in range(columns)]).assign(label=np.arange(rows) % 4 // 3)


def test_a_table_is_divided_class_by_class_into_training_and_test_set(data_directory):
    given = frame(columns=2000)
    asked = from_frame("mine", given)
    (task,) = load_own("mine")
    assert (asked["image_shape"], asked["classes"], asked["tasks"]) == ([1, 1, 2000], 2, 1)
    assert [np.bincount(labels).tolist() for labels in (task.y_train, task.y_test)] == [[24, 8], [6, 2]]
    rows = np.concatenate((task.x_train, task.x_test)).reshape(40, 2000)
    labels = np.concatenate((task.y_train, task.y_test))
    order = np.lexsort(rows.T)
    wanted = given.drop(columns="label").to_numpy(np.float32)
    assert np.array_equal(rows[order], wanted[np.lexsort(wanted.T)])
    assert np.array_equal(labels[order], given["label"].to_numpy()[np.lexsort(wanted.T)])


def test_a_table_is_a_run_at_the_first_attempt(data_directory):
    stream = from_frame("mine", frame(columns=2000))
    module = nn.Sequential(nn.Linear(2000, 20), nn.ReLU(), nn.Linear(20, 2))
    network = from_sequential(module, stream["image_shape"])
    spec = preset("digits", {"stream": stream, "network": network, "lambda": {"1": 1e-4, "output": 1e-4}})
    check(stream)
    assert open_stream(spec.stream.model_dump(mode="json"), spec.seed).task(1).test.x.shape == (
        8,
        spec.architecture.inputs,
    )


def test_tables_to_train_and_to_test_with_may_be_given_for_each_task(data_directory):
    given = frame(columns=3)
    swapped = given[["f2", "label", "f0", "f1"]]
    assert from_frame("mine", [(given, given[:9]), swapped, (swapped[:20], given)])["tasks"] == 3
    first, _, third = load_own("mine")
    assert np.array_equal(first.x_test[:, 0, 0], given[["f0", "f1", "f2"]].to_numpy(np.float32)[:9])
    assert np.array_equal(first.x_train[:20], third.x_train)
    assert third.y_test.tolist() == given["label"].tolist()


@pytest.mark.parametrize("kind", ["Int64", "float64", "bool", "uint8"])
def test_numbers_of_every_kind_are_features_and_labels(data_directory, kind):
    given = frame(columns=2)
    given = given.assign(f0=given["label"].astype(kind), label=given["label"].astype(kind))
    from_frame("mine", given)
    (task,) = load_own("mine")
    assert task.x_train[:, 0, 0, 0].tolist() == task.y_train.tolist()


@pytest.mark.parametrize("kind", [object, "category", "string"])
def test_labels_may_be_names_and_are_numbered_alike_in_both_tables(data_directory, kind):
    given = frame(columns=2).assign(label=pd.Series(["ant", "bee", "cat", "dog"] * 10, dtype=kind))
    with pytest.warns(UserWarning, match="no test image of 'bee'"):
        asked = from_frame("mine", [(given, given[given["label"] != "bee"].head(3)), given])
    assert asked["labels"] == [["ant", "bee", "cat", "dog"]] * 2
    assert load_own("mine")[0].y_test.tolist() == [0, 2, 3]


ROWS = [*[1.0] * 39, np.nan]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"f1": "a"},
            r"train table of task 1: the column 'f1' is \w+, not numbers; .*get_dummies\(frame, columns=\['f1'\]",
        ),
        ({"f1": pd.Timestamp("2020-01-01")}, r"the column 'f1' is datetime64\S*, not numbers"),
        ({"f1": ROWS}, r"table of task 1: the column 'f1' has no value in row 39; .*dropna\(\)"),
        ({"f1": np.inf}, "infinite or not a number"),
        ({"f1": 1e8}, r"not scaled; .*\(x - x\.mean\(0\)\) / x\.std\(0\)"),
        ({"label": 0.5}, "the column 'label' has the label 0.5; it must be a whole number or a name"),
        ({"label": 1e300}, r"the column 'label' has the label 1e\+300"),
        ({"label": ROWS}, "the column 'label' has no value in row 39"),
        ({"label": [7, *[1] * 39]}, "table of task 1 has one row of the label 7"),
    ],
)
def test_columns_that_are_not_numbers_are_refused(data_directory, changes, said):
    with pytest.raises(DataError, match=said):
        from_frame("mine", frame(columns=2).assign(**changes))
    assert list(data_directory.iterdir()) == []


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (None, "tasks is of type NoneType; give a DataFrame"),
        (frame()["label"], "tasks is of type Series; give a DataFrame"),
        ([5], r"Task 1 is of type int; give \(train, test\)"),
        ([(frame(), 5)], "The test table of task 1 is of type int; give a DataFrame"),
        (
            frame(columns=9).drop(columns="label"),
            r"no column 'label' of labels; give label=\.\.\., one of f0, .*, \.\.\.",
        ),
        (frame()[["label"]], "has no column but its labels"),
        ([frame(columns=2), frame(columns=3)], "train table of task 2 and the first differ in the column 'f2'"),
        (pd.concat([frame(columns=1)] * 2, axis=1), "has two columns 'f0'"),
        (frame()[:0], "too few images, 0"),
    ],
)
def test_what_is_no_table_with_labels_is_refused(data_directory, tasks, said):
    with pytest.raises(DataError, match=said):
        from_frame("mine", tasks)
