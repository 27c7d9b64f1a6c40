"""Data sets: found, checked, and never replaced behind someone's back."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from clnp_core.errors import DataError
from clnp_core.tasks import datasets
from clnp_core.tasks.sources import SOURCES
from clnp_core.tasks.sources.source import Source
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


def test_digits_are_those_of_scikit_learn():
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    digits = datasets.load("digits")
    for ours, theirs in zip((digits.x_train, digits.x_test, digits.y_train, digits.y_test), parts, strict=True):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


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
        (lambda path: flip_a_byte(path), "damaged or not a data set"),
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


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def test_without_data_and_network_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(torchvision_datasets(), "MNIST", no_network)
    with pytest.raises(DataError, match=r"mnist\.npz is not there and mnist could not be downloaded"):
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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x_train": np.zeros((4, 1, 8, 8))}, "x_train is float64"),
        ({"x_test": np.zeros((4, 8, 8), np.uint8)}, "x_test is uint8"),
        ({"y_test": np.zeros(3, np.int64)}, "4 images but y_test 3"),
        ({"y_train": np.full(4, 2, np.int64)}, "labels from 2 to 2"),
    ],
)
@pytest.mark.parametrize("kept", [True, False])
def test_a_source_that_gives_something_else_is_refused_and_nothing_is_kept(tmp_path, monkeypatch, changes, said, kept):
    arrays = {
        name: np.zeros((4, 1, 8, 8), np.uint8) if name[0] == "x" else np.arange(4) % 2 for name in datasets.ARRAYS
    }
    source = Source((1, 8, 8), classes=2, white=255, training_images=4, arrays=lambda: arrays | changes, kept=kept)
    monkeypatch.setitem(SOURCES, "cats", source)
    with pytest.raises(DataError, match=said):
        datasets.load("cats", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused():
    with pytest.raises(
        DataError, match="no data set 'cats'; there are cifar10, cifar100, digits, fashion-mnist, mnist"
    ):
        datasets.load("cats")
