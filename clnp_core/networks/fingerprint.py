"""Fingerprints, by which the guarantee of zero forgetting can be checked at any time.

A task's fingerprint is the SHA-256 of its raw logits on fixed samples, computed by the full-width network, whose free
weights later tasks train. It must never change.

Two things change the order of the sums behind it, and so their last bits. If the network grows, the check uses the
logits of the task's own narrow network, whose shape never changes. On another kind of processor the logits themselves
are compared, to `arithmetic.TOLERANCE`. In both cases a new fingerprint is taken, which again must never change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from clnp_core.arithmetic import Kind, computing, is_rounding, kind
from clnp_core.bounds import Digest
from clnp_core.errors import ForgettingError
from clnp_core.lazy import torch
from clnp_core.networks import partition
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import task_network

if TYPE_CHECKING:
    from torch import Tensor

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
    kind : Kind
        Of the arithmetic that computed them.
    """

    layers: tuple[Digest, ...]
    logits: Digest
    compact: Digest
    kind: Kind


class Taken(NamedTuple):
    """A fingerprint, and what its `logits` is the digest of.

    Attributes
    ----------
    fingerprint : Fingerprint
    logits : tensor [samples, outputs]
    """

    fingerprint: Fingerprint
    logits: Tensor


def take(network: Network, task: int, x: Tensor) -> Taken:
    """Take the fingerprint of a learned task on the first `SAMPLES` rows of x [N, inputs].

    Computed on one thread, since the number of threads decides the order of a sum and with it the last bit.
    """
    with computing(1):
        hidden = network.hidden(x[:SAMPLES])
        logits = network.read_out(task, hidden[-1])
        compact = task_network(network, task)(x[:SAMPLES])
    neurons = (torch.from_numpy(partition.of_task(owner, task)) for owner in network.owners)
    taken = Fingerprint(
        layers=tuple(logits_digest(layer[:, columns]) for layer, columns in zip(hidden, neurons, strict=True)),
        logits=logits_digest(logits),
        compact=logits_digest(compact),
        kind=kind(),
    )
    return Taken(taken, logits.contiguous())  # as a file must have it; that of one output may be a column


def check(network: Network, task: int, x: Tensor, expected: Fingerprint, logits: Callable[[], Tensor]) -> Taken:
    """Take a task's fingerprint again and compare it with the one taken when the task was committed.

    Parameters
    ----------
    network : Network
    task : int
    x : tensor [N, inputs]
    expected : Fingerprint
    logits : callable
        Gives the logits that `expected` is the digest of. Called where this kind of arithmetic gives other bits.

    Returns
    -------
    What is to be expected from now on: `expected`, or what was taken here where another kind gives other bits.

    Raises
    ------
    ForgettingError
        If a bit differs, naming the task and the first layer that differs; on another kind of arithmetic, if logits
        are further off than rounding.
    """
    now = take(network, task, x)
    if replace(now.fingerprint, kind=expected.kind) == expected:
        return Taken(expected, now.logits)
    if now.fingerprint.kind != expected.kind:
        _compare(task, logits(), now.logits, expected.kind)
        return now
    names = [layer.name for layer in network.architecture.hidden] + ["the output layer", "its narrow network"]
    then, today = ((*one.layers, one.logits, one.compact) for one in (expected, now.fingerprint))
    first = next(name for name, *pair in zip(names, then, today, strict=True) if pair[0] != pair[1])
    raise ForgettingError(
        f"Task {task} no longer answers as it did when it was learned: "
        f"after task {network.tasks}, {first} is the first that differs."
    )


def carry_over(
    before: Network,
    grown: Network,
    task: int,
    x: Tensor,
    expected: Fingerprint,
    logits: Callable[[], Tensor],
) -> Taken:
    """Take the fingerprint of a learned task after the network has grown.

    Raises
    ------
    ForgettingError
        If its narrow network answers differently in a single bit, or the full-width one by more than rounding; or as
        `check`, of the network before.
    """
    then = check(before, task, x, expected, logits)
    now = take(grown, task, x)
    furthest, scale = furthest_off(then.logits, now.logits)
    if now.fingerprint.compact != then.fingerprint.compact or not is_rounding(furthest, scale):
        raise ForgettingError(
            f"Task {task} no longer answers as it did before the network grew after task {grown.tasks}: "
            f"its logits, up to {scale:.3g} in size, are off by {furthest:.3g}."
        )
    return now


def furthest_off(then: Tensor, now: Tensor) -> tuple[float, float]:
    """How far logits are off at most, and the largest of them as they were."""
    return float((now - then).abs().max()), float(then.abs().max())


def logits_digest(logits: Tensor) -> str:
    """SHA-256 of the numbers, hexadecimal."""
    return hashlib.sha256(logits.contiguous().numpy().tobytes()).hexdigest()


def _compare(task: int, then: Tensor, now: Tensor, elsewhere: Kind) -> None:
    furthest, scale = furthest_off(then, now)
    if not is_rounding(furthest, scale):
        raise ForgettingError(
            f"Task {task} answers differently here than on {elsewhere}, where it was learned, by more than rounding: "
            f"its logits, up to {scale:.3g} in size, are off by {furthest:.3g}; here is {kind()}."
        )
