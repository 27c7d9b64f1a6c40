"""Streams: drawn from the seed alone, every image of a task used once, and data of one's own."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from clnp_core.errors import DataError, SpecError
from clnp_core.runs.spec.stream import SplitSpec
from clnp_core.tasks import datasets
from clnp_core.tasks.content import check, content_digest
from clnp_core.tasks.datasets import Dataset
from clnp_core.tasks.own import load_own
from clnp_core.tasks.streams import (
    OwnStream,
    PermutedStream,
    RotatedStream,
    SplitStream,
    from_arrays,
    from_datasets,
    open_stream,
)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def stream(digits, tasks=4, seed=0, identity_first=False):
    return PermutedStream(digits, tasks, validation=150, seed=seed, identity_first=identity_first)


def test_a_task_is_the_images_with_its_permutation(digits):
    third = stream(digits).task(3)
    order = stream(digits).permutations[2]
    assert sorted(order.tolist()) == list(range(64))
    wanted = digits.x_test.reshape(360, 64)[:, order] / 16
    assert third.number == 3
    assert torch.equal(third.test.x, torch.from_numpy(wanted.astype(np.float32)))
    assert torch.equal(third.test.y, torch.from_numpy(digits.y_test))
    assert 0 <= third.train.x.min() <= third.train.x.max() == 1


def test_validation_is_held_out_of_the_training_images(digits):
    task = stream(digits, identity_first=True).task(1)
    assert (len(task.train), len(task.validation), len(task.test)) == (1287, 150, 360)
    both = torch.cat((task.train.x, task.validation.x)).mul(16).to(torch.uint8).numpy()
    rows = sorted(map(bytes, both))
    assert rows == sorted(map(bytes, digits.x_train.reshape(-1, 64)))


def test_the_seed_decides_and_the_number_of_tasks_does_not(digits):
    assert np.array_equal(stream(digits, 4).permutations, stream(digits, 9).permutations[:4])
    assert not np.array_equal(stream(digits, 4).permutations, stream(digits, 4, seed=1).permutations)
    assert len({tuple(order) for order in stream(digits, 9).permutations}) == 9


def test_task_1_may_be_the_identity(digits):
    plain, permuted = stream(digits, identity_first=True), stream(digits)
    assert plain.permutations[0].tolist() == list(range(64))
    assert np.array_equal(plain.permutations[1:], permuted.permutations[1:])


@settings(max_examples=20)
@given(st.floats(0, 1), st.integers(0, 2**31 - 1))
def test_a_share_of_the_pixels_changes_places(digits, share, seed):
    whole, part = (PermutedStream(digits, 3, 150, seed, share=each).permutations for each in (1, share))
    places = np.arange(64)
    assert np.array_equal(np.sort(part), np.tile(places, (3, 1)))
    assert ((part != places).sum(1) <= share * 64).all()
    assert np.array_equal(part, whole) or share < 1


def test_with_no_share_every_task_sees_the_images_as_they_are(digits):
    alike = PermutedStream(digits, 2, 150, seed=0, share=0)
    as_is = stream(digits, identity_first=True).task(1)
    for number in (1, 2):
        assert torch.equal(alike.task(number).train.x, as_is.train.x)
        assert torch.equal(alike.task(number).test.x, as_is.test.x)


def test_a_whole_permutation_is_what_it_was_before_there_were_shares(digits):
    told = [hashlib.sha256(order.tobytes()).hexdigest()[:16] for order in stream(digits, 3).drawn().values()]
    assert told == WHOLE


def test_tasks_turn_the_images_further_and_hold_out_the_same_as_permuted_ones(digits):
    made = RotatedStream(digits, 5, validation=150, seed=3, degrees=90)
    assert np.array_equal(made.drawn()["order"], stream(digits, seed=3).drawn()["order"])
    for number, turns in ((1, 0), (2, 1), (4, 3), (5, 0)):
        wanted = np.rot90(digits.x_test, turns, (2, 3)).reshape(360, 64) / np.float32(16)
        assert torch.equal(made.test(number).x, torch.from_numpy(wanted))
    assert torch.equal(made.task(2).validation.x, made.held_out(2).x)


WHOLE = ["36fc9e648d253ec6", "e4a6577d9e573c4f"]  # permutations and order, as the first version drew them


def numbered(name, labels, classes):
    """A data set whose every image says which it is: the training ones from 0, the test ones from 30,000."""
    labels = np.array(labels, np.int64)
    rows = np.arange(len(labels))
    x = np.stack((rows % 256, rows // 256), axis=1).astype(np.uint8)[:, None, None]
    return Dataset(name, x, labels, x + np.uint8([[[0, 118]]]), labels[::-1].copy(), white=255, classes=classes)


def rows_of(split):
    low, high = split.x.mul(255).round().long().unbind(1)
    return (low + 256 * high).tolist()


@st.composite
def data_sets(draw):
    """One to three data sets in which each class has an image at least."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        classes = draw(st.integers(2, 9))
        more = draw(st.lists(st.integers(0, classes - 1), max_size=40))
        made.append(numbered(f"set-{number}", draw(st.permutations([*range(classes), *more])), classes))
    return made


@st.composite
def splits(draw):
    """What makes a stream of all its tasks: data sets, classes per task, tasks, validation, seed."""
    sets = draw(data_sets())
    per_task = draw(st.integers(2, max(dataset.classes for dataset in sets)))
    tasks = sum(dataset.classes // per_task for dataset in sets)
    share = draw(st.floats(0, 1, exclude_min=True, exclude_max=True))
    return sets, per_task, tasks, share, draw(st.integers(0, 2**31 - 1))


@given(splits())
def test_every_image_of_a_tasks_classes_is_trained_on_or_held_out(asked):
    sets, per_task, tasks, share, _ = asked
    made = SplitStream(*asked)
    groups = [(data, first) for data in sets for first in range(0, data.classes - per_task + 1, per_task)]
    assert made.tasks == len(groups) == tasks
    for number, (data, first) in enumerate(groups, 1):
        task = made.task(number)
        classes = range(first, first + per_task)
        used = rows_of(task.train) + rows_of(task.validation)
        assert sorted(used) == [row for row, label in enumerate(data.y_train) if label in classes]
        assert (torch.cat((task.train.y, task.validation.y)) + first).tolist() == data.y_train[used].tolist()
        tested = [row - 118 * 256 for row in rows_of(task.test)]
        assert tested == [row for row, label in enumerate(data.y_test) if label in classes]
        assert (task.test.y + first).tolist() == data.y_test[tested].tolist()
        assert {int(label) for part in (task.train, task.validation, task.test) for label in part.y} == set(
            range(per_task)
        )
        assert abs(len(task.validation) - share * len(used)) <= 1
        assert len(task.train) > 0 < len(task.validation)
        assert task.train.x.dtype == torch.float32


@given(splits())
def test_parts_of_a_task_can_be_had_alone(asked):
    made = SplitStream(*asked)
    for number in range(1, made.tasks + 1):
        task = made.task(number)
        for whole, alone in ((task.validation, made.held_out(number)), (task.test, made.test(number))):
            assert torch.equal(whole.x, alone.x)
            assert torch.equal(whole.y, alone.y)


@given(splits(), st.data())
def test_a_longer_split_stream_shares_the_shorter_ones_tasks(asked, data):
    sets, per_task, tasks, share, seed = asked
    fewer = data.draw(st.integers(1, tasks))
    long, short = (SplitStream(sets, per_task, count, share, seed).drawn() for count in (tasks, fewer))
    assert list(short) == [f"order.{number}" for number in range(1, fewer + 1)]
    assert all(np.array_equal(long[name], order) for name, order in short.items())


def test_the_seed_decides_what_is_held_out(digits):
    first, again, other = (SplitStream([digits], 2, 5, 0.1, seed) for seed in (0, 0, 1))
    for name, order in first.drawn().items():
        assert np.array_equal(order, again.drawn()[name])
        assert sorted(order) == sorted(other.drawn()[name])
        assert not np.array_equal(order, other.drawn()[name])
    twice = SplitStream([digits, digits], 10, 2, 0.1, 0).drawn()
    assert not np.array_equal(twice["order.1"], twice["order.2"])


def test_a_split_stream_has_the_pixels_between_0_and_1(digits):
    test = SplitStream([digits], 4, 2, 0.1, 0).test(2)
    rows = (digits.y_test >= 4) & (digits.y_test < 8)
    assert torch.equal(test.x, torch.from_numpy(digits.x_test[rows].reshape(-1, 64).astype(np.float32) / 16))


def test_a_split_stream_needs_images_and_tasks(digits):
    with pytest.raises(SpecError, match=r"stream\.tasks: 6 is more than the 5 tasks of digits; give fewer"):
        SplitStream([digits], 2, 6, 0.1, 0)
    with pytest.raises(SpecError, match=r"task 2 has 1 training and 1 test images, the classes 2 to 3 of few"):
        SplitStream([numbered("few", [0, 1, 3], 4)], 2, 2, 0.1, 0)


CIFAR = {
    "kind": "split",
    "datasets": ["cifar10", "cifar100"],
    "classes_per_task": 10,
    "tasks": 11,
    "validation": 0.1,
}


def test_real_cifar_gives_eleven_tasks(cifar_directory):
    made = open_stream(CIFAR, seed=0)
    big, small = (datasets.load(name, cifar_directory) for name in CIFAR["datasets"])
    check(CIFAR)
    drawn = made.drawn()
    assert len(drawn) == made.tasks == 11
    for number in range(1, 12):
        source, first = (big, 0) if number == 1 else (small, 10 * (number - 2))
        assert np.unique(source.y_train[drawn[f"order.{number}"]]).tolist() == list(range(first, first + 10))
    sizes = [(len(task.train), len(task.validation), len(task.test)) for task in map(made.task, (1, 2, 11))]
    assert sizes == [(45000, 5000, 10000), (4500, 500, 1000), (4500, 500, 1000)]
    third = made.test(3)
    rows = np.flatnonzero((small.y_test >= 10) & (small.y_test < 20))
    assert torch.equal(third.y, torch.from_numpy(small.y_test[rows] - 10))
    assert torch.equal(third.x[5], torch.from_numpy(small.x_test[rows[5]].reshape(-1).astype(np.float32) / 255))


def test_real_mnist_in_twos_gives_five_tasks(mnist_directory):
    asked = {"kind": "split", "datasets": ["mnist"], "classes_per_task": 2, "tasks": 5, "validation": 0.1}
    made = open_stream(asked, seed=0)
    assert sum(len(order) for order in made.drawn().values()) == 60000
    assert sum(len(made.test(number)) for number in range(1, 6)) == 10000


PERMUTED = {"kind": "permuted", "dataset": "digits", "tasks": 3, "validation": 150, "identity_first": False}
ROTATED = {"kind": "rotated", "dataset": "digits", "tasks": 3, "validation": 150, "degrees": 30.0}
SPLIT = {"kind": "split", "datasets": ["digits"], "classes_per_task": 3, "tasks": 3, "validation": 0.2}


def test_a_permuted_specification_opens_the_same_stream(digits):
    opened, wanted = open_stream(PERMUTED, seed=7, tasks=5), stream(digits, 5, seed=7)
    assert opened.tasks == 5
    assert torch.equal(opened.task(5).train.x, wanted.task(5).train.x)
    drawn = opened.drawn()
    assert list(drawn) == ["permutations", "order"]
    assert np.array_equal(drawn["permutations"], wanted.permutations)
    assert np.array_equal(drawn["order"], wanted.order)
    assert content_digest(PERMUTED) == content_digest(ROTATED) == digits.digest()
    part = PermutedStream(digits, 3, 150, seed=7, share=0.25)
    assert np.array_equal(open_stream(PERMUTED | {"share": 0.25}, seed=7).permutations, part.permutations)
    assert torch.equal(
        open_stream(ROTATED, seed=7).test(3).x, RotatedStream(digits, 3, 150, seed=7, degrees=60).test(2).x
    )


def test_the_number_of_tasks_may_be_given_beside_the_specification():
    unsaid = {name: value for name, value in SPLIT.items() if name != "tasks"}
    assert open_stream(unsaid, 0, 2).tasks == open_stream(SPLIT, 0, 2).tasks == 2
    assert open_stream(SPLIT, 0).tasks == 3


@pytest.mark.parametrize("asked", [PERMUTED, ROTATED, SPLIT | {"class_order": "random"}])
def test_a_streams_own_seed_draws_it_whatever_the_runs_is(asked):
    def drawn(seed, own=None):
        given = asked if own is None else asked | {"seed": own}
        return [array.tolist() for array in open_stream(given, seed).drawn().values()]

    assert drawn(1, 7) == drawn(2, 7) == drawn(7)
    assert all(one != other for one, other in zip(drawn(1, 7), drawn(1, 8), strict=True))


def test_a_streams_own_seed_draws_what_is_held_out_of_every_class(data_directory):
    images, labels = np.arange(240, dtype=np.uint8).reshape(60, 1, 2, 2), np.arange(60) % 3
    asked = from_arrays("mine", [(images, labels, images, labels)] * 2)

    def held_out(seed, own):
        made = open_stream(asked | {"seed": own, "validation": 0.2}, seed)
        return [made.held_out(task) for task in (1, 2)]

    first, again, other = (held_out(*seeds) for seeds in ((0, 7), (1, 7), (0, 8)))
    for one, same, else_ in zip(first, again, other, strict=True):
        assert torch.equal(one.x, same.x)
        assert set(map(tuple, one.x.tolist())) != set(map(tuple, else_.x.tolist()))
        assert one.y.bincount().tolist() == else_.y.bincount().tolist() == [4, 4, 4]


def classes_of(dataset, made):
    """Of each task, the classes in the order of the labels that they have there."""
    found = []
    for number in range(1, made.tasks + 1):
        rows, task = made.drawn()[f"order.{number}"], made.task(number)
        labels = torch.cat((task.train.y, task.validation.y)).tolist()
        own = dict(zip(labels, dataset.y_train[rows].tolist(), strict=True))
        assert [own[label] for label in labels] == dataset.y_train[rows].tolist()
        found.append([own[label] for label in sorted(own)])
    return found


def test_tasks_take_classes_in_the_order_that_is_given(digits):
    order = [9, 0, 5, 3, 1, 7]
    made = open_stream(SPLIT | {"class_order": order, "classes_per_task": 2}, seed=0)
    assert classes_of(digits, made) == [[9, 0], [5, 3], [1, 7]]
    test = made.test(1)
    assert test.y.tolist() == [order.index(label) for label in digits.y_test if label in (9, 0)]


def test_a_random_order_of_classes_uses_each_once_and_each_seed_has_its_own(digits):
    asked = SPLIT | {"class_order": "random"}
    orders = [classes_of(digits, open_stream(asked, seed)) for seed in range(4)]
    told = SplitSpec(**asked)
    assert orders == [[[*told.labels_of(task, seed)] for task in range(1, told.tasks + 1)] for seed in range(4)]
    assert all(len({label for task in order for label in task}) == 9 for order in orders)
    assert len(set(map(str, orders))) == 4


def test_classes_of_a_second_data_set_are_numbered_on_from_the_firsts():
    sets = [numbered("one", [0, 0, 1, 1], 2), numbered("two", [2, 2, 1, 0, 0, 1], 3)]
    made = SplitStream(sets, 2, 2, 0.5, 0, class_order=[4, 2, 1, 0])
    assert made.test(1).y.tolist() == [1, 1, 0, 0]  # of the second, which ends with 0, 0, 1 and begins with 2, 2
    assert sorted(made.drawn()["order.1"]) == [0, 1, 3, 4]
    assert sorted(made.drawn()["order.2"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("asked", [PERMUTED, ROTATED, SPLIT])
def test_other_data_than_the_runs_is_refused(asked):
    digest = content_digest(asked)
    assert open_stream(asked | {"digest": digest}, 0).tasks == 3
    with pytest.raises(DataError, match="The data set digits on this worker is not the one the run was started with"):
        open_stream(asked | {"digest": "0" * 64}, 0)


def test_no_more_can_be_held_out_than_there_is():
    check(PERMUTED)
    check(SPLIT)
    sentence = r"stream\.validation: 1437 images cannot be held out of the 1437 training images of digits; give fewer"
    for asked in (PERMUTED, ROTATED):
        with pytest.raises(SpecError, match=sentence):
            check(asked | {"validation": 1437})


def own_tasks(tasks=3, dtype=np.uint8):
    rng = np.random.default_rng(0)
    sizes, top = (20, 5), 255 if dtype == np.uint8 else 9
    return [
        [
            array
            for n in sizes
            for array in (rng.integers(0, top + 1, (n, 2, 3, 4)).astype(dtype), np.arange(n) % (task + 2))
        ]
        for task in range(1, tasks + 1)
    ]


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.float32, 1)])
def test_own_arrays_come_back_as_tasks(data_directory, dtype, white):
    arrays = own_tasks(dtype=dtype)
    asked = from_arrays("mine", arrays)
    assert asked == {
        "kind": "own",
        "name": "mine",
        "image_shape": [2, 3, 4],
        "classes": 5,
        "tasks": 3,
        "validation": 0.1,
        "labels": [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]],
    }
    check(asked)
    made = open_stream(asked | {"digest": content_digest(asked)}, seed=0)
    assert isinstance(made, OwnStream)
    for number, (x_train, y_train, x_test, y_test) in enumerate(arrays, 1):
        task = made.task(number)
        assert (len(task.train), len(task.validation)) == (18, 2)
        order = made.drawn()[f"order.{number}"]
        both = torch.cat((task.train.x, task.validation.x))
        assert torch.equal(
            both, torch.from_numpy(x_train[order].reshape(20, -1).astype(np.float32) / np.float32(white))
        )
        assert torch.cat((task.train.y, task.validation.y)).tolist() == y_train[order].tolist()
        assert torch.equal(task.test.x, torch.from_numpy(x_test.reshape(5, -1).astype(np.float32) / np.float32(white)))
        assert task.test.y.tolist() == y_test.tolist()


def test_replaced_own_data_is_other_data(data_directory):
    asked = from_arrays("mine", own_tasks())
    before = content_digest(asked)
    open_stream(asked | {"digest": before}, seed=0)
    from_arrays("mine", own_tasks(2))
    assert content_digest(asked) != before
    with pytest.raises(DataError, match="The data set mine of your own on this worker is not the one the run was"):
        open_stream(asked | {"digest": before}, seed=0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image_shape": [1, 8, 8]}, r"stream\.image_shape: \[1, 8, 8\] is not the shape of mine; give \[2, 3, 4\]"),
        ({"labels": []}, r"stream\.classes: 5 is not the number of classes of every task of mine, .* 3, 4, 5; give"),
        (
            {"labels": [[0, 1]] * 3},
            r"stream\.labels: they are 2 classes of the tasks of mine, which have 3, 4, 5; give",
        ),
        ({"tasks": 4}, r"stream\.tasks: 4 is more than the 3 tasks of mine; give fewer"),
    ],
)
def test_a_specification_must_fit_the_own_data(data_directory, changes, said):
    with pytest.raises(SpecError, match=said):
        check(from_arrays("mine", own_tasks()) | changes)


def test_a_specification_may_ask_for_less_than_the_own_data(data_directory):
    asked = from_arrays("mine", own_tasks()) | {"tasks": 2}
    check(asked)
    assert open_stream(asked, seed=0).tasks == 2


class Pairs:
    """A data set as torch asks for it, that does not say where it ends but by its length."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index % len(self.items)]


class Endless(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


def only_task(asked):
    (task,) = load_own(asked["name"])
    return task


@pytest.mark.parametrize("shape", [(12, 3, 5, 4), (12, 5, 4)])
def test_torch_data_sets_of_tensors_are_taken_as_floats(data_directory, shape):
    images = torch.rand(shape, dtype=torch.float64)
    labels = torch.arange(12) % 4
    asked = from_datasets("mine", [(TensorDataset(images, labels), TensorDataset(images[:4], labels[:4]))])
    task = only_task(asked)
    wanted = images.reshape(12, -1, 5, 4).to(torch.float32).numpy()
    assert (asked["image_shape"], asked["classes"], task.x_train.dtype) == ([*wanted.shape[1:]], 4, np.float32)
    assert np.array_equal(task.x_train, wanted)
    assert np.array_equal(task.x_test, wanted[:4])
    assert task.y_train.tolist() == labels.tolist()


def test_tensors_of_bytes_stay_bytes(data_directory):
    images = torch.randint(0, 256, (6, 3, 5, 4), dtype=torch.uint8)
    part = TensorDataset(images, torch.arange(6) % 2)
    task = only_task(from_datasets("mine", [(part, part)]))
    assert task.x_train.dtype == np.uint8
    assert np.array_equal(task.x_train, images.numpy())


@pytest.mark.parametrize("kind", [Pairs, Endless, list])
@pytest.mark.parametrize("convert", [Image.fromarray, np.asarray])
@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (6, 5, 4)])
def test_pictures_are_taken_as_bytes_with_the_channels_first(data_directory, kind, convert, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    part = kind([(convert(image), number % 3) for number, image in enumerate(images)])
    task = only_task(from_datasets("mine", [(part, part)]))
    wanted = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    assert task.x_train.dtype == np.uint8
    assert np.array_equal(task.x_train, wanted)
    assert task.y_test.tolist() == [0, 1, 2, 0, 1, 2]


def test_pictures_with_a_palette_are_taken_by_their_colours(data_directory):
    picture = Image.new("RGB", (4, 4), (200, 10, 30)).quantize(2)
    assert picture.mode == "P"
    part = Pairs([(picture, 0), (picture, 1)])
    assert only_task(from_datasets("mine", [(part, part)])).x_train[0, :, 0, 0].tolist() == [200, 10, 30]


GREY = Image.new("L", (4, 4))


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "There are no train images of task 2"),
        (
            [(GREY, 0), (Image.new("RGB", (4, 4)), 1)],
            r"train images of task 2, number 1 is uint8 \[3, 4, 4\], the first",
        ),
        ([(GREY, 0), (GREY, 0.5)], r"train images of task 2, number 1 has the label 0\.5; it must be a whole number"),
        ([GREY], "train images of task 2, number 0 is of type Image; it must be an image and a label"),
        ([(GREY, 0, 1)], r"number 0 has 3 values; .* \[item\[:2\] for item in data\]"),
        ([(0, GREY)], r"train images of task 2, number 0 has the axes \[\]; an image has"),
        ([("cat.png", 0)] * 2, "train images of task 2, number 0 is of type str; it must be an image and a label"),
        ([([[1], [1, 2]], 0)], "train images of task 2, number 0 is not an image"),
        ([(torch.zeros(16), 0)] * 2, r"x_train of task 2 has images float32 \[1, 1, 16\], x_train of task 1 uint8"),
        ([(GREY, None)], "train images of task 2, number 0 has the label None; it must be a whole number or a name"),
        ([(GREY, 0), (GREY, "cat")], "train images of task 2, number 1 has the label 'cat', the first 0; give all as"),
        ([(GREY, torch.eye(3)[0])] * 2, r"train images of task 2, number 0 has 3 labels; .* give \.argmax\(\)"),
        ([(GREY, -1)] * 2, "task 2 has test images of 0, 1, of which it has no training image"),
    ],
)
def test_what_is_no_image_with_a_label_is_refused(data_directory, items, said):
    good = Pairs([(GREY, 0), (GREY, 1)])
    with pytest.raises(DataError, match=said):
        from_datasets("mine", [(good, good), (Pairs(items), good)])
    assert list(data_directory.iterdir()) == []


class Unreadable(Pairs):
    """With an image that its own code cannot read."""

    def __getitem__(self, place):
        if place == 1:
            raise OSError("cannot identify image file 'x.png'")
        return super().__getitem__(place)


def test_of_an_item_that_cannot_be_read_it_is_said_which_and_why(data_directory):
    part = Unreadable([(GREY, 0), (GREY, 1), (GREY, 1)])
    with pytest.raises(DataError, match=r"test images of task 1, number 1 cannot be read \(OSError: cannot identify"):
        from_datasets("mine", [(Pairs([(GREY, 0), (GREY, 1)]), part)])


def test_a_wrong_name_is_refused_before_anything_is_read(data_directory):
    with pytest.raises(DataError, match=r"'\.\./mine' cannot name own data"):
        from_datasets("../mine", [(Pairs([]), Pairs([]))])


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (None, "tasks is of type NoneType; give a list"),
        (Pairs([(GREY, 0)]), "tasks is of type Pairs; give a list"),
        ([Pairs([(GREY, 0)])], r"Task 1 is of type Pairs; give \(train, test\)"),
        ([(Pairs([(GREY, 0)]), 5)], "test images of task 1 are of type int; give a data set"),
        (
            [(DataLoader(Pairs([(GREY, 0)])), None)],
            r"of type DataLoader; give the data set that it loads, loader\.dataset",
        ),
    ],
)
def test_what_is_no_pair_of_data_sets_is_refused(data_directory, tasks, said):
    with pytest.raises(DataError, match=said):
        from_datasets("mine", tasks)
