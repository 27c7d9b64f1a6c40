"""Runs: their specifications, their execution and their results."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clnp_core.runs.handle import RunHandle, SweepHandle
    from clnp_core.runs.spec import RunSpec
    from clnp_core.runs.store import Store
    from clnp_core.runs.sweep import Axes


def submit(spec: RunSpec, store: Store | None = None) -> RunHandle:
    """Start a run in the background and return at once.

    This starts an engine for the store if it has none. The run continues after this process ends.

    >>> from clnp_core.runs.spec import preset
    >>> run = submit(preset("digits", {"stream.tasks": 2}))  # doctest: +SKIP
    >>> run.wait()["mean_accuracy"]  # doctest: +SKIP
    0.9722222222222222

    Raises
    ------
    SpecError
        If it is no specification.
    StoreError
        If the store cannot be used, or the engine does not start.
    DeviceError
        If it is to train on a device that this machine does not have.
    """
    from clnp_core.errors import SpecError
    from clnp_core.machine import check_device
    from clnp_core.runs.background import ensure_engine
    from clnp_core.runs.handle import RunHandle
    from clnp_core.runs.spec import RunSpec
    from clnp_core.runs.store import Store

    if not isinstance(spec, RunSpec):
        raise SpecError(f"{spec!r} is no specification; give one, such as preset('digits').")
    check_device(spec.device, os.environ.get("CLNP_SCHEDULER"))
    store = store or Store()
    run = RunHandle(store, store.add(spec))
    ensure_engine(store)
    return run


def submit_sweep(
    name: str, axes: Axes, changes: dict[str, Any] | None = None, store: Store | None = None
) -> SweepHandle:
    """Start a run for each combination of settings in the background and return at once; see `clnp_core.runs.sweep`.

    >>> swept = submit_sweep("digits", {"margin": [0.005, 0.02], "seed": [0, 1]}, {"epochs": 10})  # doctest: +SKIP
    >>> wait(*swept.runs)  # doctest: +SKIP
    4 of 4 runs 100% |█████████████████████████| 00:00 left

    Parameters
    ----------
    name, axes, changes
        As `sweep.sequences` takes them.
    store : Store, optional

    Raises
    ------
    DataError, SpecError, StoreError, DeviceError
        As for `submit`, `sweep.sequences` and `sweep.ask`.
    """
    from clnp_core.machine import check_device
    from clnp_core.runs import sweep
    from clnp_core.runs.background import ensure_engine
    from clnp_core.runs.handle import SweepHandle
    from clnp_core.runs.store import Store

    specs = sweep.sequences(name, changes or {}, axes)
    for spec in specs:
        check_device(spec.device, os.environ.get("CLNP_SCHEDULER"))
    store = store or Store()
    swept = SweepHandle(store, sweep.ask(store, axes, specs))
    ensure_engine(store)
    return swept
