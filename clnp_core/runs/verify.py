"""Checking the promise again, from what the store holds."""

from __future__ import annotations

from collections.abc import Iterator

import safetensors.torch

from clnp_core.errors import StoreError
from clnp_core.networks.fingerprint import Fingerprint, check
from clnp_core.networks.network import from_tensors
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import load
from clnp_core.tasks.streams import PermutedStream


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
    settled = [stage for stage in store.stages(run) if stage["kind"] == "settle" and stage["network"]]
    if not settled:
        raise StoreError(f"The run {run} has learned no task yet: there is nothing to verify.")
    key = settled[-1]["network"]
    path = store.artifacts.path(key)
    try:
        tensors = safetensors.torch.load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise StoreError(f"The artifact {path} is missing or damaged ({error}); run again to make it anew.") from error
    network = from_tensors(tensors, store.artifacts.data(key))
    asked = spec.stream
    stream = PermutedStream(load(asked.dataset), network.tasks, asked.validation, spec.seed, asked.identity_first)
    for stage in sorted(settled, key=lambda stage: stage["task"]):
        taken = store.artifacts.data(stage["key"])["fingerprint"]
        expected = Fingerprint(tuple(taken["layers"]), taken["logits"])
        check(network, stage["task"], stream.test(stage["task"]).x, expected)
        yield stage["task"]
