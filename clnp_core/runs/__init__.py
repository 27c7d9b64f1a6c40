"""Runs: their specifications, their execution and their results."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clnp_core.runs.handle import RunHandle
    from clnp_core.runs.spec import RunSpec
    from clnp_core.runs.store import Store


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
