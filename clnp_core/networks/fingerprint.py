"""Fingerprints: the promise of zero forgetting, in a form that can be checked at any time.

A task's fingerprint is the SHA-256 of its raw logits on fixed samples, computed by the full-width network: the one
whose free weights later tasks train. It must never change again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from clnp_core.arithmetic import computing
from clnp_core.errors import ForgettingError
from clnp_core.networks import partition
from clnp_core.networks.network import Network

SAMPLES = 512
"""Test samples a fingerprint is taken on, at most."""


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 digests, hexadecimal.

    Attributes
    ----------
    layers : tuple of str
        Per hidden layer, of the activations of the neurons the task's network consists of.
    logits : str
    """

    layers: tuple[str, ...]
    logits: str


def fingerprint(network: Network, task: int, x: Tensor) -> Fingerprint:
    """Fingerprint of a learned task on the first `SAMPLES` rows of x [N, inputs].

    Computed on one thread, since the number of threads decides the order of a sum and with it the last bit.
    """
    with computing(1):
        hidden = network.hidden(x[:SAMPLES])
        logits = network.read_out(task, hidden[-1])
    neurons = (torch.from_numpy(partition.of_task(owner, task)) for owner in network.owners)
    return Fingerprint(
        layers=tuple(_digest(layer[:, columns]) for layer, columns in zip(hidden, neurons, strict=True)),
        logits=_digest(logits),
    )


def check(network: Network, task: int, x: Tensor, expected: Fingerprint) -> None:
    """Recompute a task's fingerprint and compare it with the one taken when the task was committed.

    Raises
    ------
    ForgettingError
        Naming the task and the first layer that differs.
    """
    now = fingerprint(network, task, x)
    if now == expected:
        return
    names = [layer.name for layer in network.architecture.hidden] + ["the output layer"]
    pairs = zip((*expected.layers, expected.logits), (*now.layers, now.logits), strict=True)
    first = next(name for name, (then, today) in zip(names, pairs, strict=True) if then != today)
    raise ForgettingError(
        f"Task {task} no longer answers as it did when it was learned: "
        f"after task {network.tasks}, {first} is the first that differs."
    )


def _digest(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
