"""Reads from the store whose neurons the tasks of a run use. Imports no torch."""

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
    """Tabulate whose neurons each learned task uses, layer by layer.

    Returns
    -------
    DataFrame
        A row for each task, hidden layer and owner up to the task itself: task, layer (its name), owner, neurons
        (claimed by the owner) and used (how many of them have an activity above θ on the task's training images). With
        a single head the last hidden layer has no rows of earlier owners, because their neurons are masked. A method
        that does not partition has no rows.

    Raises
    ------
    StoreError
        If the run does not exist or an artifact is damaged.
    """
    spec = store.run(run).spec
    records = store.learned(run) if spec.partitions else []
    settled = store.settled(run)
    rows: list[dict[str, Any]] = []
    for record in records:
        owners, activities = _before(store, settled[record.task])
        for place, layer in enumerate(spec.architecture.hidden):
            theta, claimed = record.theta[place], record.claimed[place]
            rows += layer_rows(record.task, layer.name, owners[place], activities[place], theta, claimed)
    return pd.DataFrame(rows, columns=COLUMNS)


@lru_cache(_KEPT)
def _before(store: Store, key: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read each neuron's owner before a task, and the activity of those claimed before, per hidden layer.

    `key` is that of the task's settle stage. Its artifacts never change.
    """
    inputs, chosen = store.stage(key).inputs, store.artifacts.read(key, Settled).candidate
    candidates = inputs["candidates"]
    # A fine-tuned candidate is the only one, whatever its index in the grid.
    activities = store.artifacts.arrays(candidates[chosen if len(candidates) > 1 else 0], "reused")
    if inputs["network"] is None:
        return [np.zeros(0, np.int16)] * len(activities), activities
    return store.artifacts.arrays(inputs["network"], "owners"), activities
