"""Reads how important a run's weights are from the store, for `analysis.importance`. Imports no torch."""

from __future__ import annotations

import numpy as np

from clnp_core.analysis.importance import Importance
from clnp_core.errors import StoreError
from clnp_core.networks.architectures import as_architecture
from clnp_core.runs.fold.results import Settled
from clnp_core.runs.store import Store

_WEIGHTS, _HEAD = "memory.importance.weights", "memory.importance.head"


def importance(store: Store, run: str, task: int) -> Importance:
    """Read how important the weights of a run's network are after a task.

    Raises
    ------
    StoreError
        If the run does not exist, it has not learned the task, its method does not weigh its weights, or an artifact is
        damaged.
    """
    spec = store.run(run).spec
    if not spec.weighs:
        raise StoreError(f"The method {spec.method} does not say how important weights are: {run} has no such map.")
    task = store.learned_task(run, task)
    network = store.artifacts.read(store.settled(run)[task], Settled).network
    hidden = as_architecture(store.artifacts.data(network)["architecture"]).hidden
    names = ("input", *(layer.name for layer in hidden), *(["output"] if spec.head == "single" else []))

    def read(layer: int) -> np.ndarray:
        return store.artifacts.array(network, f"{_WEIGHTS}.{layer - 1}" if layer <= len(hidden) else _HEAD)

    return Importance(task, names, read)
