"""A job array that is killed again and again: `python -m benchmarks.jobs [--jobs N] [--kills N] [--json FILE]`.

So many `clnp run digits`, of seeds 0 and up, begin at the same instant on a store that is not there yet. At random one
is killed, every other time the one whose engine serves the others, and begun again. All have to end well, and each
run has to be identical to its undisturbed twin in another store.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import report
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store

CHANGES = {"stream.tasks": 2, "epochs": [12, 3], "patience": None, "single_task": False}
SETTINGS = ["stream.tasks=2", "epochs=[12,3]", "patience=null", "single_task=false"]


def carry_out(store: Path, jobs: int, kills: int, dice: random.Random, pause: float) -> dict[str, Any]:
    """Have the jobs carried out, with kills at random moments up to twice the pause, in seconds, apart.

    Returns how often jobs ended with which exit status.
    """
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, "-m", "clnp_core.cli", "run", "digits", *settings, "--store", str(store)]

    def begun(seed: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, "--seed", str(seed)], stdout=subprocess.DEVNULL)

    def is_finished(seed: int) -> bool:
        return any(run.spec.seed == seed and run.state == "finished" for run in Store(store).runs())

    status: dict[str, int] = {}
    processes = {seed: begun(seed) for seed in range(jobs)}
    try:
        while processes:
            time.sleep(dice.uniform(0, 2 * pause))
            for seed, process in list(processes.items()):
                if (ended := process.poll()) is not None:
                    status[f"exit {ended}"] = status.get(f"exit {ended}", 0) + 1
                    del processes[seed]
            if kills and processes:
                serving = [seed for seed, process in processes.items() if process.pid == Store(store).engine()]
                seed = serving[0] if serving and kills % 2 else dice.choice(list(processes))
                if not is_finished(seed):  # it would be asked for once more
                    kills -= 1
                    processes[seed].kill()
                    processes[seed].wait()
                    status["killed"] = status.get("killed", 0) + 1
                    processes[seed] = begun(seed)
    finally:
        for process in processes.values():
            process.kill()
    return status


def differences(store: Store, calm: Store, jobs: int, scheduler: str | None = None) -> list[str]:
    """Say what is not as it is in a store in which nothing is killed; runs it there first."""
    twins = {seed: calm.add(preset("digits", {**CHANGES, "seed": seed})) for seed in range(jobs)}
    asyncio.run(Engine(calm, scheduler).serve(until=list(twins.values())))
    told = [f"{run.id} is {run.state}" for run in store.runs() if run.state != "finished"]
    for seed, twin in twins.items():
        runs = [run.summary for run in store.runs() if run.spec == calm.run(twin).spec]
        expected = calm.run(twin).summary
        if len(runs) != 1 or expected is None:
            told.append(f"seed {seed} has {len(runs)} runs")
        elif runs[0] is None or runs[0].to_json() | {"seconds": 0} != expected.to_json() | {"seconds": 0}:
            told.append(f"the run of seed {seed} differs")
    return told


def measure(jobs: int, kills: int, seed: int) -> dict[str, Any]:
    """Carry the jobs out once; print how they ended and what differs."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        status = carry_out(Path(folder) / "killed", jobs, kills, random.Random(seed), 2.0)  # noqa: S311 - no secret
        seconds = time.perf_counter() - start
        told = differences(Store(Path(folder) / "killed"), Store(Path(folder) / "calm"), jobs)
    report.table([{"ended": how, "times": times} for how, times in status.items()])
    print(f"{seconds:.0f} s; " + ("; ".join(told) or f"{jobs} runs finished, each identical to its undisturbed twin"))
    return status | {"wall s": seconds, "differences": told}


if __name__ == "__main__":
    numbers = {"jobs": 12, "kills": 24, "seed": 0}
    report.main(__doc__, measure, **{name: {"type": int, "default": number} for name, number in numbers.items()})
