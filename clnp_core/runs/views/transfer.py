"""Reads from the store how reuse goes with how alike tasks are. Imports no torch."""

from __future__ import annotations

import pandas as pd

from clnp_core.analysis.transfer import by_similarity
from clnp_core.errors import StoreError
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.capacity import alike

_SETTINGS = {"permuted": "share", "rotated": "degrees"}
"""Of each kind of stream, the setting by which tasks are more or less alike."""


def tells_transfer(spec: RunSpec) -> bool:
    """Tell whether a run's method claims neurons, and its tasks can be more or less alike."""
    return spec.partitions and spec.stream.kind in _SETTINGS


def transfer(store: Store, run: str) -> pd.DataFrame:
    """Tabulate what later tasks use again and claim, of a run and of those that differ in how alike their tasks are.

    These are the finished runs of the store with the same settings but for `stream.share`, or `stream.degrees`, and
    seeds; of runs that are the same in these, too, the newest.

    Returns
    -------
    DataFrame
        See `clnp_core.analysis.transfer.by_similarity`. It has no rows until the run or one of the others is finished.

    Raises
    ------
    StoreError
        If there is no such run, its method claims no neurons, or its stream is neither permuted nor rotated.
    """
    first = store.run(run)
    if not tells_transfer(first.spec):
        raise StoreError(
            f"There is nothing to tell of {run}: it takes a method that claims neurons and a stream that is permuted "
            "or rotated, of which other runs have another share or other degrees."
        )
    setting = _SETTINGS[first.spec.stream.kind]
    found: dict[tuple[float, int, int | None], Run] = {}
    for other in sorted(alike(store, first, setting), key=lambda each: each.id != first.id):
        spec = other.spec
        found.setdefault((getattr(spec.stream, setting), spec.seed, spec.stream.seed), other)
    runs = [(value, each.id, each.summary.to_json()) for (value, *_), each in found.items() if each.summary]
    return by_similarity(runs, setting, is_masked=first.spec.head == "single")
