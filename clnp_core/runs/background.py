"""Runs the engine as a background process, so that runs survive closing the browser or the app. Imports no torch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from clnp_core.errors import StoreError
from clnp_core.runs.store import Run, Store
from clnp_core.tasks.datasets import same_directory

IDLE_SECONDS = 600
"""A background engine ends after this time without work, and is started again when there is work."""

_START_SECONDS = 60  # beside other work
_END_SECONDS = 60  # a training goes on to its next checkpoint
_TAKE_OVER_SECONDS = 1
_LOOK_SECONDS = 0.05


def ensure_engine(store: Store, *options: str) -> int | None:
    """Start an engine for the store in a process that outlives this one, unless the store has one.

    It uses the Dask scheduler at `CLNP_SCHEDULER`, if that is set, and prints to `engine.log` in the store. This
    returns once the store is served.

    Parameters
    ----------
    store : Store
    *options
        Of `clnp engine`, such as "--workers=2".

    Returns
    -------
    int or None
        The engine's process id; None if there was one.

    Raises
    ------
    StoreError
        If the engine does not start.
    """
    if store.engine() is not None:
        return None
    store.check_locks()
    log = store.location / "engine.log"
    # In the store's folder, because the caller's may be deleted before the engine ends; -P imports nothing from there.
    command = [sys.executable, "-P", "-m", "clnp_core.cli", "engine", "--idle", str(IDLE_SECONDS), *options]
    try:
        with open(log, "ab") as output:  # another process may be starting one, too
            told = output.tell()
            engine = subprocess.Popen(
                [*command, "--store", str(store.location.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=store.location,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | same_directory(),
            )
    except OSError as error:
        raise StoreError(f"The engine cannot be started: {error.strerror}.") from error
    deadline = time.monotonic() + _START_SECONDS
    while store.engine() is None:
        if engine.poll() is not None or time.monotonic() > deadline:
            why = _last_line(log, told)
            raise StoreError(f"The engine did not start{f' ({why})' if why else ''}; its output is in {log}.")
        time.sleep(_LOOK_SECONDS)
    return store.engine()


def _last_line(log: Path, start: int) -> str:
    with suppress(OSError), open(log, "rb") as output:
        output.seek(start)
        lines = output.read().decode(errors="replace").split("\n")
        return next((line.removeprefix("clnp: ").rstrip(".") for line in reversed(lines) if line.strip()), "")
    return ""


def see_on(store: Store, run: str) -> Run:
    """Read a run for a process that waits for it, and see that an engine is there for it.

    Raises
    ------
    StoreError
        If there is no such run, or no engine starts.
    DataError
        If its data has changed since it was begun.
    """
    found = store.taken_up(run)
    if found.goes_on:
        ensure_engine(store)
    return found


def hand_over(store: Store, *options: str) -> int | None:
    """Where an engine has ended, start one in the background for runs that are queued, unless another process serves.

    It takes options as `ensure_engine` does, and returns the same.

    Raises
    ------
    StoreError
        If the engine does not start.
    """
    deadline = time.monotonic() + _TAKE_OVER_SECONDS
    while store.active() and store.engine() is None:
        if time.monotonic() > deadline:
            return ensure_engine(store, *options)
        time.sleep(_LOOK_SECONDS)  # for who waits for one of them
    return None


def engine_process(store: Store) -> psutil.Process | None:
    """Return the process of the engine that serves the store, if there is one.

    Raises
    ------
    StoreError
        If it is not a process of this machine, or not one that this user may look at.
    """
    engine = store.engine()
    lock = str((store.location / "engine.lock").resolve())
    with suppress(psutil.Error):
        # Of another machine or container it would be the number of some other process here.
        if engine and any(each.path == lock for each in psutil.Process(engine).open_files()):
            return psutil.Process(engine)
    if store.engine() is None:  # it has just ended
        return None
    raise StoreError(
        f"The store {store.location} is served by an engine in another container, on another machine, or of another "
        f"user{f': process {engine} there' if engine else ''}."
    )


def end_engine(store: Store) -> int | None:
    """End the engine that serves the store, and its workers. This returns once it has ended: its process id, if any.

    Runs in progress go back into the queue, or are paused if they were a command's own.

    Raises
    ------
    StoreError
        If the engine does not end, or is not a process of this machine and user.
    """
    engine = engine_process(store)
    if engine is None:
        return None
    with suppress(psutil.NoSuchProcess):  # it has just ended by itself
        engine.terminate()
        engine.resume()  # one that was suspended, as by Ctrl-Z, hears of it only then
    deadline = time.monotonic() + _END_SECONDS
    while store.engine() == engine.pid:
        if time.monotonic() > deadline:
            raise StoreError(f"The engine {engine.pid} did not end within {_END_SECONDS} s.")
        time.sleep(_LOOK_SECONDS)
    ended: int = engine.pid
    return ended
