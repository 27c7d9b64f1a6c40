"""Tasks of 2 and of 5 classes: by every method each answers with classes of its own."""

from dataclasses import replace

import numpy as np
import pytest

from clnp_core.arithmetic import computing
from clnp_core.methods import METHODS
from clnp_core.methods.method import Lesson, Pruning
from clnp_core.methods.training import NO_HOOKS, Hyperparameters, accuracy, no_pulse
from clnp_core.networks.architectures import Architecture, Dense
from clnp_core.networks.network import grow, initial
from clnp_core.networks.portable import to_module
from clnp_core.tasks.datasets import Dataset
from clnp_core.tasks.streams import OwnStream

SETTINGS = Hyperparameters((1e-5, 1e-5), 2e-2, cooldown=0.0, batch_size=20, epochs=6, patience=6)


def task_of(classes):
    """Images of 6 pixels, one of them bright."""
    draw = np.random.default_rng(classes)
    arrays = []
    for count in (200, 60):
        y = np.arange(count) % classes
        x = 0.2 * draw.random((count, 1, 2, 3), dtype=np.float32)
        x.reshape(count, 6)[np.arange(count), y] += 1
        arrays += [x, y]
    return Dataset("mine", *arrays, white=1, classes=classes)


def learn(name, head, counts):
    stream = OwnStream([task_of(count) for count in counts], len(counts), 0.2, seed=0)
    architecture = Architecture("small", (1, 2, 3), (Dense("dense 1", 24),), max(counts), counts)
    method, network = METHODS[name], initial(architecture, head)
    with computing(1):
        for task in [len(counts)] if method.at_once else range(1, len(counts) + 1):
            lesson = Lesson(network, stream, task, seed=0, settings=method.Settings())
            candidates = method.fit(method.jobs(lesson, [SETTINGS], [NO_HOOKS]), no_pulse)
            candidates = [replace(candidate, settings=lesson.settings) for candidate in candidates]
            network, _ = method.settle(lesson, candidates, Pruning(0.05), no_pulse)
    return network, stream


@pytest.mark.parametrize("name", list(METHODS))
@pytest.mark.parametrize("head", ["single", "multi"])
@pytest.mark.parametrize("counts", [(2, 5), (5, 2)])
def test_a_task_answers_with_classes_of_its_own(name, head, counts):
    network, stream = learn(name, head, counts)
    answered = {task: METHODS[name].predictor(network, task) for task in (1, 2)}
    assert [*filter(answered.get, answered)] == ([2] if name == "single" else [1, 2])
    for task, predictor in answered.items():
        if predictor:
            assert predictor(stream.test(task).x).shape[1] == counts[task - 1]
    assert accuracy(answered[2], stream.test(2)) > 0.9
    if head == "multi":
        assert [len(weight) for weight in network.head_weights] == [*counts[2 - len(network.head_weights) :]]


@pytest.mark.parametrize("head", ["single", "multi"])
def test_what_is_exported_and_what_has_grown_has_the_classes_of_its_task(head):
    network, stream = learn("clnp", head, (2, 5))
    for task, count in ((1, 2), (2, 5)):
        x = stream.test(task).x
        assert to_module(network, task)(x).shape[1] == grow(network, (3,)).logits(task, x).shape[1] == count
