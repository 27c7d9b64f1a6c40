"""The threshold scan against full-width evaluation: `python -m benchmarks.scan [--json FILE]`.

A zenke-mlp candidate on permuted MNIST, 100 thresholds, 5,000 validation samples; by turns one scan and one evaluation
of the whole network at full width. The candidate as training leaves it, and the hardest case: no neuron has died.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks import report
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp, sparsify
from clnp_core.methods.training import Epoch, Hooks, accuracy
from clnp_core.networks.network import initial
from clnp_core.networks.subnetwork import Trainable
from clnp_core.runs.spec import preset
from clnp_core.tasks.streams import Task


def measure(epochs: int, rounds: int) -> dict[str, Any]:
    """Time both; print a row per candidate."""
    spec = preset("permuted-mnist-paper", {"stream.tasks": 1, "epochs": epochs, "patience": epochs})
    settings, task = settings_of(spec), stream_of(spec).task(1)
    told: list[Epoch] = []
    with computing(spec.architecture.threads):
        jobs = clnp.candidate_jobs(initial(spec.architecture, "single"), task, [settings], 0, [Hooks(told.append)])
        whole = jobs[0].network
        (candidate,) = clnp.fit_candidates(jobs)
        epoch = statistics.median(each.seconds for each in told)
        rows = [
            _compared("trained", candidate.network, whole, task, rounds, epoch),
            _compared("nothing dead", whole, whole, task, rounds, epoch),
        ]
    report.table(rows)
    return {"rows": rows, "epoch seconds": epoch}


def _compared(name: str, network: Trainable, whole: Trainable, task: Task, rounds: int, epoch: float) -> dict[str, Any]:
    measured = sparsify.activities(network, task.train)
    scans, evaluations = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        points = sparsify.scan(network, measured, task.validation)
        between = time.perf_counter()
        accuracy(whole, task.validation)
        scans.append(between - start)
        evaluations.append(time.perf_counter() - between)
    scan, evaluation = statistics.median(scans), statistics.median(evaluations)
    return {
        "candidate": name,
        "neurons": "/".join(str(len(free)) for free in network.free),
        "thresholds": len(points),
        "scan s": scan,
        "full-width evaluation s": evaluation,
        "per threshold / evaluation": scan / len(points) / evaluation,
        "scan / training epoch": scan / epoch,
    }


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        epochs={"type": int, "default": 6},
        rounds={"type": int, "default": 9},
    )
