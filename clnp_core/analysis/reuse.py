"""Counts the neurons of earlier tasks that later tasks reuse (section 2.1). Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from clnp_core.networks import partition

COLUMNS = ("task", "layer", "owner", "neurons", "used")


def layer_rows(
    task: int, layer: str, owner: np.ndarray, activity: np.ndarray, theta: float, claimed: int
) -> Iterator[dict[str, Any]]:
    """Count whose neurons of one hidden layer a task uses.

    Parameters
    ----------
    task : int
    layer : str
        Name of the layer.
    owner : int16 array [width]
        Owners of the layer's neurons before the task.
    activity : float array [claimed before]
        Mean activity, on the task's training images, of the neurons that were claimed before, in ascending order of
        their place. Empty if the task cannot use them: a single head masks those of the last hidden layer.
    theta : float
        The task's threshold θ for the layer. A neuron is used if its activity is above θ.
    claimed : int
        Neurons that the task itself claims. It uses all of them.

    Yields
    ------
    dict
        A row with `COLUMNS` for each owner, the task itself last. There are no rows of earlier owners if the task
        cannot use their neurons.
    """
    if len(activity):
        owners = owner[partition.active(owner)]
        per_owner = (np.bincount(each, minlength=task) for each in (owners, owners[activity > theta]))
        for earlier, (neurons, used) in enumerate(zip(*per_owner, strict=True)):
            if earlier:
                yield _row(task, layer, earlier, int(neurons), int(used))
    yield _row(task, layer, task, claimed, claimed)


def _row(*values: Any) -> dict[str, Any]:
    return dict(zip(COLUMNS, values, strict=True))


def share_reused(reuse: pd.DataFrame) -> pd.DataFrame:
    """Compute the share of all earlier tasks' neurons that each task uses again, layer by layer.

    A layer whose neurons are used more often has features that transfer better. As a rule these are the lower layers
    (Yosinski et al. 2014, 'How transferable are features in deep neural networks?').

    Parameters
    ----------
    reuse : table
        With `COLUMNS`: neurons that the owner claimed, and how many of them the task uses.

    Returns
    -------
    DataFrame
        task, layer, neurons, used, and share, a fraction; a row for each task and layer in which it could use neurons
        of earlier tasks.
    """
    earlier = reuse[reuse["owner"] < reuse["task"]]
    found = earlier.groupby(["task", "layer"], sort=False)[["neurons", "used"]].sum().reset_index()
    found = found[found["neurons"] > 0]
    return found.assign(share=found["used"] / found["neurons"])
