"""A sweep: a grid over whole sequences, each a run of its own, and one table of what they came to. Imports no torch.

The runs go through the engine like any others; a stage that two of them have in common is computed once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from clnp_core.errors import SpecError, StoreError
from clnp_core.files import write_whole
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import RunSpec, parse_assignment, preset
from clnp_core.runs.store import Run, Store

MOST_SEQUENCES = 256

Axes = dict[str, list[Any]]
"""Dotted path of a setting → its values."""

_FORMATS = {
    ".csv": lambda frame: frame.to_csv(index=False).encode(),
    ".parquet": lambda frame: frame.to_parquet(index=False),
}
_STOPPED = ("paused", "interrupted")
RESUMABLE = (*_STOPPED, "cancelled", "failed")
"""States of a run from which it can go on."""


def parse_axes(texts: Sequence[str]) -> Axes:
    """Read axes from a command line, each as `parse_assignment` reads a setting.

    >>> parse_axes(["margin=0.005,0.02", "seed=1"])
    {'margin': [0.005, 0.02], 'seed': [1]}

    Raises
    ------
    SpecError
        If one is not of that form, or given twice.
    """
    axes: Axes = {}
    for path, value in map(parse_assignment, texts):
        if path in axes:
            raise SpecError(f"The sweep goes over {path!r} twice; give all its values at once.")
        axes[path] = [] if value == "" else value if isinstance(value, list) else [value]
    return axes


def sequences(name: str, changes: dict[str, Any], axes: Axes) -> list[RunSpec]:
    """The specifications of a sweep: the product of the axes, the last one fastest.

    Parameters
    ----------
    name : str
        Of a preset.
    changes : dict
        What all sequences have in common: dotted path → value, as `preset` takes it.
    axes : dict
        Dotted path → the values, each as `preset` takes it.

    Raises
    ------
    SpecError
        If an axis is empty, unknown or also fixed, a value impossible, two sequences the same, or there are more than
        `MOST_SEQUENCES`.
    """
    for path, values in axes.items():
        if not values:
            raise SpecError(f"The sweep goes over {path!r}, but no values are given; write margin=0.005,0.02.")
        if path in changes:
            raise SpecError(f"The sweep goes over {path!r}, which is also set; leave one of the two out.")
    count = math.prod(map(len, axes.values()))
    if count > MOST_SEQUENCES:
        raise SpecError(f"The sweep has {count} sequences; at most {MOST_SEQUENCES} are possible.")
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    specs = [preset(name, changes | point) for point in points]
    if twice := _first_twice(specs):
        raise SpecError(f"The sweep has a sequence twice: {json.dumps(points[twice])[1:-1]}; give each value once.")
    return specs


def _first_twice(specs: Sequence[RunSpec]) -> int | None:
    """Place of the first that was there before."""
    texts = list(map(_as_text, specs))
    return next((place for place, text in enumerate(texts) if text in texts[:place]), None)


def _as_text(spec: RunSpec) -> str:
    return json.dumps(spec.to_json(), sort_keys=True)


def ask(store: Store, axes: Axes, specs: Sequence[RunSpec]) -> str:
    """Ask for a sweep, of which nothing is asked for again that the store has.

    A run of exactly the same specification is taken as it is, and goes on if it was stopped; one that failed or was
    cancelled is not. A sweep that is given again is the same sweep as long as all its runs are.

    Parameters
    ----------
    axes, specs
        As `sequences` takes and gives them.

    Returns
    -------
    str
        Its id.
    """
    known = _known(store)
    runs = []
    for spec in specs:
        run = known.get(_as_text(spec))
        if run and run.state in _STOPPED:
            store.resume(run.id)
        runs.append(run.id if run else store.add(spec))
    for sweep in store.sweeps():
        if sweep.over == axes and [run.id for run in store.sweep_runs(sweep.id).values()] == runs:
            return sweep.id
    return store.add_sweep(f"{specs[0].preset}-sweep", axes, runs)


def _known(store: Store) -> dict[str, Run]:
    """Runs by specification; of several the newest that is finished, else the newest."""
    runs = [run for run in reversed(store.runs()) if run.state not in ("failed", "cancelled")]
    return {_as_text(run.spec): run for run in sorted(runs, key=lambda run: run.state == "finished")}


def pause(store: Store, sweep: str) -> None:
    """Stop for now what is queued or at work."""
    for run in store.sweep_runs(sweep).values():
        if run.is_active:
            with suppress(StoreError):  # it has just ended
                store.pause(run.id)


def resume(store: Store, sweep: str) -> None:
    """Let everything go on that was stopped or failed."""
    for run in store.sweep_runs(sweep).values():
        if run.state in RESUMABLE:
            with suppress(StoreError):  # it has just been resumed
                store.resume(run.id)


def table(store: Store, sweep: str) -> pd.DataFrame:
    """What the sequences of a sweep came to, or have come to so far.

    Returns
    -------
    DataFrame
        A row per sequence: a column for each axis, named by its dotted path; run (its id); state; mean_accuracy, over
        the tasks learned, a fraction; capacity_used, the share of neurons claimed, mean of the hidden layers, nan
        where the method claims none; tasks_fitted, how many were learned before the network was full; seconds that
        the run was worked on, beside others. Before the first task is learned, measures are nan.

    Raises
    ------
    StoreError
        If there is no such sweep.
    """
    axes = {path: _cells(values) for path, values in store.sweep(sweep).over.items()}
    points = list(product(*axes.values()))
    measured = ["run", "state", "mean_accuracy", "capacity_used", "tasks_fitted", "seconds"]
    rows = [(*points[place], *_measures(store, run)) for place, run in store.sweep_runs(sweep).items()]
    return pd.DataFrame(rows, columns=[*axes, *measured])


def _cells(values: list[Any]) -> list[Any]:
    """Numbers and words as they are; what else there is, or a mixture, as JSON: a column is of one type."""
    alike = (all(isinstance(value, kind) for value in values) for kind in (str, int | float))
    return values if any(alike) else list(map(json.dumps, values))


def _measures(store: Store, run: Run) -> tuple:
    records = [] if run.summary else store.learned(run.id)
    if not run.summary and not records:
        return run.id, run.state, math.nan, math.nan, 0, run.seconds
    summary = run.summary or summarise(run.spec, records, run.seconds)
    used = [1 - layer.free / layer.width for layer in summary.layers]
    capacity = sum(used) / len(used) if used else math.nan
    return run.id, run.state, summary.mean_accuracy, capacity, summary.tasks, summary.seconds


def check_format(path: Path) -> None:
    """See that a table can be written under that name.

    Raises
    ------
    SpecError
        If its ending is of no format there is.
    """
    if path.suffix not in _FORMATS:
        raise SpecError(f"{path} is no name for a table; give one that ends in {' or '.join(_FORMATS)}.")


def content(frame: pd.DataFrame, suffix: str) -> bytes:
    """A table as a file of that ending, .csv or .parquet."""
    return _FORMATS[suffix](frame)


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table; its format follows from the ending of the file's name.

    Raises
    ------
    SpecError
        If there is no such format.
    StoreError
        If it cannot be written.
    """
    check_format(path)
    write_whole(path, content(frame, path.suffix))
