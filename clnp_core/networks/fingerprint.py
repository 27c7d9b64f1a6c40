"""Fingerprints: the promise of zero forgetting, in a form that can be checked at any time.

A task's fingerprint is the SHA-256 of its raw logits on fixed samples, computed by the full-width network: the one
whose free weights later tasks train. It must never change again. When the network grows, the shape of that computation
changes, and with it the order of its sums: then the logits of the task's own narrow network, whose shape never changes,
carry the promise over, and a new fingerprint is taken at the new width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from clnp_core.arithmetic import computing
from clnp_core.errors import ForgettingError
from clnp_core.networks import partition
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import task_network

GROWTH_TOLERANCE = 1e-5
"""How far logits may be off at a new width, relative to the largest of them: rounding, in another order."""

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
        Of the full-width network's logits.
    compact : str
        Of the logits of the task's own narrow network.
    """

    layers: tuple[str, ...]
    logits: str
    compact: str


def fingerprint(network: Network, task: int, x: Tensor) -> Fingerprint:
    """Fingerprint of a learned task on the first `SAMPLES` rows of x [N, inputs].

    Computed on one thread, since the number of threads decides the order of a sum and with it the last bit.
    """
    with computing(1):
        hidden = network.hidden(x[:SAMPLES])
        logits = network.read_out(task, hidden[-1])
        compact = task_network(network, task)(x[:SAMPLES])
    neurons = (torch.from_numpy(partition.of_task(owner, task)) for owner in network.owners)
    return Fingerprint(
        layers=tuple(_digest(layer[:, columns]) for layer, columns in zip(hidden, neurons, strict=True)),
        logits=_digest(logits),
        compact=_digest(compact),
    )


def as_fingerprint(data: Mapping[str, Any]) -> Fingerprint:
    """What `dataclasses.asdict` made plain, and JSON has carried."""
    return Fingerprint(tuple(data["layers"]), data["logits"], data["compact"])


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
    names = [layer.name for layer in network.architecture.hidden] + ["the output layer", "its narrow network"]
    then, today = ((*one.layers, one.logits, one.compact) for one in (expected, now))
    first = next(name for name, *pair in zip(names, then, today, strict=True) if pair[0] != pair[1])
    raise ForgettingError(
        f"Task {task} no longer answers as it did when it was learned: "
        f"after task {network.tasks}, {first} is the first that differs."
    )


def carry_over(before: Network, grown: Network, task: int, x: Tensor, expected: Fingerprint) -> Fingerprint:
    """The fingerprint of a learned task after the network has grown.

    Raises
    ------
    ForgettingError
        If its narrow network answers differently in a single bit, or the full-width one by more than rounding.
    """
    taken = fingerprint(grown, task, x)
    with computing(1):
        then, now = before.logits(task, x[:SAMPLES]), grown.logits(task, x[:SAMPLES])
    furthest, scale = (float(tensor.abs().max()) for tensor in (now - then, then))
    if taken.compact != expected.compact or not furthest <= GROWTH_TOLERANCE * scale:
        raise ForgettingError(
            f"Task {task} no longer answers as it did before the network grew after task {grown.tasks}: "
            f"its logits, up to {scale:.3g} in size, are off by {furthest:.3g}."
        )
    return taken


def _digest(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
