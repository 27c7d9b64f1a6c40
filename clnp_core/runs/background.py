"""Runs the engine as a background process, so that runs survive closing the browser or the app. Imports no torch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from clnp_core.errors import StoreError
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import data_directory

IDLE_SECONDS = 600
"""A background engine ends after this time without work, and is started again when there is work."""

_START_SECONDS = 20
_END_SECONDS = 20


def ensure_engine(store: Store) -> None:
    """Start an engine for the store in a process that outlives this one, unless the store has one.

    It uses the Dask scheduler at `CLNP_SCHEDULER`, if that is set, and prints to `engine.log` in the store. This
    returns once it serves the store.

    Raises
    ------
    StoreError
        If the engine does not start.
    """
    if store.engine() is not None:
        return
    log = store.location / "engine.log"
    # In the store's folder, because the caller's may be deleted before the engine ends; -P imports nothing from there.
    command = [sys.executable, "-P", "-m", "clnp_core.cli", "engine", "--idle", str(IDLE_SECONDS)]
    environment = {"CLNP_DATA_DIR": str(data_directory().absolute()), "PYTHONUNBUFFERED": "1"}
    try:
        with open(log, "wb") as output:
            engine = subprocess.Popen(
                [*command, "--store", str(store.location.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=store.location,
                env=os.environ | environment,
            )
    except OSError as error:
        raise StoreError(f"The engine cannot be started: {error.strerror}.") from error
    deadline = time.monotonic() + _START_SECONDS
    while store.engine() is None:
        if engine.poll() is not None or time.monotonic() > deadline:
            raise StoreError(f"The engine did not start; its output is in {log}.")
        time.sleep(0.05)


def end_engine(store: Store) -> None:
    """End the store's background engine and its workers, if it has one. This returns once the engine has ended.

    Raises
    ------
    StoreError
        If the engine does not end.
    """
    engine = store.engine()
    if engine is None:
        return
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.killpg(engine, signal.SIGTERM)  # it was started in a group of its own
    deadline = time.monotonic() + _END_SECONDS
    while store.engine() is not None:
        if time.monotonic() > deadline:
            raise StoreError(f"The engine {engine} did not end within {_END_SECONDS} s.")
        time.sleep(0.1)
