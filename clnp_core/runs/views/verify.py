"""Verifies from the store that a run has forgotten nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from clnp_core.arithmetic import Kind, owned
from clnp_core.errors import StoreError
from clnp_core.networks.fingerprint import Fingerprint, check
from clnp_core.networks.network import Network, from_tensors
from clnp_core.runs.fold.results import Changed
from clnp_core.runs.store import Store
from clnp_core.tasks.streams import open_stream


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

    Raises
    ------
    StoreError
        If the run has learned nothing, its method does not prune, an artifact is missing or damaged, or an earlier
        version, which stored no logits, learned it.
    ForgettingError
        At the first task whose outputs have changed.
    """
    spec = store.run(run).spec
    if not spec.exact:
        raise StoreError(f"The run {run} cannot be verified: its method, {spec.method}, may forget.")
    network, fingerprints = last_network(store, run)
    if not fingerprints:
        raise StoreError(
            f"The run {run} was learned by an earlier version, which stored no logits to compare; learn it again to "
            "verify it."
        )
    stream = open_stream(spec.stream.model_dump(mode="json"), spec.seed, network.tasks)
    for task, expected in enumerate(fingerprints, start=1):
        logits = partial(_logits, store, expected)
        now, _ = check(network, task, stream.test(task).x, expected, logits)
        yield Verified(task, None if now == expected else expected.kind)


def _logits(store: Store, expected: Fingerprint) -> Tensor:
    return torch.from_numpy(store.artifacts.array(expected.logits, "logits"))


def last_network(store: Store, run: str) -> tuple[Network, tuple[Fingerprint, ...]]:
    """Read a run's network after the last task learned, and the fingerprint of each task.

    The run's method must partition. A run that an earlier version learned has no fingerprints.

    Raises
    ------
    StoreError
        If the run has learned nothing, or an artifact is missing or damaged.
    """
    done = [stage for stage in store.stages(run) if stage["kind"] in ("settle", "grow") and stage["network"]]
    if not done:
        raise StoreError(f"The run {run} has learned no task yet: there is nothing to verify.")
    last = max(done, key=lambda stage: (stage["task"], stage["kind"]))  # it grows before it settles
    key, fingerprints = last["network"], store.artifacts.read(last["key"], Changed).fingerprints
    path = store.artifacts.path(key)
    try:
        tensors = safetensors.torch.load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise StoreError(f"The artifact {path} is missing or damaged ({error}); run again to replace it.") from error
    tensors = {name: owned(tensor) for name, tensor in tensors.items()}
    return from_tensors(tensors, store.artifacts.data(key)), fingerprints
