"""Small random networks and training that is fast because it learns nothing: for invariants, not accuracy."""

import numpy as np
import torch
from hypothesis import strategies as st

from clnp_core.networks.architectures import Architecture, Dense
from clnp_core.networks.network import Network, initial, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, commit, trainable

OUTPUTS = 3


@st.composite
def architectures(draw):
    """Architectures of 1 to 3 hidden layers, 1 to 9 neurons each."""
    widths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    layers = tuple(Dense(f"layer {number}", width) for number, width in enumerate(widths, start=1))
    return Architecture("random", (1, 1, draw(st.integers(1, 7))), layers, OUTPUTS)


def scramble(block: Trainable, seed: int) -> None:
    """Stand in for training: any values at all in the free weights."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in block.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))


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
