"""What the engine costs and saves: `python -m benchmarks.engine [--json FILE]`.

- A grid of 8 digits candidates on one worker and on two, alternating; medians of the time from start to finish.
- The same grid again with another margin: every candidate is found, none is trained.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import dask
import torch
from dask.distributed import LocalCluster

from clnp_core.runs.engine import DASK_SETTINGS, Engine
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store

GRID = {"lambda.2": [5e-4, 1e-3, 1.5e-3, 2e-3], "learning_rate": [1e-2, 2e-2], "stream.tasks": 1}
ROUNDS = 3


def seconds(store: Store, spec: RunSpec, scheduler: str) -> float:
    """Time from the start of a run to its end, the workers being there already."""
    run = store.add(spec)
    asyncio.run(Engine(store, scheduler).serve(only=run))
    ended = store.run(run)
    assert ended.state == "finished", ended.error
    return ended.finished - ended.started


def measure() -> dict[str, Any]:
    dask.config.set(DASK_SETTINGS)
    spec = preset("digits", GRID | {"single_task": False})
    taken: dict[str, list[float]] = {"one worker": [], "two workers": [], "another margin": []}
    clusters = {
        name: LocalCluster(
            n_workers=count, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs="CRITICAL"
        )
        for name, count in (("one worker", 1), ("two workers", 2))
    }
    warm = preset("digits", {"stream.tasks": 1, "epochs": 1})
    with tempfile.TemporaryDirectory() as folder:
        for name, cluster in clusters.items():  # workers import torch with their first stage
            for seed in range(4):
                changed = warm.model_copy(update={"seed": seed})
                seconds(Store(Path(folder) / f"warm {name}"), changed, cluster.scheduler_address)
        for number in range(ROUNDS):
            for name, cluster in clusters.items():
                store = Store(Path(folder) / f"{name} {number}")
                taken[name].append(seconds(store, spec, cluster.scheduler_address))
            again = preset("digits", GRID | {"single_task": False, "margin": 0.05})
            taken["another margin"].append(seconds(store, again, clusters["two workers"].scheduler_address))
    for cluster in clusters.values():
        cluster.close()
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    start = time.perf_counter()
    median = measure()
    figures = {
        "date": date.today().isoformat(),
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "seconds": median,
        "two workers / one worker": median["two workers"] / median["one worker"],
        "another margin / two workers": median["another margin"] / median["two workers"],
        "measuring took": time.perf_counter() - start,
    }
    for name, value in median.items():
        print(f"{name:<30}{value:8.2f} s")
    for name in ("two workers / one worker", "another margin / two workers"):
        print(f"{name:<30}{figures[name]:8.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
