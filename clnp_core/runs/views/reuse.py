"""Whose neurons the tasks of a run use, from the artifacts that its stages left. Imports no torch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from clnp_core.analysis.reuse import COLUMNS, layer_rows
from clnp_core.runs.fold.results import Settled
from clnp_core.runs.store import Store

_KEPT = 1024  # tasks, each with a few numbers per claimed neuron


def reuse(store: Store, run: str) -> pd.DataFrame:
    """Whose neurons each learned task uses, layer by layer.

    Returns
    -------
    DataFrame
        A row for each task, hidden layer and owner up to the task itself: task, layer (its name), owner, neurons (that
        the owner claimed) and used (of them by the task: those whose activity on its training images is above its θ).
        Without rows of earlier owners where a single head masks them, in the last hidden layer. No rows of a method
        that does not partition.

    Raises
    ------
    StoreError
        If there is no such run, or an artifact is damaged.
    """
    spec = store.run(run).spec
    records = store.learned(run) if spec.partitions else []
    settled = {stage["task"]: stage["key"] for stage in store.stages(run) if stage["kind"] == "settle"}
    rows: list[dict[str, Any]] = []
    for record in records:
        owners, activities = _before(store, settled[record.task])
        for place, layer in enumerate(spec.architecture.hidden):
            theta, claimed = record.theta[place], record.claimed[place]
            rows += layer_rows(record.task, layer.name, owners[place], activities[place], theta, claimed)
    return pd.DataFrame(rows, columns=COLUMNS)


@lru_cache(_KEPT)
def _before(store: Store, key: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What a task found: the owner of each neuron, and the activity of those claimed before, per hidden layer.

    `key` is that of the stage in which the task was settled. What it leads to never changes.
    """
    inputs, chosen = store.stage(key).inputs, store.artifacts.read(key, Settled).candidate
    candidates = inputs["candidates"]
    # One that was fine-tuned stands alone, whatever its place in the grid.
    activities = store.artifacts.arrays(candidates[chosen if len(candidates) > 1 else 0], "reused")
    if inputs["network"] is None:
        return [np.zeros(0, np.int16)] * len(activities), activities
    return store.artifacts.arrays(inputs["network"], "owners"), activities
