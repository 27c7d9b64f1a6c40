"""Data sets: found, checked, and never replaced behind someone's back."""

import io
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clnp_core.errors import DataError
from clnp_core.tasks import datasets
from clnp_core.tasks.torchvision_import import torchvision_datasets


def write_mnist(path, **changes):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (20, 1, 28, 28), dtype=np.uint8),
        "y_train": np.arange(20, dtype=np.int64) % 10,
        "x_test": rng.integers(0, 256, (10, 1, 28, 28), dtype=np.uint8),
        "y_test": np.arange(10, dtype=np.int64),
    } | changes
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})


def test_digits_need_no_file(tmp_path):
    digits = datasets.load("digits", tmp_path / "nowhere")
    assert digits.x_train.shape == (1437, 1, 8, 8)
    assert digits.x_test.shape == (360, 1, 8, 8)
    assert digits.x_train.dtype == np.uint8
    assert digits.x_train.max() == digits.white == 16
    assert set(digits.y_test) == set(range(10))
    assert not (tmp_path / "nowhere").exists()


def test_the_real_mnist_is_used_as_it_is(mnist_directory):
    mnist = datasets.load("mnist", mnist_directory)
    assert mnist.x_train.shape == (60000, 1, 28, 28)
    assert mnist.x_test.shape == (10000, 1, 28, 28)
    assert np.bincount(mnist.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_the_real_cifar_is_used_as_it_is(cifar_directory):
    for name, classes in (("cifar10", 10), ("cifar100", 100)):
        cifar = datasets.load(name, cifar_directory)
        assert cifar.x_train.shape == (50000, *datasets.image_shape(name)) == (50000, 3, 32, 32)
        assert cifar.x_test.shape == (10000, 3, 32, 32)
        assert cifar.classes == datasets.classes(name) == classes
        assert cifar.white == cifar.x_train.max() == 255
        assert np.bincount(cifar.y_train).tolist() == [50000 // classes] * classes


def test_a_file_in_the_data_directory_is_used_without_a_download(tmp_path, monkeypatch):
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path))
    write_mnist(tmp_path / "fashion-mnist.npz")
    assert len(datasets.load("fashion-mnist").x_train) == 20


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "damaged or not a data set"),
        (lambda path: path.write_bytes(b"<html>not found</html>"), "damaged or not a data set"),
        (lambda path: path.write_bytes(b""), "damaged or not a data set"),
        (lambda path: _flip_a_byte(path), "damaged or not a data set"),
        (lambda path: write_mnist(path, y_test=None), "no array y_test"),
        (lambda path: write_mnist(path, x_train=np.zeros((20, 1, 32, 32), np.uint8)), "x_train is uint8"),
        (lambda path: write_mnist(path, x_test=np.zeros((10, 1, 28, 28))), "x_test is float64"),
        (lambda path: write_mnist(path, y_train=np.zeros(7, np.int64)), "20 images but y_train 7"),
        (lambda path: write_mnist(path, y_train=np.full(20, 10, np.int64)), "labels from 10 to 10"),
        (lambda path: write_mnist(path, y_train=np.array([{}] * 20, dtype=object)), "y_train is object"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_and_left_alone(tmp_path, damage, said):
    path = tmp_path / "mnist.npz"
    write_mnist(path)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=said) as refusal:
        datasets.load("mnist", tmp_path)
    assert str(path) in str(refusal.value)
    assert path.read_bytes() == before


def _flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def test_without_data_and_network_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(torchvision_datasets(), "MNIST", no_network)
    with pytest.raises(DataError, match=r"mnist\.npz is not there and MNIST could not be downloaded"):
        datasets.load("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_downloaded_is_kept_as_npz(tmp_path, monkeypatch):
    class Downloaded:
        def __init__(self, root, train, download):
            import torch

            assert download
            count = 20 if train else 10
            self.data = torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8)
            self.targets = torch.arange(count) % 10

    monkeypatch.setattr(torchvision_datasets(), "MNIST", Downloaded)
    first = datasets.load("mnist", tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["mnist.npz"]
    monkeypatch.setattr(torchvision_datasets(), "MNIST", None)
    assert np.array_equal(datasets.load("mnist", tmp_path / "made").x_train, first.x_train)


def test_downloaded_colours_are_kept_before_rows_and_columns(tmp_path, monkeypatch):
    class Downloaded:
        def __init__(self, root, train, download):
            count = 100 if train else 10
            self.data = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
            self.targets = [number % 100 for number in range(count)]

    monkeypatch.setattr(torchvision_datasets(), "CIFAR100", Downloaded)
    kept = datasets.load("cifar100", tmp_path)
    data = Downloaded(None, True, True).data
    assert kept.x_train.shape == (100, 3, 32, 32)
    assert np.array_equal(kept.x_train[7, 2], data[7, :, :, 2])
    assert kept.y_train.tolist() == list(range(100))


def test_an_unknown_name_is_refused():
    with pytest.raises(
        DataError, match="no data set 'cats'; there are digits, mnist, fashion-mnist, cifar10, cifar100"
    ):
        datasets.load("cats")


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
    tasks = datasets.load_own("mine")
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
        (lambda path: _flip_a_byte(path), "damaged or not a data set"),
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
        (lambda path: _change(path, **{"y_train.2": np.array([{}] * 6)}), "y_train of task 2 is object"),
    ],
)
def test_damaged_own_data_is_refused_and_left_alone(data_directory, damage, said):
    path = write_own_file(data_directory)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=said) as refusal:
        datasets.load_own("mine")
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert path.read_bytes() == before


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
        assert [task.x_train.shape for task in datasets.load_own("mine")] == [(6, 1, 4, 4)] * 2


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
            {"x_train": np.zeros((6, 1, 4, 4))},
            r"x_train of task 2 is float64 \[6, 1, 4, 4\]; it must be uint8 or float32",
        ),
        ({"x_train": np.zeros((6, 4, 4), np.float32)}, r"x_train of task 2 is float32 \[6, 4, 4\]"),
        ({"x_train": [[1], [1, 2]]}, "x_train of task 2 is not an array"),
        (
            {"x_test": np.zeros((3, 1, 4, 5), np.float32)},
            r"x_test of task 2 has images float32 \[1, 4, 5\], x_train of",
        ),
        ({"x_test": np.zeros((3, 1, 4, 4), np.uint8)}, "x_test of task 2 has images uint8 .*; all must be alike"),
        ({"x_test": np.zeros((3, 1, 4, 0), np.float32)}, "each size must be 1 to 1024"),
        ({"x_test": np.full((3, 1, 4, 4), np.nan, np.float32)}, "x_test of task 2 has values that are infinite or not"),
        ({"x_test": np.zeros((0, 1, 4, 4), np.float32), "y_test": np.zeros(0, int)}, "too few images, 0; .* least 1"),
        ({"x_train": np.zeros((1, 1, 4, 4), np.float32), "y_train": [0]}, "too few images, 1; .* least 2"),
        ({"y_train": np.zeros(5, int)}, "y_train of task 2 has 5 labels for 6 images"),
        ({"y_train": np.zeros((6, 3), int)}, r"y_train of task 2 is int64 \[6, 3\]; it must be whole numbers"),
        ({"y_train": np.zeros(6)}, "y_train of task 2 is float64"),
        ({"y_test": [0, 1, -1]}, "y_test of task 2 has labels from -1 to 1"),
        ({"y_test": [0, 1, 100_000]}, "y_test of task 2 has labels from 0 to 100000"),
        ({"y_test": np.array([0, 1, 2**63], np.uint64)}, "y_test of task 2 has labels from -"),
    ],
)
def test_wrong_own_arrays_are_refused_and_nothing_is_written(data_directory, changes, said):
    with pytest.raises(DataError, match=said) as refusal:
        datasets.write_own("mine", [task_arrays(), task_arrays(**changes)])
    assert str(refusal.value).startswith("Own data 'mine': ")
    assert list(data_directory.iterdir()) == []


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], "has 0 tasks"),
        ([task_arrays()[:3]], "task 1 has 3 arrays; it must have x_train, y_train, x_test, y_test"),
        ([task_arrays(y_train=[0] * 6, y_test=[0] * 3)], "there must be at least two classes"),
    ],
)
def test_too_little_own_data_is_refused(data_directory, tasks, said):
    with pytest.raises(DataError, match=said):
        datasets.write_own("mine", tasks)


def test_own_data_is_replaced_as_a_whole(data_directory):
    datasets.write_own("mine", [task_arrays()] * 3)
    datasets.write_own("mine", [task_arrays(y_train=np.arange(6, dtype=np.uint8))])
    (only,) = datasets.load_own("mine")
    assert (only.y_train.tolist(), only.y_train.dtype, only.classes) == ([0, 1, 2, 3, 4, 5], np.int64, 6)
    assert [path.name for path in (data_directory / "own").iterdir()] == ["mine.npz"]


@pytest.mark.parametrize("name", ["", "-a", "../a", "a/b", "A", "a.b", "a\n", "a" * 61])
def test_own_data_has_a_name_that_leads_nowhere_else(data_directory, name):
    for use in (datasets.load_own, lambda name: datasets.write_own(name, [task_arrays()])):
        with pytest.raises(DataError, match="cannot name own data"):
            use(name)
    assert list(data_directory.iterdir()) == []


def test_own_data_that_is_not_there_is_looked_for_where_it_would_be(data_directory):
    with pytest.raises(DataError, match=r"no own data 'mine' here: .*/own/mine\.npz is not there"):
        datasets.load_own("mine")
