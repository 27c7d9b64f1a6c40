"""Prepares the store's runs for `analysis.compare`, and specifies runs that a comparison lacks. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clnp_core.analysis.compare import Compared, Group, grouped
from clnp_core.errors import StoreError
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.store import Run, Store


def comparison(store: Store, runs: Sequence[str]) -> list[Group]:
    """Group runs of the store that differ only in their seeds. The first run's group is the baseline.

    Raises
    ------
    StoreError
        If a run does not exist or has not learned a task.
    """
    known = {run.id: run for run in store.runs()}
    return grouped([_compared(store, known.get(run) or store.run(run)) for run in runs])


def _compared(store: Store, run: Run) -> Compared:
    summary = run.summary
    if not summary:
        records = store.learned(run.id)
        if not records:
            raise StoreError(f"The run {run.id} has not learned a task: there is nothing to compare.")
        summary = summarise(run.spec, records, run.seconds)
    return Compared(run.id, run.spec.to_json(), summary.to_json(), run.data)


def with_method(spec: RunSpec, method: str) -> RunSpec:
    """Return the same specification with another method, from the first task on.

    Raises
    ------
    SpecError
        If the method does not allow a setting.
    """
    changes: dict[str, Any] = {"method": method, "fork_of": None, "at_task": None, "imported": None}
    if spec.fork_of and spec.grow_below is None:
        changes["grow"] = {}  # a fork grows once, between two of its tasks; a run that is no fork cannot
    return parse(spec.to_json() | changes)
