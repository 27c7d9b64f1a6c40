"""What is held out for validation: of every class its share, drawn from the seed alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.tasks import datasets
from clnp_core.tasks.held_out import stratified
from clnp_core.tasks.streams import PermutedStream, SplitStream


def draw(labels, held, seed=0):
    labels = np.array(labels)
    order = stratified(labels, held, np.random.default_rng(seed))
    return labels, order[: len(labels) - held], order[len(labels) - held :]


@settings(max_examples=40)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.data())
def test_every_class_gives_its_share_and_keeps_some(sizes, data):
    count = sum(sizes)
    held = data.draw(st.integers(1, max(1, count - 1)))
    if held >= count:
        return
    labels, trained, taken = draw(np.repeat(np.arange(len(sizes)) * 7, sizes), held)
    assert sorted([*trained, *taken]) == list(range(count))
    assert len(taken) == held
    several = sum(size > 1 for size in sizes)
    for name, size in zip(np.arange(len(sizes)) * 7, sizes, strict=True):
        own, left = np.count_nonzero(labels[taken] == name), np.count_nonzero(labels[trained] == name)
        if size > 1 and several <= held:
            assert own >= 1
        if held <= count - len(sizes):
            assert left >= 1
        if several <= held <= count - len(sizes):
            # Within one of its exact share, but where others must give or keep at least one.
            assert abs(own - held * size / count) <= 1 + len(sizes)


def test_shares_are_exact_where_they_can_be():
    labels, _, taken = draw([0] * 950 + [1] * 50, 100)
    assert np.bincount(labels[taken]).tolist() == [95, 5]


def test_the_seed_decides_which_ones():
    labels = np.arange(200) % 4
    first, again, other = (draw(labels, 20, seed)[2].tolist() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("held", [20, 150])
def test_no_digit_is_without_a_validation_image(held):
    digits = datasets.load("digits")
    permuted = PermutedStream(digits, 2, validation=held, seed=3, identity_first=False)
    counts = np.bincount(permuted.held_out(2).y, minlength=10)
    assert counts.sum() == held
    assert counts.max() - counts.min() <= 1


def test_labels_are_those_of_the_images():
    digits = datasets.load("digits")
    streams = PermutedStream(digits, 2, 150, 0, False), SplitStream([digits], 3, 2, 0.2, 0)
    for stream in streams:
        task, labels = stream.task(2), stream.labels(2)
        assert [each.tolist() for each in labels] == [
            split.y.tolist() for split in (task.train, task.validation, task.test)
        ]
