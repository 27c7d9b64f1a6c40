"""Reads a network after a task from the store, for `analysis.anatomy`. Imports no torch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from clnp_core.analysis.anatomy import Anatomy, Cut, as_links, unlearned
from clnp_core.errors import StoreError
from clnp_core.networks import partition
from clnp_core.networks.architectures import as_architecture
from clnp_core.runs.fold.results import Settled
from clnp_core.runs.store import Store

_KEPT = 64  # without weights, which are read when needed: a network of two layers of 2000 neurons takes some 2 MB


def anatomy(store: Store, run: str, task: int) -> Anatomy:
    """Read a run's network after a task; task 0 is before the first.

    Every task's network is an artifact of its own, so that free weights and widths are those after that task.

    Raises
    ------
    StoreError
        If the run does not exist, it has not learned the task, its method does not prune, or an artifact is damaged.
    """
    spec = store.run(run).spec
    if not spec.partitions:
        raise StoreError(f"The method {spec.method} does not prune: {run} has no partition.")
    if task == 0:
        return _before(spec.architecture, spec.head)
    task = store.learned_task(run, task)
    settled = store.settled(run)
    permuted = store.drawn(run) if spec.stream.kind == "permuted" else None
    return _read(store, tuple(settled[each] for each in range(1, task + 1)), permuted)


_before = lru_cache(_KEPT)(unlearned)


@lru_cache(_KEPT)
def _read(store: Store, settled: tuple[str, ...], permuted: str | None) -> Anatomy:
    """Read the network from the settle stages up to the task. Artifacts never change under their keys."""
    artifacts, task = store.artifacts, len(settled)
    network = artifacts.read(settled[-1], Settled).network
    described, owners = artifacts.data(network), tuple(artifacts.arrays(network, "owners"))
    return Anatomy(
        architecture=as_architecture(described["architecture"]),
        head=described["head"],
        task=task,
        owners=owners,
        activity=_activities(store, settled, owners),
        cuts=_cuts(store, settled[-1], owners, task, described["head"]),
        permutations=artifacts.array(permuted, "permutations") if permuted else None,
        read=lambda place: artifacts.array(network, f"weights.{place}"),
        read_heads=lambda: artifacts.arrays(network, "head_weights"),
    )


def _activities(store: Store, settled: tuple[str, ...], owners: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Collect activities per hidden layer [tasks, N_l]; nan for tasks before the one that claimed the neuron."""
    layers = tuple(np.full((len(settled), len(owner)), np.nan) for owner in owners)
    for task, key in enumerate(settled, start=1):
        candidate = _candidate(store, key)
        free, activity, reused = (store.artifacts.arrays(candidate, name) for name in ("free", "activity", "reused"))
        for place, (layer, owner) in enumerate(zip(layers, owners, strict=True)):
            layer[task - 1, free[place]] = activity[place]
            if len(reused[place]):  # a single head's mask hides those of the last layer
                layer[task - 1, partition.of_task(owner, task - 1)] = reused[place]
            last = np.where(owner == partition.FREE_OWNER, len(settled), owner)
            layer[task - 1, last > task] = np.nan
    return layers


def _cuts(store: Store, settled: str, owners: tuple[np.ndarray, ...], task: int, head: str) -> tuple[Cut | None, ...]:
    """Collect the candidate's weights from neurons that were given back, as trained before any pruning."""
    candidate = _candidate(store, settled, at_first=True)
    free, weights = (store.artifacts.arrays(candidate, name) for name in ("free", "parameter"))
    kept = [np.flatnonzero(owner[own] == task) for owner, own in zip(owners, free, strict=True)]
    rows = [own[each] for own, each in zip(free, kept, strict=True)]
    if head == "multi":  # the mask of a single head hides weights from other tasks' neurons
        outputs = np.arange(len(weights[len(owners)]))
        kept, rows = [*kept, outputs], [*rows, outputs]
    cuts: list[Cut | None] = [None] * (len(owners) + 1)
    for place in range(1, len(rows)):
        owner, below = owners[place - 1], free[place - 1]
        given_back = np.flatnonzero(owner[below] == partition.FREE_OWNER)
        active = len(partition.of_task(owner, task - 1))
        links = as_links(weights[place][kept[place]][:, active + given_back])
        cuts[place] = Cut(rows[place], below[given_back], links)
    return tuple(cuts)


def _candidate(store: Store, settled: str, at_first: bool = False) -> str:
    """Return the key of a task's chosen candidate: as last pruned, or with `at_first` as first trained."""
    key, place = settled, store.artifacts.read(settled, Settled).candidate
    while (stage := store.stage(key)).kind == "settle" or (at_first and stage.kind == "tune"):
        keys = stage.inputs["candidates"]
        # A fine-tuned candidate is the only one, whatever its index in the grid.
        key = keys[place if len(keys) > 1 else 0]
    return key
