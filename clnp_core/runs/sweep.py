"""Sweeps: grids over whole sequences, each a run of its own, with one table of results.

The engine treats the runs like any others; a stage that several have in common is computed once. Imports no torch.
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

from clnp_core.analysis.setting_words import has_effect
from clnp_core.errors import SpecError, StoreError
from clnp_core.files import ending, write_whole
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import RunSpec, parse_assignment, specified
from clnp_core.runs.store import Run, Store
from clnp_core.tasks.content import at_hand, content_digest

MOST_SEQUENCES = 256

Axes = dict[str, list[Any]]
"""Dotted path of a setting → its values."""

_FORMATS = {
    ".csv": lambda frame: frame.to_csv(index=False).encode(),
    ".parquet": lambda frame: frame.to_parquet(index=False),
}
_METHOD = "method"
_STOPPED = ("paused", "interrupted")
RESUMABLE = (*_STOPPED, "cancelled", "failed")
"""States from which a run can be resumed."""


def parse_axes(texts: Sequence[str]) -> Axes:
    """Parse the axes of a sweep from a command line, each as `parse_assignment` parses a setting.

    >>> parse_axes(["margin=0.005,0.02", "seed=1"])
    {'margin': [0.005, 0.02], 'seed': [1]}

    Raises
    ------
    SpecError
        If an axis has another form or is given twice.
    """
    axes: Axes = {}
    for path, value in map(parse_assignment, texts):
        if path in axes:
            raise SpecError(f"The sweep goes over {path!r} twice; give all its values at once.")
        axes[path] = [] if value == "" else value if isinstance(value, list) else [value]
    return axes


def sequences(name: str, changes: dict[str, Any], axes: Axes) -> list[RunSpec]:
    """List the specifications of a sweep: the product of the axes, the last one fastest.

    Where methods are swept, each has only the axes that have an effect on it: a margin makes one sequence of a method
    that prunes with each of its values, and a single one of another.

    Parameters
    ----------
    name : str
        Name of a preset, or path of a specification, as `specified` takes it.
    changes : dict
        Settings of all sequences: dotted path → value, as `preset` takes it.
    axes : dict
        Swept settings: dotted path → values, each as `preset` takes it.

    Raises
    ------
    SpecError
        If an axis is empty, unknown or also in `changes`, a value is impossible, two sequences are the same, or there
        are more than `MOST_SEQUENCES`.
    """
    for path, values in axes.items():
        if not values:
            raise SpecError(f"The sweep goes over {path!r}, but no values are given; write margin=0.005,0.02.")
        if path in changes:
            raise SpecError(f"The sweep goes over {path!r}, which is also set; leave one of the two out.")
    count = sum(_counts(axes))
    if count > MOST_SEQUENCES:
        raise SpecError(f"The sweep has {count} sequences; at most {MOST_SEQUENCES} are possible.")
    points = list(_points(axes).values())
    specs = [specified(name, changes | point) for point in points]
    if twice := _first_twice(specs):
        raise SpecError(f"The sweep has a sequence twice: {json.dumps(points[twice])[1:-1]}; give each value once.")
    return specs


def _counts(axes: Axes) -> list[int]:
    """Count the points of each swept method; all of them where none is swept."""
    methods = axes.get(_METHOD, [None])
    sizes = {path: len(values) for path, values in axes.items() if path != _METHOD}
    return [math.prod(size for path, size in sizes.items() if _matters(path, method)) for method in methods]


def _points(axes: Axes) -> dict[int, dict[str, Any]]:
    """List the points of a sweep: its place in the product of the axes → path → value, where it has an effect.

    Of places that differ only in values without effect the first one counts.
    """
    points: dict[int, dict[str, Any]] = {}
    for place, method in enumerate(axes.get(_METHOD, [None])):
        given = {path: list(enumerate(values)) for path, values in axes.items()}
        own = {path: values if _matters(path, method) else values[:1] for path, values in given.items()}
        if _METHOD in axes:
            own[_METHOD] = [(place, method)]
        for chosen in product(*own.values()):
            at = 0
            for values, (number, _) in zip(axes.values(), chosen, strict=True):
                at = at * len(values) + number
            of = zip(axes, chosen, strict=True)
            points[at] = {path: value for path, (_, value) in of if _matters(path, method)}
    return dict(sorted(points.items()))


def _matters(path: str, method: Any) -> bool:
    """Tell whether an axis has an effect on a swept method; always where none is swept."""
    return method is None or has_effect(path, str(method))


def _first_twice(specs: Sequence[RunSpec]) -> int | None:
    """Return the index of the first specification that repeats an earlier one."""
    texts = list(map(_as_text, specs))
    return next((place for place, text in enumerate(texts) if text in texts[:place]), None)


def _as_text(spec: RunSpec) -> str:
    return json.dumps(spec.to_json(), sort_keys=True)


def ask(store: Store, axes: Axes, specs: Sequence[RunSpec]) -> str:
    """Request a sweep, reusing runs that the store has.

    A run with exactly the same specification, on the same data, is used, and resumed if it was paused or interrupted,
    but not if it failed or was cancelled. Every run is bound to the data as it is now. Requesting a sweep with the same
    axes and runs again returns the same sweep.

    Parameters
    ----------
    axes, specs
        As `sequences` takes and returns them.

    Returns
    -------
    str
        Id of the sweep.

    Raises
    ------
    DataError
        If the data is damaged.
    """
    runs = dict(zip(_points(axes), runs_of(store, specs), strict=True))
    for sweep in store.sweeps():
        if sweep.over == axes and {place: run.id for place, run in store.sweep_runs(sweep.id).items()} == runs:
            return sweep.id
    return store.add_sweep(f"{specs[0].preset}-sweep", axes, runs)


def runs_of(store: Store, specs: Sequence[RunSpec]) -> list[str]:
    """Request a run of each specification, reusing runs that the store has, as `ask` does, and return their ids.

    Raises
    ------
    DataError
        If the data is damaged.
    StoreError
        If a student of a class asks for more than there may be.
    """
    known = _known(store)
    found = []
    for spec in specs:
        stream = spec.stream.model_dump(mode="json")
        data = content_digest(stream) if at_hand(stream) else None  # a page does not wait for a download
        run = next((run for run in known.get(_as_text(spec), ()) if data is None or run.data in (None, data)), None)
        found.append((spec, data, run))
    store.check_room(sum(run is None for *_, run in found))  # before any of them is asked for
    runs = []
    for spec, data, run in found:
        if run and run.state in _STOPPED:
            with suppress(StoreError):  # the same request elsewhere was first
                store.resume(run.id)
        runs.append(run.id if run else store.add(spec))
        if data:
            store.bind(runs[-1], data)
    return runs


def _known(store: Store) -> dict[str, list[Run]]:
    """Map specifications to runs: first those that are finished, the newest first."""
    known: dict[str, list[Run]] = {}
    for run in sorted(store.runs(), key=lambda run: run.state != "finished"):
        if run.state not in ("failed", "cancelled"):
            known.setdefault(_as_text(run.spec), []).append(run)
    return known


def pause(store: Store, sweep: str) -> None:
    """Pause the queued and running runs of a sweep."""
    for run in store.sweep_runs(sweep).values():
        if run.is_active:
            with suppress(StoreError):  # it has just ended
                store.pause(run.id)


def resume(store: Store, sweep: str) -> None:
    """Resume the runs of a sweep that were stopped or failed."""
    for run in store.sweep_runs(sweep).values():
        if run.state in RESUMABLE:
            with suppress(StoreError):  # it has just been resumed
                store.resume(run.id)


def table(store: Store, sweep: str) -> pd.DataFrame:
    """Tabulate the results of a sweep's sequences so far.

    Returns
    -------
    DataFrame
        A row per sequence: a column for each axis, named by its dotted path, without a value where methods are swept
        and it has no effect on the sequence's own; run (its id); state; mean_accuracy over
        the tasks learned, a fraction; capacity_used, the share of neurons claimed, mean over the hidden layers, nan if
        the method claims none; tasks_fitted, the number of tasks learned before the network was full; seconds of work
        on the run, also while others ran. Before the first task is learned, measures are nan.

    Raises
    ------
    StoreError
        If there is no such sweep.
    """
    axes = {path: _cells(values) for path, values in store.sweep(sweep).over.items()}
    measured = ["run", "state", "mean_accuracy", "capacity_used", "tasks_fitted", "seconds"]
    rows = [(*_values(axes, place, run.spec), *_measures(store, run)) for place, run in store.sweep_runs(sweep).items()]
    return pd.DataFrame(rows, columns=[*axes, *measured])


def _values(axes: Axes, place: int, spec: RunSpec) -> list[Any]:
    """Return the value of each axis at a place of their product; none where it has no effect on a swept method."""
    values = []
    for path, given in reversed(axes.items()):
        place, number = divmod(place, len(given))
        missing = None if isinstance(given[0], str) else math.nan
        values.append(given[number] if _matters(path, spec.method if _METHOD in axes else None) else missing)
    return values[::-1]


def _cells(values: list[Any]) -> list[Any]:
    """Return values as cells of one type: numbers or strings as they are, anything else and mixtures as JSON."""
    alike = (all(isinstance(value, kind) for value in values) for kind in (str, int | float))
    return values if any(alike) else list(map(json.dumps, values))


def _measures(store: Store, run: Run) -> tuple[Any, ...]:
    records = [] if run.summary else store.learned(run.id)
    if not run.summary and not records:
        return run.id, run.state, math.nan, math.nan, 0, run.seconds
    summary = run.summary or summarise(run.spec, records, run.seconds)
    used = [1 - layer.free / layer.width for layer in summary.layers]
    capacity = sum(used) / len(used) if used else math.nan
    return run.id, run.state, summary.mean_accuracy, capacity, summary.tasks, summary.seconds


def check_format(path: Path) -> str:
    """Check that a table can be written to a file of that name, and return its format as `content` takes it.

    Raises
    ------
    SpecError
        If the name has another ending.
    """
    suffix = ending(path, ".csv")
    if suffix not in _FORMATS:
        raise SpecError(f"{path} cannot name a table; give a name that ends in {' or '.join(_FORMATS)}.")
    return suffix


def content(frame: pd.DataFrame, suffix: str) -> bytes:
    """Encode a table as a file with that ending, .csv or .parquet."""
    written: bytes = _FORMATS[suffix](frame)
    return written


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table in the format that the ending of the file's name says.

    Raises
    ------
    SpecError
        If the name has another ending.
    StoreError
        If the file cannot be written.
    """
    write_whole(path, content(frame, check_format(path)))
