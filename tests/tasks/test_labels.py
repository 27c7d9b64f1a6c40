"""The classes of own data: what is taken as a label, and that training and test have the same."""

import json

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Dataset, Subset

from clnp_core.errors import DataError
from clnp_core.runs.spec import preset
from clnp_core.tasks.content import check, content_digest
from clnp_core.tasks.own import load_own
from clnp_core.tasks.streams import from_arrays, from_datasets, open_stream


def arrays(train, test=None):
    """A task of those labels, each image as bright as its place."""
    test = train if test is None else test
    images = [40 * np.arange(len(labels), dtype=np.uint8).repeat(4).reshape(-1, 1, 2, 2) for labels in (train, test)]
    return images[0], train, images[1], test


class Folder(Dataset):
    """Like an ImageFolder: a class of each of those names, numbered in their order, with three images."""

    def __init__(self, *names):
        self.classes = list(names)
        self.class_to_idx = {name: number for number, name in enumerate(names)}

    def __len__(self):
        return 3 * len(self.classes)

    def __getitem__(self, place):
        return torch.full((1, 2, 2), place / 10), place // 3


@pytest.mark.parametrize(
    "labels",
    [
        np.array([[0], [1], [1]]),
        np.array([0.0, 1.0, 1.0], np.float32),
        np.array([False, True, True]),
        np.array([0, 1, 1], np.uint8),
        np.array([0, True, 1.0], object),
        torch.tensor([[0.0], [1.0], [1.0]], requires_grad=True),
        [0, 1, np.int64(1)],
    ],
    ids=str,
)
def test_whole_numbers_of_any_kind_are_labels(data_directory, labels):
    together = from_arrays("mine", [arrays(labels)])
    (first,) = load_own("mine")
    images = torch.zeros(3, 1, 2, 2)
    items = [(image, label) for image, label in zip(images, labels, strict=True)]
    one_by_one = from_datasets("mine", [(items, items)])
    assert first.y_train.tolist() == load_own("mine")[0].y_test.tolist() == [0, 1, 1]
    assert together == one_by_one
    assert "labels" not in together


def test_a_task_has_its_own_classes_numbered_from_0(data_directory):
    asked = from_arrays("mine", [arrays([853, 854, 854]), arrays(["fox", "cat", "dog"]), arrays([-1, 9, -1], [9, -1])])
    assert (asked["classes"], asked["labels"]) == (3, [[853, 854], ["cat", "dog", "fox"], [-1, 9]])
    tasks = load_own("mine")
    assert [task.classes for task in tasks] == [2, 3, 2]
    assert [task.y_train.tolist() for task in tasks] == [[0, 1, 1], [2, 0, 1], [0, 1, 0]]
    assert tasks[2].y_test.tolist() == [1, 0]
    check(asked)
    stream = open_stream(asked, 0)
    assert stream.task(1).test.y.tolist() == [0, 1, 1]
    assert len(stream.task(2).test) == 3
    spec = preset("digits", {"stream": asked | {"image_shape": [1, 8, 8]}})
    assert (spec.architecture.outputs, spec.architecture.task_outputs) == (3, (2, 3, 2))
    assert json.loads(json.dumps(spec.to_json()["stream"]))["labels"] == asked["labels"]


def test_what_classes_are_called_is_no_other_data(data_directory):
    numbers = from_arrays("mine", [arrays([0, 1, 1])])
    before = content_digest(numbers)
    names = from_arrays("mine", [arrays(["cat", "dog", "dog"])])
    assert content_digest(names) == before
    assert names == numbers | {"labels": [["cat", "dog"]]}
    check(numbers)


@pytest.mark.parametrize("taken", [lambda part: part, lambda part: Subset(part, range(len(part)))])
def test_training_and_test_have_the_same_classes(data_directory, taken):
    whole, less = taken(Folder("cat", "dog", "fox")), taken(Folder("cat", "fox"))
    for train, test, side in ((whole, less, "test"), (less, whole, "training")):
        with pytest.raises(DataError, match=f"task 2 has data sets with different classes: the {side} set lacks 'dog'"):
            from_datasets("mine", [(whole, whole), (train, test)])
    with pytest.raises(DataError, match="class 0 is 'cat' in the training set and 'fox' in the test set"):
        from_datasets("mine", [(less, taken(Folder("fox", "cat")))])
    with pytest.raises(DataError, match="the first of its parts lacks 'dog'"):
        from_datasets("mine", [(ConcatDataset([less, whole]), whole)])
    assert list(data_directory.iterdir()) == []
    asked = from_datasets("mine", [(ConcatDataset([whole, whole]), whole), (less, less)])
    assert asked["labels"] == [["cat", "dog", "fox"], ["cat", "fox"]]


def test_a_class_without_training_images_is_refused_and_one_without_test_images_said(data_directory):
    whole = Folder("cat", "dog", "fox")
    less = Subset(whole, range(6))
    with pytest.raises(DataError, match="task 1 has test images of 'fox', of which it has no training image"):
        from_datasets("mine", [(less, whole)])
    with pytest.warns(UserWarning, match="task 1 has no test image of 'fox'; its accuracy is without them") as said:
        from_datasets("mine", [(whole, less)])
    assert said[0].filename == __file__
    asked = from_datasets("mine", [(less, less)])
    assert (asked["classes"], asked["labels"]) == (2, [["cat", "dog"]])


def test_classes_of_the_same_name_are_told_apart_and_several_names_of_one_are_kept(data_directory):
    whole = Folder("crane", "tench", "x")
    whole.classes, whole.class_to_idx = (
        [("crane",), ("tench", "tinca"), ("crane",)],
        {"crane": 2, "tench": 1, "tinca": 1},
    )
    assert from_datasets("mine", [(whole, whole)])["labels"] == [["crane (0)", "tench, tinca", "crane (2)"]]


def test_masked_values_are_not_taken_for_what_is_under_the_mask(data_directory):
    images, labels = np.ones((3, 1, 2, 2), np.float32), np.array([0, 1, 1])
    for given in ((np.ma.masked_array(images, images > 0), labels), (images, np.ma.masked_array(labels, [0, 0, 1]))):
        with pytest.raises(DataError, match=r"of task 1 has masked values; .*\.filled"):
            from_arrays("mine", [(*given, images, labels)])
