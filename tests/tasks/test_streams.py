"""Permuted streams: drawn from the seed alone, the same images in another order of pixels."""

import numpy as np
import pytest
import torch

from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream


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
