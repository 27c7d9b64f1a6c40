"""How long a list of many runs takes: `python -m benchmarks.listing [--json FILE]`.

`clnp list` as a process of its own on a store with 200 runs and on an empty one, by turns, medians. And the Lab with
1,100 finished runs of ten tasks, which nobody trained: what its list asks of the store, and the page, from the request
until the server has drawn it, in seconds of the clock and of the processor.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks import report
from benchmarks.visitor import serving, visiting
from clnp_core.runs.fold.results import Record
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store

RUNS = 200
MANY_RUNS, TASKS = 1100, 10
BY_CLASS = {
    "classes": list(range(10)),
    "training": [100] * 10,
    "validation": [20] * 10,
    "test": [36] * 10,
    "answered": [36] * 10,
    "right": [34] * 10,
}


def seconds(store: Store) -> float:
    command = [sys.executable, "-m", "clnp_core.cli", "list", "--store", str(store.location)]
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, Any]:
    """Time all; print the medians, and the ratio of the first two."""
    with tempfile.TemporaryDirectory() as folder:
        stores = {f"{count} runs": Store(Path(folder) / str(count)) for count in (RUNS, 0)}
        many, none = stores
        for seed in range(RUNS):
            stores[many].add(preset("digits", {"seed": seed}))
        taken: dict[str, list[float]] = {name: [] for name in stores}
        for _ in range(rounds):
            for name, store in stores.items():
                taken[name].append(seconds(store))
        lab = _lab(Store(Path(folder) / str(MANY_RUNS)), rounds)
    median = {name: statistics.median(times) for name, times in taken.items()}
    ratio = median[many] / median[none]
    report.table([{"store": name, "median s": value} for name, value in median.items()])
    report.table([{"compared": f"{many} / {none}", "ratio": ratio}])
    report.table(
        [
            {f"{MANY_RUNS} runs": name, "median ms": clock, "of the processor": processor, "asked": "< 300"}
            for name, (clock, processor) in lab.items()
        ]
    )
    return {"seconds": taken, "ratio": ratio, "lab": lab}


def _lab(store: Store, rounds: int) -> dict[str, tuple[float, float]]:
    """What the list asks of the store, and the page at the server: median milliseconds of clock and processor."""
    for seed in range(MANY_RUNS):
        spec = preset("digits", {"seed": seed, "single_task": False})
        records = [_record(task) for task in range(1, TASKS + 1)]
        store.add_imported(
            f"digits-{seed:06x}", spec, "0" * 64, records, summarise(spec, records, 30.0), [], [], "", "made up"
        )

    def asked() -> None:
        store.runs()
        store.reached()

    asked()  # specifications are parsed once
    query = [_timed(asked, psutil.Process()) for _ in range(rounds)]
    with serving(store.location) as (address, server):
        page = asyncio.run(_visits(address, server, rounds))
    return {
        name: tuple(1e3 * statistics.median(times) for times in zip(*taken, strict=True))
        for name, taken in (("its list's query", query), ("the page", page))
    }


async def _visits(address: str, server: psutil.Process, rounds: int) -> list[tuple[float, float]]:
    async with visiting(address) as visitor:
        taken = []
        for _ in range(rounds):
            before = _processor(server)
            clock = await visitor.open("")
            taken.append((clock, _processor(server) - before))
        assert not visitor.problems, visitor.problems
    return taken


def _timed(act: Callable[[], object], process: psutil.Process) -> tuple[float, float]:
    before, start = _processor(process), time.perf_counter()
    act()
    return time.perf_counter() - start, _processor(process) - before


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _record(task: int) -> Record:
    """Of a task of digits, as if it had been learned."""
    learned = {"task": task, "validation_accuracy": 0.95, "accuracy": [0.95] * task, "by_class": {task: BY_CLASS}}
    layers = {"widths": [400, 400], "free": [400 - 20 * task, 400 - 10 * task], "claimed": [20, 10], "reused": [5, 0]}
    settings = {"theta": [0.1, 0.1], "lambda": [1e-5, 1e-3, 3e-4], "learning_rate": 0.02}
    return Record.model_validate(learned | layers | settings | {"notes": [], "fingerprint": "f" * 64})


if __name__ == "__main__":
    report.main(__doc__, measure, rounds={"type": int, "default": 5})
