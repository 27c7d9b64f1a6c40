"""Whose neurons a task uses: earlier tasks' features at work for later ones (section 2.1). Imports no torch."""

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
    """Whose neurons of one hidden layer a task uses.

    Parameters
    ----------
    task : int
    layer : str
        Name of the layer.
    owner : int16 array [width]
        Owners of the layer's neurons before the task.
    activity : float array [claimed before]
        Mean activity, on the task's training images, of the neurons that were claimed before, in ascending order. Empty
        where the task cannot use them: a single head masks those of the last hidden layer.
    theta : float
        The task's threshold for the layer; a neuron is used if its activity is above it.
    claimed : int
        Neurons that the task itself claims, all of which it uses.

    Yields
    ------
    dict
        A row of the table of `COLUMNS` for each owner, the task itself the last; none of earlier owners where the task
        cannot use them.
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
    """Which share of all neurons of earlier tasks each task uses again, layer by layer.

    The more of a layer is used again, the better its features transfer: as a rule those of earlier layers (Yosinski et
    al. 2014, 'How transferable are features in deep neural networks?').

    Parameters
    ----------
    reuse : table
        Of `COLUMNS`: neurons that the owner claimed, and of them used by the task.

    Returns
    -------
    DataFrame
        task, layer, neurons, used, and share, a fraction; a row for each layer of each task that finds neurons it could
        use.
    """
    earlier = reuse[reuse["owner"] < reuse["task"]]
    found = earlier.groupby(["task", "layer"], sort=False)[["neurons", "used"]].sum().reset_index()
    found = found[found["neurons"] > 0]
    return found.assign(share=found["used"] / found["neurons"])
