"""The store's runs as `analysis.compare` takes them, and runs that a comparison still lacks. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from clnp_core.analysis.compare import Compared, Group, grouped
from clnp_core.errors import StoreError
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.store import Run, Store


def comparison(store: Store, runs: Sequence[str]) -> list[Group]:
    """Runs of the store in groups that differ in more than the seed. The first run's is the baseline.

    Raises
    ------
    StoreError
        If there is no such run, or one has not learned a task.
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
    return Compared(run.id, run.spec.to_json(), summary.to_json())


def with_method(spec: RunSpec, method: str) -> RunSpec:
    """The same settings with another method, from the first task on.

    Raises
    ------
    SpecError
        If the method cannot go with a setting.
    """
    changes = {"method": method, "fork_of": None, "at_task": None, "imported": None}
    if spec.fork_of and spec.grow_below is None:
        changes["grow"] = {}  # what grew once, between two tasks of the fork, does not grow here
    return parse(spec.to_json() | changes)
