"""How long a list of many runs takes: `python -m benchmarks.listing [--json FILE]`.

`clnp list` as a process of its own on a store with 200 runs and on an empty one, by turns, medians.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import report
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store

RUNS = 200


def seconds(store: Store) -> float:
    command = [sys.executable, "-m", "clnp_core.cli", "list", "--store", str(store.location)]
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, Any]:
    """Time both; print the medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        stores = {f"{count} runs": Store(Path(folder) / str(count)) for count in (RUNS, 0)}
        many, none = stores
        for seed in range(RUNS):
            stores[many].add(preset("digits", {"seed": seed}))
        taken: dict[str, list[float]] = {name: [] for name in stores}
        for _ in range(rounds):
            for name, store in stores.items():
                taken[name].append(seconds(store))
    median = {name: statistics.median(times) for name, times in taken.items()}
    ratio = median[many] / median[none]
    report.table([{"store": name, "median s": value} for name, value in median.items()])
    report.table([{"compared": f"{many} / {none}", "ratio": ratio}])
    return {"seconds": taken, "ratio": ratio}


if __name__ == "__main__":
    report.main(__doc__, measure, rounds={"type": int, "default": 5})
