"""A sweep of whole sequences, and what sharing saves: `python -m benchmarks.sweep [--json FILE]`.

Digits, 10 tasks, 5 λ of layer 2 × 4 margins m, in a store of its own, on the engine's own workers: the table, the time
from the first run's start to the last one's end, the starting of the workers included, and how many stages the
sequences consist of, how many differ, and how many were computed twice. What sharing saves is an estimate: the seconds
of the stages of all sequences as if each had computed its own, over the seconds of those that were computed.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import report
from clnp_core.runs import sweep
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.store import Store

AXES = {"lambda.2": [5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3], "margin": [0.0, 0.005, 0.01, 0.02]}


def measure(tasks: int) -> dict[str, Any]:
    """Carry the sweep out once; print its table and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        asked = sweep.ask(store, AXES, sweep.sequences("digits", {"stream.tasks": tasks}, AXES))
        runs = [run.id for run in store.sweep_runs(asked).values()]
        start = time.perf_counter()
        asyncio.run(Engine(store).serve(until=runs))
        seconds = time.perf_counter() - start
        frame = sweep.table(store, asked)
        parts = [stage for run in runs for stage in store.stages(run)]
    assert set(frame["state"]) == {"finished"}
    stages = {stage["key"]: stage for stage in parts}
    alone = sum(stage["seconds"] for stage in parts)
    taken = sum(stage["seconds"] for stage in stages.values())
    figures = {
        "wall s": seconds,
        "stages of all sequences": len(parts),
        "stages computed": sum(stage["computed"] for stage in stages.values()),
        "computed twice": sum(stage["computed"] > 1 for stage in stages.values()),
        "stage s, without sharing (estimate)": alone,
        "stage s, computed": taken,
        "without sharing / computed (estimate)": alone / taken,
    }
    shown = frame.assign(**{path: frame[path].map("{:g}".format) for path in AXES})
    report.table(shown.drop(columns=["run", "state"]).to_dict("records"))
    report.table([{"measured": name, "value": value} for name, value in figures.items()])
    return figures | {"table": frame.to_dict("records")}


if __name__ == "__main__":
    report.main(__doc__, measure, tasks={"type": int, "default": 10})
