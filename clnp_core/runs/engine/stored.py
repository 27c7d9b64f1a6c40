"""Reads networks and tensors from artifacts."""

from __future__ import annotations

import safetensors.torch
from torch import Tensor

from clnp_core.arithmetic import owned
from clnp_core.networks.network import Network, from_tensors
from clnp_core.runs.store.artifacts import Artifacts


def stored_network(artifacts: Artifacts, key: str) -> Network:
    """Read the network that is stored under a key."""
    return from_tensors(tensors_in(artifacts.content(key)), artifacts.data(key))


def tensors_in(content: bytes) -> dict[str, Tensor]:
    """Unpack the tensors of an artifact, each into memory of its own."""
    return {name: owned(tensor) for name, tensor in safetensors.torch.load(content).items()}
