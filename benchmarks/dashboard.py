"""What the app costs its server: `python -m benchmarks.dashboard [--minutes M] [--sessions N] [--json FILE]`.

The app on a store of 50 runs of digits (two tasks in three epochs; seeds, and forks with other margins):

- a page switch, for every page: one visitor, the median of many, from the request until the server has drawn the page,
  and for the Lab once more when its list has 200 runs;
- a running page: one visitor of the Lab, which is drawn twice a second while a run is learning, in CPU time;
- many visitors at once, for minutes, while that run goes on: each turns to the next page every few seconds, and what is
  live is drawn as often as a browser would ask. Times of all requests, and the server's memory.

Visitors speak Streamlit's protocol over websockets, and say that they have kept nothing, so that the server sends all.
`--minutes 1 --sessions 8` is enough to see whether something is wrong.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import report
from benchmarks.visitor import Visitor, crowd, serving, switch_times, visiting
from clnp_core.runs.background import end_engine, ensure_engine
from clnp_core.runs.spec import RunSpec, fork, preset
from clnp_core.runs.store import Store

SHORT = {"stream.tasks": 2, "epochs": 3, "single_task": False}
SEEDS, MARGINS = 5, 10
MANY_RUNS = 200
# A network so wide that an epoch takes about a second, as on larger data, and trained so that no neuron dies: or it
# would soon be a narrow one.
WIDE = {"kind": "dense", "width": 4000}
NETWORK = {
    "name": "wide",
    "input_shape": [1, 8, 8],
    "hidden": [WIDE | {"name": f"layer {n}"} for n in (1, 2)],
    "outputs": 10,
}
GENTLY = {"lambda": {"1": 0.0, "2": 0.0, "output": 0.0}, "learning_rate": 1e-4}
# Longer than anybody measures.
LONG = {"stream.tasks": 10, "single_task": False, "network": NETWORK, "epochs": 10_000, "patience": 10_000, **GENTLY}

SWITCHES = 9
RUNNING_SECONDS = 30
STAY_SECONDS = 5
WATCH_SECONDS = 2


def measure(minutes: float, sessions: int) -> dict[str, Any]:
    """Measure all of it; print what came out beside what was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        ensure_engine(store)
        try:
            _learn(store, _specs())
            with serving(store.location) as (address, server):
                figures = asyncio.run(_visits(store, address, server, minutes, sessions))
        finally:
            end_engine(store)
    report.table(_pages(figures["switches"]))
    report.table(_beside_what_was_asked(figures["running"], figures["load"]))
    return figures


def _specs() -> list[RunSpec]:
    """Runs that share what they can."""
    bases = [preset("digits", SHORT | {"seed": seed}) for seed in range(SEEDS)]
    margins = [round(0.01 + 0.005 * number, 3) for number in range(1, MARGINS)]
    return [*bases, *(fork(base, 2, {"margin": margin}) for base in bases for margin in margins)]


def _learn(store: Store, specs: list[RunSpec]) -> None:
    runs = list(map(store.add, specs))
    while store.active():
        time.sleep(0.5)
    assert all(store.run(run).state == "finished" for run in runs)


async def _visits(store: Store, address: str, server: psutil.Process, minutes: float, sessions: int) -> dict[str, Any]:
    async with visiting(address) as visitor:
        switches = await switch_times(visitor, 1 + SWITCHES)
        assert not visitor.problems, visitor.problems
    run = store.add(preset("digits", LONG))
    while not store.epochs(run):
        await asyncio.sleep(0.2)
    async with visiting(address) as visitor:
        running = await _running(visitor, server, run)
    load = await _load(address, server, 60 * minutes, sessions)
    assert store.run(run).state == "running", store.run(run).error
    store.cancel(run)
    return {"switches": switches | await _long_list(store, address), "running": running, "load": load}


async def _long_list(store: Store, address: str) -> dict[str, list[float]]:
    """Switches to the Lab when its list is long. The runs that make it long never begin."""
    for seed in range(MANY_RUNS - len(store.runs())):
        store.cancel(store.add(preset("digits", SHORT | {"seed": 100 + seed})))
    async with visiting(address) as visitor:
        taken = [await visitor.open("") for _ in range(1 + SWITCHES)]
        assert not visitor.problems, visitor.problems
    return {f"lab, {MANY_RUNS} runs": taken}


async def _running(visitor: Visitor, server: psutil.Process, run: str) -> dict[str, Any]:
    """What one look at a run in progress takes of the server."""
    await visitor.open("", f"run={run}")
    await visitor.stay(STAY_SECONDS)
    before, start = _cpu_seconds(server), time.monotonic()
    ticks = await visitor.stay(RUNNING_SECONDS)
    share = (_cpu_seconds(server) - before) / (time.monotonic() - start)
    return {"ticks": ticks, "share of a core": share}


async def _load(address: str, server: psutil.Process, seconds: float, sessions: int) -> dict[str, Any]:
    """Many visitors at once, and what the server's memory does meanwhile."""
    before, start = _cpu_seconds(server), time.monotonic()
    watching = asyncio.create_task(watch(server, memory := []))
    turned, drawn = await crowd(address, sessions, seconds, STAY_SECONDS)
    watching.cancel()
    share = (_cpu_seconds(server) - before) / (time.monotonic() - start)
    return {"switches": turned, "ticks": drawn, "share of a core": share, "memory MiB": memory}


async def watch(server: psutil.Process, memory: list[float]) -> None:
    """Write down the memory of a process, in MiB, again and again until cancelled."""
    while True:
        memory.append(server.memory_info().rss / 2**20)
        await asyncio.sleep(WATCH_SECONDS)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _pages(switches: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The first switch to a page, which may ask the engine for something, stands apart."""
    return [
        {
            "page": page or "lab",
            "first ms": 1e3 * first,
            "median ms": 1e3 * statistics.median(others),
            "worst ms": 1e3 * max(others),
            "asked": "median < 300",
        }
        for page, (first, *others) in switches.items()
    ]


def _beside_what_was_asked(running: dict[str, Any], load: dict[str, Any]) -> list[dict[str, Any]]:
    requests, memory = np.array(load["switches"] + load["ticks"]), load["memory MiB"]
    half = memory[len(memory) // 2 :]
    rows = [
        ("a running page: share of a core, %", 100 * running["share of a core"], "< 5"),
        ("a running page: median of a tick, ms", 1e3 * statistics.median(running["ticks"]), ""),
        ("many visitors: requests", len(requests), ""),
        ("many visitors: median, ms", 1e3 * float(np.median(requests)), ""),
        ("many visitors: p95, ms", 1e3 * float(np.quantile(requests, 0.95)), "< 1000"),
        ("many visitors: p95 of page switches, ms", 1e3 * float(np.quantile(load["switches"], 0.95)), ""),
        ("many visitors: share of a core, %", 100 * load["share of a core"], ""),
        ("memory half way, MiB", half[0], ""),
        ("memory at the end, MiB", half[-1], "flat"),
    ]
    return [{"what": what, "measured": measured, "asked": asked} for what, measured, asked in rows]


if __name__ == "__main__":
    report.main(__doc__, measure, minutes={"type": float, "default": 2.0}, sessions={"type": int, "default": 30})
