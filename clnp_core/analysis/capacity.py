"""Forecasts how long a network's free neurons will last. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

_RECENT_TASKS = 3


def forecast(layers: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Forecast for how many more tasks each layer has free neurons, if tasks claim as many as the last ones did.

    The forecast is the number of free neurons over the mean number that the last tasks claimed, at most three of them.
    The first task of a sequence claims far more than later ones (Figs. 3, 4b and 5b of the paper) and counts only
    while it is the only one.

    Parameters
    ----------
    layers : sequence of mapping
        One per hidden layer, as in a summary: claimed (neurons claimed by task 1, 2, ...) and free (unclaimed neurons
        of the layer at its present width).

    Returns
    -------
    list of float or None
        Tasks, not rounded: at 2.5 a third task finds half the neurons that it wants. 0.0 if the layer is full; None if
        there is no forecast, because no task was learned yet or the last ones claimed nothing.
    """
    return [_tasks_left(layer["claimed"], layer["free"]) for layer in layers]


def _tasks_left(claimed: Sequence[int], free: int) -> float | None:
    if not free:
        return 0.0
    recent = (claimed[1:] or claimed)[-_RECENT_TASKS:]
    return free * len(recent) / sum(recent) if any(recent) else None


def in_words(layers: Sequence[Mapping[str, Any]]) -> str:
    """Write the forecast in a few sentences. The layer that will be full first comes first.

    Parameters
    ----------
    layers : sequence of mapping
        As in a summary: name, claimed and tasks_left.
    """
    full = [layer["name"] for layer in layers if layer["tasks_left"] == 0]
    lasting = sorted((layer for layer in layers if layer["tasks_left"]), key=lambda layer: layer["tasks_left"])
    sentences = [f"{_listed(full)} {'are' if len(full) > 1 else 'is'} full."] if full else []
    if lasting:
        first, *others = lasting
        parts = [f"{first['name']} would be full {_when(first['tasks_left'])}"]
        parts += [f"{layer['name']} {_when(layer['tasks_left'])}" for layer in others]
        sentences.append(", ".join(parts) + ", if tasks go on claiming as many neurons as the last ones did.")
        if len(first["claimed"]) == 1:
            sentences.append("After one task the forecast is too low: later tasks reuse its neurons.")
    if idle := [layer["name"] for layer in layers if layer["tasks_left"] is None]:
        sentences.append(f"The last tasks claimed nothing of {_listed(idle)}: there is no forecast.")
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def _when(tasks_left: float) -> str:
    if tasks_left <= 1:
        return "with the next task"
    number = round(tasks_left)
    return f"after about {number} more task{'s' * (number != 1)}"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
