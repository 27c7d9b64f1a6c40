"""Prepares the store's runs for `analysis.compare`, and specifies runs that a comparison lacks. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from clnp_core.analysis.compare import Compared, Group, grouped
from clnp_core.analysis.metrics import forward_transfer
from clnp_core.errors import StoreError
from clnp_core.methods import REFERENCE
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.spec.changes import from_first_task
from clnp_core.runs.store import Run, Store

_LEARNING = ("fit", "tune", "settle")  # stages whose seconds are those of learning


def comparison(store: Store, runs: Sequence[str]) -> list[Group]:
    """Group runs of the store that differ only in their seeds. The first run's group is the baseline.

    Raises
    ------
    StoreError
        If a run does not exist or has not learned a task.
    """
    known = {run.id: run for run in store.runs()}
    compared = [_compared(store, known.get(run) or store.run(run)) for run in runs]
    return grouped([_with_forward_transfer(run, compared) for run in compared])


def _compared(store: Store, run: Run) -> Compared:
    summary = run.summary
    if not summary:
        records = store.learned(run.id)
        if not records:
            raise StoreError(f"The run {run.id} has not learned a task: there is nothing to compare.")
        summary = summarise(run.spec, records, run.seconds)
    trained = [stage["seconds"] or 0.0 for stage in store.stages(run.id) if stage["kind"] in _LEARNING]
    told = summary.to_json() | {"seconds_per_task": sum(trained) / summary.tasks}
    return Compared(run.id, run.spec.to_json(), told, run.data, run.name)


def _with_forward_transfer(run: Compared, others: Sequence[Compared]) -> Compared:
    """Measure forward transfer, where a run has trained no task alone, against the same tasks of `REFERENCE`'s run."""
    if run.summary.get("forward_transfer") is not None:
        return run
    for other in others:
        alike = all(other.spec[name] == run.spec[name] for name in ("seed", "stream")) and other.data == run.data
        if other.spec["method"] == REFERENCE and alike and other.summary["tasks"] >= run.summary["tasks"]:
            alone = [row[-1] for row in other.summary["accuracy"]][: run.summary["tasks"]]
            transfer = forward_transfer(run.summary["accuracy"], alone)
            return replace(run, summary={**run.summary, "forward_transfer": None if isnan(transfer) else transfer})
    return run


def with_method(spec: RunSpec, method: str) -> RunSpec:
    """Return the same specification with another method, from the first task on.

    Raises
    ------
    SpecError
        If the method does not allow a setting.
    """
    return parse(from_first_task(spec) | {"method": method})
