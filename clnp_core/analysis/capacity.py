"""How long a network's free neurons will last. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

_RECENT_TASKS = 3


def forecast(layers: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """For how many more tasks each layer has free neurons, if tasks go on claiming as many as they did.

    Free neurons over the mean number that the last tasks claimed, the last three at most. The first task of a sequence
    claims far more than later ones (Figs. 3, 4b and 5b of the paper) and counts only as long as there is no other.

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, as in a summary: claimed (neurons claimed by task 1, 2, ...) and free (neurons nobody has
        claimed, of the layer as wide as it is now).

    Returns
    -------
    list of float or None
        Tasks, not rounded: at 2.5 a third task finds half the neurons that it wants. 0.0 where the layer is full; None
        where it cannot be said, because no task was learned yet or the last ones claimed nothing.
    """
    return [_tasks_left(layer["claimed"], layer["free"]) for layer in layers]


def _tasks_left(claimed: Sequence[int], free: int) -> float | None:
    if not free:
        return 0.0
    recent = (claimed[1:] or claimed)[-_RECENT_TASKS:]
    return free * len(recent) / sum(recent) if any(recent) else None
