"""Small random networks and training that is fast because it learns nothing: for invariants, not accuracy."""

import numpy as np
import torch
from hypothesis import strategies as st

from clnp_core.networks.architectures import Architecture, Conv, Dense, Pool
from clnp_core.networks.network import Network, initial, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, commit, trainable

OUTPUTS = 3
task_outputs = st.sampled_from([(), (), (3, 2, 1, 3, 2, 3, 1, 2)])
"""Of each task; the same for all where there are none."""


@st.composite
def architectures(draw):
    """Dense architectures of 1 to 3 hidden layers, 1 to 9 neurons each."""
    widths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    layers = tuple(Dense(f"layer {number}", width) for number, width in enumerate(widths, start=1))
    return Architecture("random", (1, 1, draw(st.integers(1, 7))), layers, OUTPUTS, draw(task_outputs))


rates = st.sampled_from([0.0, 0.0, 0.3])


@st.composite
def convolutional(draw):
    """Architectures of 1 or 2 convolutions and up to 2 dense layers, some with BatchNorm, pooling and dropout."""
    size = draw(st.integers(4, 7))
    layers, left = [], size
    for number in range(1, draw(st.integers(1, 2)) + 1):
        kernel, padding, stride = draw(st.integers(1, 3)), draw(st.integers(0, 1)), draw(st.integers(1, 2))
        if left + 2 * padding < kernel:
            break
        left = (left + 2 * padding - kernel) // stride + 1
        pool = None
        if left >= 2 and draw(st.booleans()):
            pool = Pool(draw(st.sampled_from(["max", "average"])), 2, draw(st.integers(1, 2)), draw(st.integers(0, 1)))
            left = (left + 2 * pool.padding - 2) // pool.stride + 1
        width, norm = draw(st.integers(1, 20)), draw(st.booleans())
        layers.append(Conv(f"conv {number}", width, kernel, stride, padding, norm, pool, draw(rates)))
    layers += [
        Dense(f"dense {number}", draw(st.integers(1, 9)), draw(st.booleans()), draw(rates))
        for number in range(1, draw(st.integers(0, 2)) + 1)
    ]
    return Architecture("random", (draw(st.integers(1, 3)), size, size), tuple(layers), OUTPUTS, draw(task_outputs))


def scramble(block: Trainable, seed: int) -> None:
    """Stand in for training: any values at all in what it may change."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*block.parameters(), *block.statistics()):
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    for layer in block.layers:
        if layer.norm:
            layer.norm.variance.abs_()


def learn(network: Network, seed: int, keep_share: float) -> tuple[Network, Trainable, list[np.ndarray]]:
    """Learn one more task, claiming about that share of the free neurons."""
    rng = np.random.default_rng(seed)
    block = trainable(reinitialise_free(network, seed))
    scramble(block, seed)
    kept = [rng.random(len(free)) < keep_share for free in block.free]
    return commit(network, block, kept), block, kept


def learned(architecture: Architecture, head: str, shares: list[float], seed: int) -> list[Network]:
    """The network after each of several tasks."""
    network, history = initial(architecture, head), []
    for number, share in enumerate(shares):
        network, _, _ = learn(network, seed + number, share)
        history.append(network)
    return history


def block_after(architecture: Architecture, head: str, shares: list[float], seed: int) -> Trainable:
    """What another task could train after several, with any values at all in it."""
    network = [initial(architecture, head), *learned(architecture, head, shares, seed)][-1]
    block = trainable(reinitialise_free(network, seed))
    scramble(block, seed)
    return block


networks = st.one_of(architectures(), convolutional())
heads = st.sampled_from(["single", "multi"])
shares = st.lists(st.floats(0, 1), min_size=1, max_size=4)
seeds = st.integers(0, 2**20)


def images(architecture, seed=0, count=16):
    return torch.rand(count, architecture.inputs, generator=torch.Generator().manual_seed(seed))


def architectures_of(*widths):
    return Architecture("given", (1, 1, 4), tuple(Dense(f"layer {n + 1}", w) for n, w in enumerate(widths)), 3)
