"""What shrinking progressively costs and saves: `python -m benchmarks.shrinking [--json FILE]`.

The same tasks learned with `shrink` "exact" and "progressive", by turns, over several seeds: digits in ten tasks, and
the first task of permuted-mnist-quick. Differences are progressive less exact, with their standard error over seeds.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

from benchmarks import report
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import accuracy
from clnp_core.networks import partition
from clnp_core.networks.network import initial
from clnp_core.networks.subnetwork import task_network
from clnp_core.runs.spec import RunSpec, preset

MODES = ("exact", "progressive")


def measure(seeds: int) -> dict[str, Any]:
    """Learn with both; print a row per preset and mode, and the differences."""
    figures = []
    for name, tasks in (("digits", 10), ("permuted-mnist-quick", 1)):
        learned: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
        for seed in range(seeds):
            for mode in MODES:
                learned[mode].append(learn(preset(name, {"seed": seed, "shrink": mode, "stream.tasks": tasks})))
        rows = [
            {"preset": name, "shrink": mode}
            | {key: statistics.mean(each[key] for each in learned[mode]) for key in learned[mode][0]}
            for mode in MODES
        ]
        pairs = list(zip(learned["exact"], learned["progressive"], strict=True))
        differences = [after["accuracy"] - before["accuracy"] for before, after in pairs]
        error = statistics.stdev(differences) / math.sqrt(seeds)
        seconds = [after["seconds"] / before["seconds"] for before, after in pairs]
        report.table(rows)
        print(
            f"accuracy {100 * statistics.mean(differences):+.2f} ± {100 * error:.2f} points, "
            f"{statistics.median(seconds):.2f} of the time\n"
        )
        figures.append({"rows": rows, "differences": differences, "standard error": error, "time ratios": seconds})
    return {"presets": figures}


def learn(spec: RunSpec) -> dict[str, float]:
    """Learn a run's tasks in this process: mean test accuracy, free share of each layer, seconds."""
    settings, stream = settings_of(spec), stream_of(spec)
    network = initial(spec.architecture, spec.head)
    reached = []
    start = time.perf_counter()
    with computing(spec.architecture.threads):
        for number in range(1, spec.stream.tasks + 1):
            task = stream.task(number)
            candidates = clnp.fit_candidates(clnp.candidate_jobs(network, task, [settings], spec.seed))
            choice = clnp.choose_candidate(candidates, network, task.validation, Pruning(spec.margin))
            network, _ = clnp.prune_and_commit(network, candidates[0], choice)
            reached.append(accuracy(task_network(network, number), task.test))
    free = [partition.free_count(owner) / len(owner) for owner in network.owners]
    return {
        "accuracy": statistics.mean(reached),
        "free 1": free[0],
        "free 2": free[1],
        "seconds": time.perf_counter() - start,
    }


if __name__ == "__main__":
    report.main(__doc__, measure, seeds={"type": int, "default": 5})
