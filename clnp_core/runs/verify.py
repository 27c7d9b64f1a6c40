"""Checking the promise again, from what the store holds."""

from __future__ import annotations

from collections.abc import Iterator

import safetensors.torch

from clnp_core.errors import StoreError
from clnp_core.networks.fingerprint import Fingerprint, as_fingerprint, check
from clnp_core.networks.network import Network, from_tensors
from clnp_core.runs.store import Store
from clnp_core.tasks.streams import open_stream


def verify(store: Store, run: str) -> Iterator[int]:
    """Recompute the fingerprint of every learned task with the network as it is after the last one.

    Yields the tasks that hold, one after the other. Fingerprints are of one kind of processor: on another, sums may be
    taken in another order.

    Raises
    ------
    StoreError
        If the run has learned nothing, or an artifact is missing or damaged.
    ForgettingError
        At the first task that does not answer as it did.
    """
    spec = store.run(run).spec
    if not spec.partitions:
        raise StoreError(f"The run {run} promises nothing that could be verified: {spec.method} may forget.")
    network, fingerprints = last_network(store, run)
    stream = open_stream(spec.stream.model_dump(mode="json"), spec.seed, network.tasks)
    for task, taken in fingerprints.items():
        check(network, task, stream.test(task).x, taken)
        yield task


def last_network(store: Store, run: str) -> tuple[Network, dict[int, Fingerprint]]:
    """The network of a run that partitions, after the last task it has learned, and the fingerprint of each task.

    Raises
    ------
    StoreError
        As `verify`.
    """
    fingerprints: dict[int, Fingerprint] = {}
    done = [stage for stage in store.stages(run) if stage["kind"] in ("settle", "grow") and stage["network"]]
    for stage in sorted(done, key=lambda stage: (stage["task"], stage["kind"])):  # it grows before it settles
        data = store.artifacts.data(stage["key"])
        if stage["kind"] == "grow":
            fingerprints = dict(enumerate(map(as_fingerprint, data["fingerprints"]), start=1))
        else:
            fingerprints[stage["task"]] = as_fingerprint(data["fingerprint"])
    if not fingerprints:
        raise StoreError(f"The run {run} has learned no task yet: there is nothing to verify.")
    key = done[-1]["network"]
    path = store.artifacts.path(key)
    try:
        tensors = safetensors.torch.load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise StoreError(f"The artifact {path} is missing or damaged ({error}); run again to make it anew.") from error
    return from_tensors(tensors, store.artifacts.data(key)), fingerprints
