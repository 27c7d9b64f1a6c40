"""Superposition against explicit algebra: what each layer reads times its task's keys, in plain NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clnp_core.arithmetic import computing
from clnp_core.errors import DamagedError
from clnp_core.methods import METHODS
from clnp_core.methods.method import Lesson, Pruning
from clnp_core.methods.superposition import keys
from clnp_core.methods.training import NO_HOOKS, Hyperparameters, accuracy, no_pulse, train
from clnp_core.networks.architectures import Architecture, Conv, Dense, Pool
from clnp_core.networks.network import initial
from clnp_core.networks.subnetwork import trainable
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream

METHOD = METHODS["superposition"]
SEED = 3
SMALL = Architecture("small", (1, 8, 8), (Dense("layer 1", 30), Dense("layer 2", 20)), 10)
CONVOLUTIONAL = Architecture(
    "small", (1, 8, 8), (Conv("conv 1", 4, 3, pool=Pool("max", 2, 2)), Conv("conv 2", 5, 2), Dense("dense 1", 20)), 10
)
SETTINGS = Hyperparameters((0.0,) * 4, 1e-2, cooldown=0.0, batch_size=100, epochs=2, patience=None)


@pytest.fixture(scope="module")
def stream():
    return PermutedStream(datasets.load("digits"), tasks=3, validation=150, seed=0, identity_first=False)


def learn(method, stream, architecture, head, tasks, point=SETTINGS):
    network = initial(architecture, head)
    with computing(1):
        for task in range(1, tasks + 1):
            lesson = Lesson(network, stream, task, SEED)
            candidates = method.fit(method.jobs(lesson, [point], [NO_HOOKS]), no_pulse)
            network, _ = method.settle(lesson, candidates, Pruning(0.0), no_pulse)
    return network


def keys_of(task, layer, weight):
    return keys(SEED, task, layer, weight.shape[1:]).double().numpy()


def output(network, task, read):
    """The logits of what the output layer reads, [N, n] or [N, n, pixels], in NumPy."""
    multi = network.head == "multi"
    weight = network.head_weights[task - 1 if multi else 0].double().numpy()
    logits = (keys_of(task, len(network.layers), weight) * read).reshape(len(read), -1) @ weight.reshape(10, -1).T
    return logits + network.head_biases[task - 1].double().numpy() if multi else logits


@pytest.mark.parametrize("head", ["single", "multi"])
def test_every_layer_reads_its_input_times_the_tasks_keys(stream, head):
    network = learn(METHOD, stream, SMALL, head, 2)
    for task in (1, 2):
        images = stream.test(task).x[:50]
        read = images.double().numpy()
        for place, layer in enumerate(network.layers):
            weight, bias = layer.weight.double().numpy(), layer.bias.double().numpy()
            read = np.maximum(0, (keys_of(task, place, weight) * read) @ weight.T + bias)
        answered = METHOD.predictor(network, task)(images)
        np.testing.assert_allclose(answered, output(network, task, read), atol=1e-4)


@pytest.mark.parametrize("head", ["single", "multi"])
def test_a_convolution_reads_every_patch_times_the_tasks_keys(stream, head):
    network = learn(METHOD, stream, CONVOLUTIONAL, head, 2)
    images = stream.test(1).x[:20]
    read = images.view(20, 1, 8, 8).double().numpy()
    for place, pooled in enumerate((2, 1)):
        layer = network.layers[place]
        weight, bias = layer.weight.double().numpy(), layer.bias.double().numpy()
        side = weight.shape[-1]
        patches = np.lib.stride_tricks.sliding_window_view(read, (side, side), (2, 3))  # [N, C, H, W, side, side]
        keyed = patches * keys_of(1, place, weight)[:, None, None]
        maps = np.maximum(0, np.einsum("nchwij,kcij->nkhw", keyed, weight) + bias[:, None, None])
        size = maps.shape[-1] // pooled
        read = maps.reshape(20, -1, size, pooled, size, pooled).max((3, 5))
    weight, bias = network.layers[2].weight.double().numpy(), network.layers[2].bias.double().numpy()
    keyed = keys_of(1, 2, weight) * read.reshape(20, 5, -1)
    read = np.maximum(0, keyed.reshape(20, -1) @ weight.reshape(20, -1).T + bias)
    np.testing.assert_allclose(METHOD.predictor(network, 1)(images), output(network, 1, read), atol=1e-4)


def test_keys_are_plus_and_minus_one_at_random_and_those_of_a_task_and_layer():
    drawn = {place: keys(*place, (2000,)) for place in [(0, 1, 0), (0, 1, 1), (0, 2, 0), (1, 1, 0)]}
    for place, each in drawn.items():
        assert set(each.tolist()) == {-1.0, 1.0}
        assert torch.equal(each, keys(*place, (2000,)))
    correlations = torch.corrcoef(torch.stack([*drawn.values()])) - torch.eye(4)
    assert correlations.abs().max() < 0.1
    assert max(abs(float(each.mean())) for each in drawn.values()) < 0.1


def test_it_trains_as_a_network_whose_layers_read_what_is_multiplied(stream):
    """The weights behind the signs are those that are trained where `reads` multiplies by the keys."""
    plain = replace(SETTINGS, shrink="none", learning_rate=1e-3)
    lesson = Lesson(initial(SMALL, "multi"), stream, 1, SEED)
    with computing(1):
        network = learn(METHOD, stream, SMALL, "multi", 1, plain)
        (job,) = METHODS["finetune"].jobs(lesson, [plain], [NO_HOOKS])
        weights = job.network.parameters()
        reads = lambda layer, x: x * keys(SEED, 1, layer, weights[layer].shape[1:])  # noqa: E731
        (reference,) = train([replace(job, reads=reads)])
    for one, other in zip(trainable(network).layers, reference.network.layers, strict=True):
        torch.testing.assert_close(one.weight, other.weight, rtol=1e-3, atol=1e-5)


def test_a_network_without_its_seed_is_damaged():
    with pytest.raises(DamagedError, match="it has no seed"):
        METHOD.predictor(initial(SMALL, "single"), 1)


def test_tasks_in_superposition_disturb_each_other_less_than_tasks_one_after_the_other(stream):
    wide, after = Architecture("wide", (1, 8, 8), (Dense("layer 1", 400),), 10), {}
    for name in ("superposition", "finetune"):
        network = learn(METHODS[name], stream, wide, "single", 2, replace(SETTINGS, epochs=3))
        after[name] = accuracy(METHODS[name].predictor(network, 1), stream.test(1))
    assert after["superposition"] > after["finetune"] + 0.1


@pytest.mark.parametrize("head", ["single", "multi"])
def test_each_task_has_an_answer_of_its_own(stream, head):
    network, images = learn(METHOD, stream, SMALL, head, 2), stream.test(1).x[:20]
    assert METHOD.answers_by_task(head)
    assert not torch.equal(METHOD.predictor(network, 1)(images), METHOD.predictor(network, 2)(images))
