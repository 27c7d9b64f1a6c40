"""What methods are compared by at the end of a run: memory, and accuracy without being told the task."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from clnp_core.methods import METHODS
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.network import initial, kept_bytes, reinitialise_free
from clnp_core.runs.engine.at_end import predictors, untold_accuracy
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream, Split

LAYERS = (64 * 400 + 400) + (400 * 400 + 400)
OWNERS = 2 * 400 * 2  # int16


@pytest.fixture(scope="module")
def network():
    return reinitialise_free(initial(ARCHITECTURES["digits-mlp"], "multi"), 0)


def test_memory_is_what_has_to_be_kept(network):
    stream = PermutedStream(datasets.load("digits"), tasks=2, validation=150, seed=0, identity_first=False)
    one = replace(network, tasks=1)
    two = replace(reinitialise_free(one, 1), tasks=2)
    head = 10 * 400 + 10
    plain = [4 * (LAYERS + heads * head) for heads in (1, 2)]
    known = {
        "clnp": [each + OWNERS for each in plain],
        "finetune": plain,
        "single": [plain[0], plain[0] + plain[1]],
        "joint": [each + tasks * len(stream.order) * 65 for tasks, each in enumerate(plain, start=1)],
    }
    for name, expected in known.items():
        kept = [METHODS[name].bytes_kept(lessons, stream) for lessons in ([one], [one, two])]
        assert kept == expected, name


def test_masks_take_a_bit_and_the_rest_is_counted_at_its_type(network):
    memory = {"mask": torch.zeros(3, 7, dtype=torch.bool), "key": torch.zeros(5, dtype=torch.float64)}
    more = replace(network, memory=memory)
    assert kept_bytes(more, owners=False) - kept_bytes(network, owners=False) == 3 + 40


def answering(*logits):
    """Predictors that give an image, a number, the logits in that place."""
    return [partial(lambda own, x: own[x[:, 0].long()], torch.tensor(each)) for each in logits]


def stream_of(*tasks):
    return SimpleNamespace(test=lambda task: tasks[task - 1])


def split(images, labels):
    return Split(torch.tensor(images, dtype=torch.float32)[:, None], torch.tensor(labels))


def test_the_surest_answer_counts_and_is_right_where_its_class_is_the_images():
    # Images 0 and 1 are of task 1, 2 and 3 of task 2. Task 1 is surer of all but the last.
    first = [[9.0, 0.0], [0.0, 9.0], [9.0, 0.0], [0.0, 0.1]]
    second = [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 9.0]]
    stream = stream_of(split([0, 1], [0, 1]), split([2, 3], [0, 1]))
    # Where both tasks have the same classes, task 1's answer to an image of task 2 is right, too.
    assert untold_accuracy(answering(first, second), stream, [["a", "b"], ["a", "b"]]) == 1.0
    # Where they have not, it is wrong.
    assert untold_accuracy(answering(first, second), stream, [["a", "b"], ["c", "d"]]) == 0.75


def test_answers_that_are_all_but_certain_are_still_told_apart():
    """In 32 bits the entropy of both would be 0."""
    sure, surer = [[60.0, 0.0]], [[0.0, 90.0]]
    stream = stream_of(split([0], [1]), split([0], [1]))
    assert untold_accuracy(answering(sure, surer), stream, [["a", "b"], ["a", "b"]]) == 1.0


def test_an_output_that_stands_for_no_class_is_wrong():
    stream = stream_of(split([0], [0]))
    assert untold_accuracy(answering([[0.0, 1.0, 9.0]]), stream, [["a", "b"]]) == 0.0


def test_a_network_for_each_task_answers_for_its_own():
    method = METHODS["single"]
    networks = {}
    for task in (1, 2):
        networks[task] = replace(reinitialise_free(initial(ARCHITECTURES["digits-mlp"], "single"), task), tasks=task)
    x = torch.from_numpy(np.random.default_rng(0).random((3, 64), np.float32))
    for task, predict in enumerate(predictors(method, networks, 2), start=1):
        own = method.predictor(networks[task], task)
        assert own is not None
        assert torch.equal(predict(x), own(x))


@pytest.mark.parametrize(
    ("name", "head", "told"), [("finetune", "single", False), ("finetune", "multi", True), ("clnp", "single", True)]
)
def test_one_head_that_all_share_has_no_answer_for_each_task(name, head, told):
    assert METHODS[name].answers_by_task(head) is told
