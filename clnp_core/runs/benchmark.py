"""Compares methods on one stream: searches the settings of each alike, queues its runs, and tabulates them.

A method says in `Method.searched` which of its own settings act from one task on the next. Each point of that grid
learns the first tasks with the first seed, and the best mean validation accuracy on them after the last one is chosen.
So is the learning rate of a method that may forget, since the one that learns the first task best may forget it first:
the specification's own and a tenth of it are tried, or those that are given. λ, and the learning rates of others, are
searched as in any run, on the first task. Runs are ordinary ones, in the store, which are found again; those of the
search share their stages with the final ones. Imports no torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import nan
from os import PathLike
from statistics import fmean
from typing import Any

import pandas as pd

from clnp_core.analysis.compare import Group
from clnp_core.analysis.setting_words import setting_name, setting_value
from clnp_core.errors import ClnpError, SpecError
from clnp_core.methods import METHODS, REFERENCE
from clnp_core.runs.background import see_on
from clnp_core.runs.comparison import comparison
from clnp_core.runs.spec import RunSpec, specified
from clnp_core.runs.store import Run, Store
from clnp_core.runs.sweep import runs_of

SEARCH_TASKS = 3
"""Tasks on which settings are searched, unless another number is given."""

MEASURES = (
    "mean_accuracy",
    "forgetting",
    "backward_transfer",
    "forward_transfer",
    "untold_accuracy",
    "memory",
    "seconds_per_task",
)
"""Measures in the table, as in `clnp_core.analysis.compare.MEASURES`."""

_RATE = "learning_rate"
_SLOWER = 0.1
_MOST_SEEDS = 100
_MOST_POINTS = 64
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Rival:
    """A method in a comparison.

    Attributes
    ----------
    method : str
    grid : dict
        Dotted path of each setting that is searched → its values.
    points : tuple of dict
        Dotted path → value: the product of the grid; a single one where there is nothing to search.
    trials : tuple of RunSpec
        One for each point, on the first tasks with the first seed; none where there is a single point.
    finals : tuple of tuple of RunSpec
        For each point those with all seeds.
    """

    method: str
    grid: dict[str, tuple[Any, ...]]
    points: tuple[dict[str, Any], ...]
    trials: tuple[RunSpec, ...]
    finals: tuple[tuple[RunSpec, ...], ...]


@dataclass(frozen=True)
class Entered:
    """A method in a comparison whose settings are chosen.

    Attributes
    ----------
    rival : Rival
    point : int
        The chosen one's place among `rival.points`.
    trials, runs : tuple of str
        Ids of the runs of the search, and of those with all seeds.
    """

    rival: Rival
    point: int
    trials: tuple[str, ...]
    runs: tuple[str, ...]


def plan(
    name: str | PathLike[str],
    methods: Sequence[str] = (),
    seeds: int = 1,
    changes: Mapping[str, Any] | None = None,
    search_tasks: int = SEARCH_TASKS,
) -> list[Rival]:
    """Specify the runs of a comparison.

    Parameters
    ----------
    name : str or path
        Of a preset or specification, as `specified` takes it.
    methods : sequence of str
        In the order of the table; by default all that there are.
    seeds : int
        How many: the specification's own seed and those after it.
    changes : mapping, optional
        Settings of all runs: dotted path → value. A setting of a method that is searched is searched over the values
        given here, or not at all if it is a single one.
    search_tasks : int
        Tasks of a search, at most those of the stream.

    Raises
    ------
    SpecError
        If a method is unknown or there twice, a number or a setting is impossible, or there is too much to search.
    """
    changes, methods = dict(changes or {}), list(methods or METHODS)
    for method in methods:
        if method not in METHODS:
            raise SpecError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
        if methods.count(method) > 1:
            raise SpecError(f"The method {method!r} is there twice; give it once.")
    if "method" in changes:
        raise SpecError("method: a comparison goes over methods; give them with --methods.")
    if not 1 <= seeds <= _MOST_SEEDS:
        raise SpecError(f"seeds = {seeds} is not possible: give 1 to {_MOST_SEEDS}.")
    if search_tasks < 1:
        raise SpecError(f"search_tasks = {search_tasks} is not possible: give 1 or more.")
    # Without the runs of the reference, forward transfer needs each task trained alone.
    shared = {"single_task": REFERENCE not in methods} | changes | {"for_comparison": True}
    return [_rival(name, method, seeds, shared, search_tasks) for method in methods]


def _rival(name: str | PathLike[str], method: str, seeds: int, shared: dict[str, Any], search_tasks: int) -> Rival:
    grid = {}
    for setting, values in METHODS[method].searched.items():
        path = f"{method}.{setting}"
        given = shared.get(path, values)
        grid[path] = tuple(given) if isinstance(given, list | tuple) else (given,)
    first = specified(name, shared | {"method": method})
    if not (first.exact or first.at_once or method == REFERENCE):
        rates = first.learning_rate
        grid[_RATE] = rates if _RATE in shared else (*rates, *(_SLOWER * rate for rate in rates))
    points = tuple(dict(zip(grid, values, strict=True)) for values in product(*grid.values()))
    if not 1 <= len(points) <= _MOST_POINTS:
        raise SpecError(f"{', '.join(grid)}: the grid has {len(points)} points; give 1 to {_MOST_POINTS}.")
    numbers = range(first.seed, first.seed + seeds)
    short = {"stream.tasks": min(search_tasks, first.stream.tasks)}
    if short["stream.tasks"] < first.stream.tasks:
        short["single_task"] = False
    own = [shared | {"method": method} | point for point in points]
    return Rival(
        method,
        {path: values for path, values in grid.items() if len(values) > 1},
        points,
        tuple(specified(name, each | short) for each in own) if len(points) > 1 else (),
        tuple(tuple(specified(name, each | {"seed": seed}) for seed in numbers) for each in own),
    )


def carry_out(store: Store, rivals: Sequence[Rival], wait: Callable[[list[str]], object]) -> list[Entered]:
    """Queue the runs of a comparison, first those of the searches, and wait for them.

    Runs that the store has are used; those that were stopped go on. `wait` is given ids of runs and returns when they
    have ended, however that was.

    Raises
    ------
    ClnpError
        If no point of a method's grid could be trained.
    DataError
        If the data is damaged.
    """
    trials = [tuple(runs_of(store, rival.trials)) for rival in rivals]
    at_once = {rival.method: tuple(runs_of(store, rival.finals[0])) for rival in rivals if not rival.trials}
    first = dict.fromkeys(run for runs in (*trials, *at_once.values()) for run in runs)
    wait(list(first))
    chosen = [_best(store, rival, runs) if runs else 0 for rival, runs in zip(rivals, trials, strict=True)]
    finals = [
        at_once.get(rival.method) or tuple(runs_of(store, rival.finals[point]))
        for rival, point in zip(rivals, chosen, strict=True)
    ]
    wait(list(dict.fromkeys(run for runs in finals for run in runs if run not in first)))
    return [Entered(*each) for each in zip(rivals, chosen, trials, finals, strict=True)]


def _best(store: Store, rival: Rival, trials: Sequence[str]) -> int:
    """The point with the best mean validation accuracy after the last task of its trial, of several the first."""
    runs = list(map(store.run, trials))
    reached = {place: fmean(known) for place, run in enumerate(runs) if (known := _validation(run))}
    if not reached:
        why = next((run.error for run in runs if run.error), "they were stopped")
        raise ClnpError(f"{rival.method}: none of the settings of its grid was tried to the end: {why}")
    return max(reached, key=lambda place: (reached[place], -place))


def _validation(run: Run) -> tuple[float, ...]:
    return (run.state == "finished" and run.summary and run.summary.validation) or ()


def table(store: Store, entered: Sequence[Entered], others: Iterable[Group] = ()) -> pd.DataFrame:
    """Tabulate a comparison, a row for each method.

    Parameters
    ----------
    store : Store
    entered : sequence of Entered
        Runs that are not finished do not count.
    others : iterable of Group
        Results from elsewhere, as `clnp_core.analysis.elsewhere.read` returns them.

    Returns
    -------
    DataFrame
        method; source, "here" or "elsewhere"; seeds, the number of finished runs; for each of `MEASURES` the mean, and
        "… std" over the seeds, nan where it is not known: fractions, but memory in bytes at the end, and seconds per
        task. Then of the search: settings, grid, chosen, and search_seconds, which it cost beyond the runs themselves.
        Last comes runs, their ids.
    """
    finished = [[run for run in each.runs if store.run(run).state == "finished"] for each in entered]
    groups = {
        str(group.settings["method"]): group for group in comparison(store, [run for own in finished for run in own])
    }
    rows = []
    for each, runs in zip(entered, finished, strict=True):
        told = {"method": each.rival.method, "source": "here", "seeds": len(runs)}
        rows.append(told | _measured(groups.get(each.rival.method)) | _searched(store, each) | {"runs": " ".join(runs)})
    for group in others:
        told = {"method": group.name, "source": "elsewhere", "seeds": len(group.runs)}
        rows.append(told | _measured(group) | {"grid": "", "chosen": "", "search_seconds": nan, "runs": ""})
    return pd.DataFrame(rows)


def _measured(group: Group | None) -> dict[str, float]:
    told: dict[str, float] = {}
    for name in MEASURES:
        told[name], told[f"{name} std"] = group.measured(name) if group else (nan, nan)
    return told


def _searched(store: Store, entered: Entered) -> dict[str, Any]:
    """What was chosen over which grid, and the seconds that it cost beyond the runs themselves."""
    rival = entered.rival
    grid, chosen = {**rival.grid}, {path: rival.points[entered.point][path] for path in rival.grid}
    spec, summary = rival.finals[entered.point][0], store.run(entered.runs[0]).summary
    if summary:
        found = {"learning_rate": summary.learning_rate[0]}
        if summary.lambda_:
            found |= zip((f"lambda.{key}" for key in spec.layer_keys), summary.lambda_[0], strict=True)
        tried = {"learning_rate": spec.learning_rate, **{f"lambda.{key}": each for key, each in spec.lambda_.items()}}
        several = [path for path in found if len(tried[path]) > 1]
        grid |= {path: tried[path] for path in several}
        chosen |= {path: found[path] for path in several}
    final = {stage["key"] for run in entered.runs for stage in store.stages(run)}
    stages = {stage["key"]: stage["seconds"] or 0.0 for run in entered.trials for stage in store.stages(run)}
    values = {path: ", ".join(setting_value(path, value) for value in several) for path, several in grid.items()}
    return {
        "grid": "; ".join(f"{setting_name(path)}: {told}" for path, told in values.items()),
        "chosen": "; ".join(f"{setting_name(path)} = {setting_value(path, value)}" for path, value in chosen.items()),
        "search_seconds": sum((seconds for key, seconds in stages.items() if key not in final), 0.0),
    }


def compare(
    name: str | PathLike[str],
    methods: Sequence[str] = (),
    seeds: int = 1,
    changes: Mapping[str, Any] | None = None,
    search_tasks: int = SEARCH_TASKS,
    store: Store | None = None,
) -> pd.DataFrame:
    """Compare methods in the background, wait for them, and tabulate them; see `plan` and `table`.

    >>> compare("digits", ["clnp", "finetune", "single"], seeds=5)  # doctest: +SKIP

    Raises
    ------
    SpecError
        As `plan`.
    ClnpError
        As `carry_out`.
    """
    rivals, store = plan(name, methods, seeds, changes, search_tasks), store or Store()
    return table(store, carry_out(store, rivals, partial(wait_for, store)))


def wait_for(store: Store, runs: Iterable[str]) -> None:
    """Return when runs have ended, however that was; an engine sees them on."""
    for run in runs:
        while see_on(store, run).goes_on:
            time.sleep(_POLL_SECONDS)
