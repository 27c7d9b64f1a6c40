"""Forecasts how long a network's free neurons will last, and how wide layers have to be. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

from clnp_core.errors import SpecError

LEAST_TASKS, MOST_TASKS = 3, 1000
"""Tasks that a run has to have learned for a plan to be made from it, and tasks that can be planned for."""
_RECENT_TASKS = 3
_DEVIATIONS = 2  # to spare


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
    recent = _recent(claimed)
    return free * len(recent) / sum(recent) if any(recent) else None


def _recent(claimed: Sequence[int]) -> Sequence[int]:
    """Return what the last tasks claimed, by which all that is to come is judged."""
    return (claimed[1:] or claimed)[-_RECENT_TASKS:]


@dataclass(frozen=True)
class Need:
    """What a hidden layer needs for any number of tasks, by what those so far have claimed.

    Attributes
    ----------
    name : str
    width : int
        Its present number of neurons.
    claimed : tuple of tuple of int, [runs, tasks]
        Neurons that each task claimed, in each of the runs; without the task that filled the layer and later ones.
    """

    name: str
    width: int
    claimed: tuple[tuple[int, ...], ...]

    @property
    def per_task(self) -> float:
        """Neurons that a further task claims: the mean of the last tasks', as in `forecast`, over the runs."""
        return fmean(map(fmean, map(_recent, self.claimed)))

    @property
    def deviation(self) -> float:
        """Standard deviation of what a single task claims, among the last tasks of a run."""
        return math.sqrt(fmean(map(variance, map(_recent, self.claimed))))

    def needed(self, tasks: int) -> tuple[float, float]:
        """Extrapolate the neurons that so many tasks claim together: their mean and standard deviation.

        Those that were learned count as measured, and each further one claims `per_task`. The deviation has two parts.
        Single tasks claim more or less. And the mean may be another one, with a new seed too: by as much as the runs'
        own extrapolations differ, but not less than a mean of so few tasks is uncertain.
        """
        further = [max(0, tasks - len(each)) for each in self.claimed]
        each_run = [
            sum(claimed[:tasks]) + more * fmean(_recent(claimed))
            for claimed, more in zip(self.claimed, further, strict=True)
        ]
        runs, more = len(each_run), fmean(further)
        of_mean = (more * self.deviation) ** 2 / sum(map(len, map(_recent, self.claimed)))
        if runs > 1:
            of_mean = max(of_mean, variance(each_run) * (1 + 1 / runs))
        return fmean(each_run), math.sqrt(more * self.deviation**2 + of_mean)

    def enough(self, tasks: int) -> int:
        """Return the width at which so many tasks fit with two standard deviations to spare."""
        mean, deviation = self.needed(tasks)
        return max(1, math.ceil(mean + _DEVIATIONS * deviation - 1e-9))


@dataclass(frozen=True)
class Plan:
    """The widths that a number of tasks needs.

    Attributes
    ----------
    tasks : int
    layers : tuple of Need
        One per hidden layer, from the input upwards.
    """

    tasks: int
    layers: tuple[Need, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each layer with which the tasks fit, with two standard deviations to spare."""
        return tuple(layer.enough(self.tasks) for layer in self.layers)

    @property
    def fits_now(self) -> int:
        """Number of tasks that fit into the present widths, on average over the runs; at most `MOST_TASKS`."""
        return _last(lambda tasks: all(layer.needed(tasks)[0] <= layer.width for layer in self.layers))

    def balanced(self, weights: Callable[[Sequence[int]], float]) -> tuple[int, tuple[int, ...]]:
        """Share the weights that there are now among the layers so that all are full at the same time.

        Parameters
        ----------
        weights : callable
            Counts the weights of a network with such widths.

        Returns
        -------
        int, tuple of int
            Number of tasks that then fit, on average over the runs, and the widths.
        """
        given = weights([layer.width for layer in self.layers])

        def widths(tasks: int) -> list[int]:
            return [max(1, math.ceil(layer.needed(tasks)[0] - 1e-9)) for layer in self.layers]

        most = _last(lambda tasks: weights(widths(tasks)) <= given)
        return most, tuple(widths(max(1, most)))


def plan(runs: Sequence[Sequence[Mapping[str, Any]]], tasks: int) -> Plan:
    """Plan the widths of hidden layers for a number of tasks, from what tasks have claimed.

    It goes by the pace of `forecast`: every further task claims what the last ones did. Tasks that find more to use
    again claim less than that.

    Parameters
    ----------
    runs : sequence of sequence of mapping
        The layers of a run, from the input upwards, then those of runs that differ in their seeds alone; as in a
        summary: name, width, claimed and free_after.
    tasks : int

    Raises
    ------
    SpecError
        If the number of tasks is impossible, or a run has learned fewer than three, or fewer before a layer was full.
    """
    if not isinstance(tasks, int) or not 1 <= tasks <= MOST_TASKS:
        raise SpecError(f"tasks = {tasks!r} is not possible: give a whole number from 1 to {MOST_TASKS}.")
    hidden = zip(*runs, strict=True)
    needs = (Need(same[0]["name"], same[0]["width"], tuple(map(_before_full, same))) for same in hidden)
    return Plan(tasks, tuple(needs))


def _before_full(layer: Mapping[str, Any]) -> tuple[int, ...]:
    """Return what tasks claimed while they had a choice."""
    claimed, full = tuple(layer["claimed"]), [free == 0 for free in layer["free_after"]]
    if len(claimed) < LEAST_TASKS:
        raise SpecError(f"There is no plan from {len(claimed)} tasks: it takes {LEAST_TASKS} to see what they claim.")
    free = full.index(True) if True in full else len(claimed)
    if free < LEAST_TASKS:
        raise SpecError(
            f"There is no plan from this run: {layer['name']} was full after task {free + 1}, so that it is not known "
            "what tasks would have claimed. Plan from a run with wider layers."
        )
    return claimed[:free]


def _last(fits: Callable[[int], bool]) -> int:
    """Return the last number of tasks that fits, where fewer always fit; 0 if not even one does."""
    low, high = 0, MOST_TASKS
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


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
