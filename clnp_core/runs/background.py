"""Runs in processes of their own, so that closing the browser or the app does not end them. Imports no torch."""

import subprocess
import sys

from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store


def start(store: Store, spec: RunSpec) -> str:
    """Ask for a run and start a process that carries it out. Returns the run's id at once.

    The process outlives its parent. What it prints goes to `log.txt` in the run's folder.
    """
    run = store.add(spec)
    command = [sys.executable, "-m", "clnp_core.cli", "work", run, "--store", str(store.location)]
    with open(store.folder(run) / "log.txt", "wb") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    return run
