"""CLNP's training against plain PyTorch: `python -m benchmarks.training [--json FILE]`.

Permuted MNIST at a preset's λ and learning rate (by default the paper's), 3 tasks of 12 epochs. After every epoch of
the one an epoch of the other, in one process:

- CLNP: training, activities, threshold scan, margin rule and commit, with everything that shrinks;
- plain: the same network in a plain loop: data in memory, indexed batches, fused Adam, L1 in the loss, no masks.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks import report
from benchmarks.plain import Plain
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import Epoch, Hooks, Hyperparameters, accuracy
from clnp_core.networks.network import Network, initial
from clnp_core.networks.subnetwork import task_network
from clnp_core.runs.spec import preset
from clnp_core.tasks.streams import Task


def measure(name: str, tasks: int, epochs: int, seeds: list[int], shrink: str) -> dict[str, Any]:
    """Time both; print a row per task."""
    rows = []
    for seed in seeds:
        length = {"stream.tasks": tasks, "epochs": epochs, "patience": epochs}
        spec = preset(name, {**length, "seed": seed, "shrink": shrink})
        settings, stream = settings_of(spec), stream_of(spec)
        plain, network = Plain(spec.architecture, settings, seed), initial(spec.architecture, "single")
        with computing(spec.architecture.threads):
            for number in range(1, tasks + 1):
                task = stream.task(number)
                network, row = _task(network, plain, task, settings, spec.margin, seed)
                rows.append({"seed": seed, "task": number} | row)
    report.table(rows)
    ratio = sum(row["CLNP s"] for row in rows) / sum(row["plain s"] for row in rows)
    print(f"CLNP / plain, total time: {ratio:.3f}")
    return {"rows": rows, "ratio": ratio}


def _task(
    network: Network, plain: Plain, task: Task, settings: Hyperparameters, margin: float, seed: int
) -> tuple[Network, dict[str, Any]]:
    """One task, an epoch of the one after an epoch of the other."""
    epochs: list[tuple[float, float]] = []
    plain.begin_task()

    def on_epoch(epoch: Epoch) -> None:
        epochs.append((epoch.seconds, plain.epoch(task)))

    start = time.perf_counter()
    jobs = clnp.candidate_jobs(network, task, [settings], seed, [Hooks(on_epoch)])
    candidates = clnp.fit_candidates(jobs)
    choice = clnp.choose_candidate(candidates, network, task.validation, Pruning(margin))
    network, learned = clnp.prune_and_commit(network, candidates[0], choice)
    others = sum(seconds for _, seconds in epochs)
    ours = time.perf_counter() - start - others
    return network, {
        "CLNP s": ours,
        "plain s": others,
        "ratio": ours / others,
        "first epoch": epochs[0][0] / epochs[0][1],
        "median epoch": statistics.median(one / other for one, other in epochs),
        "last epoch": epochs[-1][0] / epochs[-1][1],
        "CLNP test": accuracy(task_network(network, task.number), task.test),
        "plain test": accuracy(plain.network, task.test),
        "claimed": "/".join(map(str, learned.claimed)),
    }


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        preset={"dest": "name", "default": "permuted-mnist"},
        tasks={"type": int, "default": 3},
        epochs={"type": int, "default": 12},
        seeds={"type": int, "nargs": "+", "default": [0]},
        shrink={"choices": ("exact", "progressive"), "default": "exact"},
    )
