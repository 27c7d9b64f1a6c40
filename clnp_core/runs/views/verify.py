"""Verifies from the store that a run has forgotten nothing, or tells how far its answers have moved."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from clnp_core.arithmetic import Kind, computing
from clnp_core.errors import DamagedError, DataError, StoreError
from clnp_core.methods import METHODS
from clnp_core.networks.fingerprint import SAMPLES, Fingerprint, check
from clnp_core.networks.network import Network
from clnp_core.runs.engine.stored import stored_network
from clnp_core.runs.fold.results import Changed
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store
from clnp_core.tasks.content import content_digest
from clnp_core.tasks.streams import Stream, open_stream


class Verified(NamedTuple):
    """A task whose outputs have not changed.

    Attributes
    ----------
    task : int
    elsewhere : Kind or None
        None if the logits are identical to the bit; else the kind of arithmetic that computed the stored ones, from
        which these differ by at most `arithmetic.TOLERANCE` of the largest.
    """

    task: int
    elsewhere: Kind | None


def verify(store: Store, run: str) -> Iterator[Verified]:
    """Recompute the fingerprint of every learned task with the network after the last one, and yield each that holds.

    Before that it checks all results of the run, then the data. What is then left to differ is the kind of arithmetic,
    which `clnp_core.networks.fingerprint.check` allows for, or what the network answers.

    Raises
    ------
    StoreError
        If the run has learned nothing, its method does not prune, or it was learned by an earlier version, which stored
        no logits.
    DamagedError
        If a result of the run is missing or damaged.
    DataError
        If the data is missing, damaged, or not the data that the run learned.
    ForgettingError
        At the first task whose outputs have changed.
    """
    spec = store.run(run).spec
    if not spec.exact:
        raise StoreError(f"The run {run} cannot be verified: its method, {spec.method}, may forget.")
    last = _last(store, run)
    _check_results(store, run)
    fingerprints = store.artifacts.read(last["key"], Changed).fingerprints
    if not fingerprints:
        raise StoreError(
            f"The run {run} was learned by an earlier version, which stored no logits to compare; learn it again to "
            "verify it."
        )
    network, stream = stored_network(store.artifacts, last["network"]), _stream(store, run, last)
    for task, expected in enumerate(fingerprints, start=1):
        logits = partial(_logits, store, expected)
        now, _ = check(network, task, stream.test(task).x, expected, logits)
        yield Verified(task, None if now == expected else expected.kind)


class Moved(NamedTuple):
    """How far a task's logits on the first test images are from where they were when it was learned.

    Attributes
    ----------
    task : int
    furthest : float or None
        The largest difference; None if the network cannot answer for the task any more.
    scale : float
        The largest logit in size, as it was.
    """

    task: int
    furthest: float | None
    scale: float


def moved(store: Store, run: str) -> Iterator[Moved]:
    """Compute every learned task's logits with the network after it and after the last one, for any method.

    Raises
    ------
    StoreError
        If the run has learned nothing.
    DamagedError, DataError
        As `verify`.
    """
    last = _last(store, run)
    _check_results(store, run)
    spec, stream = store.run(run).spec, _stream(store, run, last)
    after = {stage["task"]: stage["network"] for stage in store.stages(run) if stage["kind"] == "settle"}
    at_end = stored_network(store.artifacts, last["network"])
    for task in range(1, last["task"] + 1):
        # What learns all tasks at once has a network after the last one only.
        learned = stored_network(store.artifacts, after[task]) if task in after else at_end
        then, now = (_answers(spec, network, task, stream) for network in (learned, at_end))
        scale = 0.0 if then is None else float(then.abs().max())
        yield Moved(task, None if then is None or now is None else float((now - then).abs().max()), scale)


def _answers(spec: RunSpec, network: Network, task: int, stream: Stream) -> Tensor | None:
    """The logits of a task by a network; None if it cannot answer for it."""
    predictor = METHODS[spec.method].predictor(network, task)
    with computing(1), torch.no_grad():
        return None if predictor is None else predictor(stream.test(task).x[:SAMPLES])


def _check_results(store: Store, run: str) -> None:
    for fault in store.faults(run):
        raise DamagedError(fault.what)


def _stream(store: Store, run: str, last: dict[str, Any]) -> Stream:
    """The stream that the run learned."""
    spec, asked = store.run(run).spec, store.stage(last["key"]).inputs["stream"]
    if content_digest(asked) != asked["digest"]:
        raise DataError(
            f"The run {run} cannot be verified: the data set {spec.stream.data} is not the one that it learned; bring "
            "that one back, or learn the new one as a run of its own."
        )
    return open_stream(asked, spec.seed, last["task"])


def _logits(store: Store, expected: Fingerprint) -> Tensor:
    return torch.from_numpy(store.artifacts.array(expected.logits, "logits"))


def last_network(store: Store, run: str) -> Network:
    """Read a run's network after the last task learned.

    Raises
    ------
    StoreError
        If the run has learned nothing.
    DamagedError
        If the artifact is missing or damaged.
    """
    return stored_network(store.artifacts, _last(store, run)["network"])


def _last(store: Store, run: str) -> dict[str, Any]:
    """The last stage that led to a network."""
    done = [stage for stage in store.stages(run) if stage["kind"] in ("settle", "grow") and stage["network"]]
    if not done:
        raise StoreError(f"The run {run} has learned no task yet: there is nothing to verify.")
    # It grows before it settles. Of two that settled the same task, the later mended the earlier.
    return sorted(done, key=lambda stage: (stage["task"], stage["kind"]))[-1]
