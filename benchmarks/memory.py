"""Peak memory of a permuted-MNIST run: `python -m benchmarks.memory [--json FILE]`.

`clnp run` as a user starts it, in a store of its own, with its engine and its workers. Looked at ten times a second:
the proportional set size (a shared page counts for each by its share) of all its processes together.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil

from benchmarks import report


def measure(preset: str, tasks: int, epochs: int) -> dict[str, Any]:
    """Run, watch, print the peak."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "clnp_core.cli", "run", preset, "--tasks", str(tasks), "--store", folder]
        command += ["--set", f"epochs={epochs}"]
        run = psutil.Popen(command, stdout=subprocess.DEVNULL)
        peak, processes = 0.0, 0
        while run.poll() is None:
            now = [_gibibytes(process) for process in (run, *run.children(recursive=True))]
            if sum(now) > peak:
                peak, processes = sum(now), len(now)
            time.sleep(0.1)
    assert run.returncode == 0
    report.table([{"preset": preset, "tasks": tasks, "epochs": epochs, "processes": processes, "peak GiB": peak}])
    return {"peak GiB": peak, "processes": processes}


def _gibibytes(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / 2**30
    except psutil.Error:
        return 0.0  # it ended between being listed and being looked at


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        preset={"default": "permuted-mnist"},
        tasks={"type": int, "default": 3},
        epochs={"type": int, "default": 2},
    )
