"""Data of one's own: kept as one file, checked before it is used."""

import io
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clnp_core.errors import DataError
from clnp_core.tasks.own import load_own, write_own
from tests.tasks.test_datasets import flip_a_byte


def own_arrays(tasks=2, dtype=np.uint8):
    rng = np.random.default_rng(0)
    arrays = {}
    for task in range(1, tasks + 1):
        for part, count in (("train", 6), ("test", 3)):
            arrays[f"x_{part}.{task}"] = rng.integers(0, 256, (count, 1, 4, 4)).astype(dtype)
            arrays[f"y_{part}.{task}"] = np.arange(count, dtype=np.int64) % 3
    return arrays


def write_own_file(directory, name="mine", **changes):
    path = directory / "own" / f"{name}.npz"
    path.parent.mkdir(exist_ok=True)
    arrays = own_arrays() | changes
    np.savez_compressed(path, **{array: content for array, content in arrays.items() if content is not None})
    return path


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.float32, 1)])
def test_own_data_is_a_data_set_for_each_task(data_directory, dtype, white):
    arrays = own_arrays(12, dtype)
    write_own_file(data_directory, **arrays)
    tasks = load_own("mine")
    assert len(tasks) == 12
    assert [(task.white, task.classes) for task in tasks] == [(white, 3)] * 12
    assert np.array_equal(tasks[9].x_test, arrays["x_test.10"])
    assert tasks[9].x_test.dtype == dtype
    assert len({task.digest() for task in tasks}) == 12


def archive_of(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def claiming(shape, dtype="|u1"):
    """An array's file that says it is large and holds nothing."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": dtype, "fortran_order": False, "shape": shape})
    return content.getvalue()


HUGE = {
    "x_train.1.npy": claiming((2**40, 1, 4, 4)),
    "y_train.1.npy": claiming((2**40,), "<i8"),
    "x_test.1.npy": claiming((2, 1, 4, 4)),
    "y_test.1.npy": claiming((2,), "<i8"),
}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "damaged or not a data set"),
        (lambda path: path.write_bytes(b"GIF89a"), "damaged or not a data set"),
        (lambda path: flip_a_byte(path), "damaged or not a data set"),
        (lambda path: path.write_bytes(archive_of({})), "has 0 tasks; there must be 1 to 1000"),
        (lambda path: path.write_bytes(archive_of({"x_train.1": b""})), "has no array y_train.1"),
        (lambda path: path.write_bytes(archive_of(HUGE)), "GiB of arrays; at most 8"),
        (lambda path: _change(path, **{"y_test.2": None}), r"no array y_test\.2"),
        (lambda path: _change(path, **{"x_train.2": None}), r"array x_test\.2, which belongs to none of its 1 tasks"),
        (lambda path: _change(path, extra=np.zeros(3)), "array extra, which belongs to none of its 2 tasks"),
        (
            lambda path: _change(path, **{"x_test.2": np.zeros((3, 16), np.uint8)}),
            r"x_test of task 2 is uint8 \[3, 16\]",
        ),
        (lambda path: _change(path, **{"x_train.2": np.array([{}] * 6)}), "x_train of task 2 is object"),
        (lambda path: _change(path, **{"classes.1": np.arange(3)}), r"no array classes\.2"),
        (
            lambda path: _change(path, **_classes(np.arange(2))),
            r"y_train of task 1 has labels from 0 to 2; .* 1 at most",
        ),
        (lambda path: _change(path, **_classes(np.eye(3))), r"classes of task 1 is float64 \[3, 3\]"),
        (lambda path: _change(path, **_classes(np.array(["a", "b", "c\n"]))), r"classes of task 1 has the label 'c"),
        (lambda path: _change(path, **{"y_train.2": np.array([{}] * 6)}), "y_train of task 2 is object"),
    ],
)
def test_damaged_own_data_is_refused_and_left_alone(data_directory, damage, said):
    path = write_own_file(data_directory)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=said) as refusal:
        load_own("mine")
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert path.read_bytes() == before


def test_values_that_cannot_be_trained_on_are_refused_where_they_are_kept(data_directory):
    write_own_file(data_directory, **{"x_train.2": np.full((6, 1, 4, 4), -1e38, np.float32)} | _as_floats())
    with pytest.raises(DataError, match=r"x_train of task 2 has values of up to 1e\+38, too large to train on"):
        load_own("mine")


def _as_floats():
    return {name: array for name, array in own_arrays(dtype=np.float32).items() if name not in ("x_train.2",)}


def _classes(classes):
    return {"classes.1": classes, "classes.2": np.arange(3)}


def _change(path, **changes):
    write_own_file(path.parent.parent, **changes)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    array=st.sampled_from(sorted(own_arrays())),
    changes=st.lists(
        st.tuples(st.integers(0, 127), st.sampled_from(b"{}()[]'\"\n\\,:019-<>|fiuOTrue \x00\xff")), max_size=4
    ),
)
def test_whatever_an_arrays_header_says_is_used_or_refused(data_directory, array, changes):
    path = write_own_file(data_directory)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = bytearray(members[f"{array}.npy"])
    for place, byte in changes:
        content[place] = byte
    path.write_bytes(archive_of(members | {f"{array}.npy": bytes(content)}))
    with suppress(DataError):
        assert [task.x_train.shape for task in load_own("mine")] == [(6, 1, 4, 4)] * 2


def task_arrays(**changes):
    rng = np.random.default_rng(1)
    arrays = {
        "x_train": rng.random((6, 1, 4, 4), dtype=np.float32),
        "y_train": np.arange(6) % 3,
        "x_test": rng.random((3, 1, 4, 4), dtype=np.float32),
        "y_test": np.arange(3),
    }
    return list((arrays | changes).values())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"x_train": np.zeros((6, 1, 4, 4), complex)},
            r"x_train of task 2 is complex128 \[6, 1, 4, 4\]; it must be uint8 or float32",
        ),
        ({"x_train": np.zeros((6, 1, 4, 4, 1), np.float32)}, r"x_train of task 2 is float32 \[6, 1, 4, 4, 1\]"),
        ({"x_train": [[1], [1, 2]]}, "x_train of task 2 is not an array"),
        (
            {"x_test": np.zeros((3, 1, 4, 5), np.float32)},
            r"x_test of task 2 has images float32 \[1, 4, 5\], x_train of",
        ),
        ({"x_test": np.zeros((3, 1, 4, 4), np.uint8)}, "x_test of task 2 has images uint8 .*; all must have"),
        ({"x_test": np.zeros((3, 1, 4, 0), np.float32)}, "each size must be 1 to 1048576"),
        ({"x_test": np.full((3, 1, 4, 4), np.nan, np.float32)}, "x_test of task 2 has values that are infinite or not"),
        ({"x_test": np.zeros((0, 1, 4, 4), np.float32), "y_test": np.zeros(0, int)}, "too few images, 0; .* least 1"),
        ({"x_train": np.zeros((1, 1, 4, 4), np.float32), "y_train": [0]}, "too few images, 1; .* least 2"),
        ({"y_train": np.zeros(5, int)}, "y_train of task 2 has 5 labels for 6 images"),
        (
            {"y_train": np.eye(3, dtype=int)[[0, 1, 2] * 2]},
            r"y_train of task 2 is int64 \[6, 3\]; .* give \.argmax\(1\)",
        ),
        ({"y_train": np.full(6, 0.5)}, r"y_train of task 2 has the label 0\.5; it must be a whole number"),
        ({"y_train": [0, 1, 2, 0, 1, np.nan]}, "y_train of task 2 has the label nan"),
        ({"y_train": [0, 1, 2, 0, 1, "2"]}, "y_train of task 2 is object"),
        ({"y_train": [0, 1, 2, 0, 1, None]}, "y_train of task 2 is object"),
        ({"y_train": [*"abcab", "a\n"], "y_test": [*"abc"]}, r"y_train of task 2 has the label 'a\\n'"),
        ({"y_test": [0, 1, -1]}, "task 2 has test images of -1, of which it has no training image"),
        ({"y_test": ["0", "1", "2"]}, "task 2 has test images of '0', '1', '2', of which it has no training image"),
        ({"y_test": np.array([0, 1, 2**63], np.uint64)}, "y_test of task 2 has the label 9223372036854775808"),
    ],
)
def test_wrong_own_arrays_are_refused_and_nothing_is_written(data_directory, changes, said):
    with pytest.raises(DataError, match=said) as refusal:
        write_own("mine", [task_arrays(), task_arrays(**changes)])
    assert str(refusal.value).startswith("Own data 'mine': ")
    assert list(data_directory.iterdir()) == []


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], "has 0 tasks"),
        (None, "tasks is of type NoneType; give a list"),
        ("mine", "tasks is of type str; give a list"),
        ([5], "Task 1 is of type int; give"),
        (task_arrays(), "Task 1 is of type ndarray; give"),
        ([task_arrays()[:3]], r"Task 1 has 3 parts; give \(x_train, y_train, x_test, y_test\)"),
        ([task_arrays(y_train=[0] * 6, y_test=[0] * 3)], "has one class only; one task at least must have two"),
    ],
)
def test_too_little_own_data_is_refused(data_directory, tasks, said):
    with pytest.raises(DataError, match=said):
        write_own("mine", tasks)


def test_own_data_is_replaced_as_a_whole(data_directory):
    write_own("mine", [task_arrays()] * 3)
    write_own("mine", [task_arrays(y_train=np.arange(6, dtype=np.uint8))])
    (only,) = load_own("mine")
    assert (only.y_train.tolist(), only.y_train.dtype, only.classes) == ([0, 1, 2, 3, 4, 5], np.int64, 6)
    assert [path.name for path in (data_directory / "own").iterdir()] == ["mine.npz"]


@pytest.mark.parametrize("name", [None, 5, "", "-a", "../a", "a/b", "A", "a.b", "a\n", "a" * 61])
def test_own_data_has_a_name_that_leads_nowhere_else(data_directory, name):
    for use in (load_own, lambda name: write_own(name, [task_arrays()])):
        with pytest.raises(DataError, match="cannot name own data"):
            use(name)
    assert list(data_directory.iterdir()) == []


def test_own_data_that_is_not_there_is_looked_for_where_it_would_be(data_directory):
    with pytest.raises(DataError, match=r"no own data 'mine' here: .*/own/mine\.npz does not exist"):
        load_own("mine")
