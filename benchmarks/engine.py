"""What the engine costs and saves: `python -m benchmarks.engine [--json FILE]`.

Digits, one task, times of a run from start to finish, by turns, medians:

- a grid of 8 candidates on one worker and on two;
- the same grid again with another margin: every candidate is found, none is trained;
- a grid of 16 candidates on two workers, and single candidates of it;
- how long a run takes to stop, asked to pause in the middle of a training whose epochs take seconds;
- three tasks, beside what was told of them after another run's first task.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import dask
from dask.distributed import LocalCluster

from benchmarks import report
from clnp_core.runs.engine.cluster import DASK_SETTINGS
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.estimate import estimate
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store

OUTER, INNER = [1e-5, 1e-4], [5e-4, 7e-4, 1e-3, 1.5e-3]
GRID = {"lambda.2": [5e-4, 1e-3, 1.5e-3, 2e-3], "learning_rate": [1e-2, 2e-2]}
LARGE = {"lambda.1": OUTER, "lambda.2": INNER, "lambda.output": [1e-4, 3e-4]}
SINGLE = [{"lambda.1": outer, "lambda.2": inner} for outer in OUTER for inner in INNER]


def seconds(store: Store, spec: RunSpec, scheduler: str) -> float:
    """Time from the start of a run to its end, the workers being there already."""
    run = store.add(spec)
    asyncio.run(Engine(store, scheduler).serve(until=[run]))
    ended = store.run(run)
    assert ended.state == "finished", ended.error
    return ended.finished - ended.started


def stopping(store: Store, scheduler: str) -> float:
    """Time from asking a run to pause until it has, after its first epoch of many: batches of 4 make it long."""
    run = store.add(task({"epochs": 3000, "patience": 3000, "batch_size": 4}))

    async def scenario() -> float:
        serving = asyncio.create_task(Engine(store, scheduler).serve(until=[run]))
        while not store.epochs(run):
            await asyncio.sleep(0.05)
        store.pause(run)
        asked = time.monotonic()
        await serving
        return time.monotonic() - asked

    return asyncio.run(scenario())


def foretold(store: Store, scheduler: str) -> tuple[float, float]:
    """What a run of three tasks was to take after one of a single task, and what it took."""
    seconds(store, task({"epochs": 40, "patience": 40, "seed": 1}), scheduler)
    longer = task({"stream.tasks": 3, "epochs": 80, "patience": 80})
    return estimate(longer, store).seconds, seconds(store, longer, scheduler)


def task(changes: dict[str, Any]) -> RunSpec:
    return preset("digits", {"stream.tasks": 1, "single_task": False, **changes})


def measure(rounds: int) -> dict[str, Any]:
    """Time all of it; print the medians and their ratios."""
    dask.config.set(DASK_SETTINGS)
    names = (
        *("grid of 8, one worker", "grid of 8, two workers", "another margin", "grid of 16", "one candidate"),
        *("stopping", "three tasks, foretold", "three tasks"),
    )
    taken: dict[str, list[float]] = {name: [] for name in names}
    one, two = (
        LocalCluster(
            n_workers=count, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs="CRITICAL"
        )
        for count in (1, 2)
    )
    with tempfile.TemporaryDirectory() as folder:

        def add(name: str, changes: dict[str, Any], cluster: LocalCluster, store: Store) -> None:
            taken[name].append(seconds(store, task(changes), cluster.scheduler_address))

        for cluster in (one, two):  # workers import torch with their first stage
            for seed in range(4):
                warm = task({"epochs": 1, "seed": seed})
                seconds(Store(Path(folder) / "warm"), warm, cluster.scheduler_address)
        for number in range(rounds):
            add(names[0], GRID, one, Store(Path(folder) / f"one {number}"))
            store = Store(Path(folder) / f"two {number}")
            add(names[1], GRID, two, store)
            add(names[2], {**GRID, "margin": 0.05}, two, store)
            add(names[3], LARGE, two, Store(Path(folder) / f"large {number}"))
            for place, changes in enumerate(SINGLE):
                add(names[4], changes, two, Store(Path(folder) / f"single {number} {place}"))
            address = two.scheduler_address
            taken[names[5]].append(stopping(Store(Path(folder) / f"stopped {number}"), address))
            told, took = foretold(Store(Path(folder) / f"foretold {number}"), address)
            taken[names[6]].append(told)
            taken[names[7]].append(took)
    for cluster in (one, two):
        cluster.close()
    median = {name: statistics.median(times) for name, times in taken.items()}
    ratios = {
        "two workers / one worker": median[names[1]] / median[names[0]],
        "another margin / the first time": median[names[2]] / median[names[1]],
        "grid of 16 / one candidate": median[names[3]] / median[names[4]],
        "three tasks, foretold / taken": median[names[6]] / median[names[7]],
    }
    report.table([{"run": name, "median s": value} for name, value in median.items()])
    report.table([{"compared": name, "ratio": value} for name, value in ratios.items()])
    return {"seconds": taken, "ratios": ratios}


if __name__ == "__main__":
    report.main(__doc__, measure, rounds={"type": int, "default": 3})
