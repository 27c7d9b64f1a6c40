"""Time per epoch against width and against tasks learned: `python -m benchmarks.scaling [--json FILE] [--plot FILE]`.

Permuted MNIST on 784-w-w-10. Each epoch of CLNP's training is followed by one of the plain loop, so that what else the
machine does falls on both. By width: the first task, from an epoch in which every neuron takes part to one after what
died has left. By tasks learned: ten tasks in sequence on zenke-mlp, each from its first epoch on.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.plain import Plain
from benchmarks.setting import settings_of, stream_of
from clnp_core.analysis import figures
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import Epoch, Hooks, Hyperparameters
from clnp_core.networks import partition
from clnp_core.networks.architectures import ARCHITECTURES, Architecture, Dense
from clnp_core.networks.network import Network, initial
from clnp_core.runs.spec import preset
from clnp_core.tasks.streams import Task

WIDTHS = (500, 1000, 2000, 4000)


def measure(tasks: int, epochs: int, plot: Path | None) -> dict[str, Any]:
    """Time both; print a table each."""
    spec = preset("permuted-mnist-quick", {"stream.tasks": tasks, "epochs": epochs, "patience": epochs})
    settings, stream = settings_of(spec), stream_of(spec)

    by_width = []
    for width in WIDTHS:
        layers = (Dense("layer 1", width), Dense("layer 2", width))
        architecture = Architecture(f"mlp-{width}", (1, 28, 28), layers, 10)
        _, row = _learned(initial(architecture, "single"), Plain(architecture, settings, 0), stream.task(1), settings)
        by_width.append({"width": width, **row})
    report.table(by_width)

    by_tasks = []
    network = initial(ARCHITECTURES["zenke-mlp"], "single")
    plain = Plain(network.architecture, settings, 0)
    for number in range(1, tasks + 1):
        free = "/".join(str(partition.free_count(owner)) for owner in network.owners)
        network, row = _learned(network, plain, stream.task(number), settings, spec.margin)
        by_tasks.append({"task": number, "free before": free, **row})
    report.table(by_tasks)
    if plot:
        figures.save(figures.training_speed(by_width, by_tasks), plot)
    return {"by width": by_width, "by tasks learned": by_tasks}


def _learned(
    network: Network, plain: Plain, task: Task, settings: Hyperparameters, margin: float = 0.0
) -> tuple[Network, dict[str, Any]]:
    ours: list[float] = []
    others: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        ours.append(epoch.seconds)
        others.append(plain.epoch(task))

    plain.begin_task()
    with computing(network.architecture.threads):
        candidates = clnp.fit_candidates(clnp.candidate_jobs(network, task, [settings], 0, [Hooks(on_epoch)]))
    choice = clnp.choose_candidate(candidates, network, task.validation, Pruning(margin))
    network, _ = clnp.prune_and_commit(network, candidates[0], choice)
    usual = statistics.median(others)
    return network, {
        "first epoch s": ours[0],
        "last epoch s": ours[-1],
        "plain epoch s": usual,
        "first / plain": ours[0] / others[0],
        "mean / plain": sum(ours) / sum(others),
    }


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        tasks={"type": int, "default": 10},
        epochs={"type": int, "default": 4},
        plot={"type": Path, "metavar": "FILE"},
    )
