"""A run's specification as what the methods take, for benchmarks that learn in their own process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.method import Learned, Pruning
from clnp_core.methods.training import Hyperparameters, accuracy
from clnp_core.networks import partition
from clnp_core.networks.network import Network, initial
from clnp_core.networks.subnetwork import task_network
from clnp_core.runs.spec import RunSpec
from clnp_core.tasks.streams import Stream, Task, open_stream


def stream_of(spec: RunSpec) -> Stream:
    """The specification's tasks."""
    return open_stream(spec.stream.model_dump(mode="json"), spec.seed)


def settings_of(spec: RunSpec, task: int = 1) -> Hyperparameters:
    """The first candidate of its grid, for that task."""
    l1, rate, _ = spec.grid[0]
    epochs = spec.epochs_of(task)
    return Hyperparameters(
        l1,
        rate,
        spec.cooldown,
        spec.batch_size,
        epochs,
        spec.patience,
        spec.shrink,
        spec.cache_mb,
        gradual=spec.gradual_training,
    )


def learn(spec: RunSpec) -> dict[str, float]:
    """Learn a run's tasks in this process: mean test accuracy, free share of each layer, seconds."""
    start = time.perf_counter()
    network, _, reached = learned(spec)
    free = {
        f"free {number}": partition.free_count(owner) / len(owner)
        for number, owner in enumerate(network.owners, start=1)
    }
    return {"accuracy": statistics.mean(reached), **free, "seconds": time.perf_counter() - start}


def learned(
    spec: RunSpec,
    first: RunSpec | None = None,
    seen: Callable[[Task], Task] = lambda task: task,
) -> tuple[Network, list[Learned], list[float]]:
    """Learn a run's tasks in this process: the network, what each task came to, and its test accuracy.

    Parameters
    ----------
    spec : RunSpec
    first : RunSpec, optional
        Has other hyper-parameters for task 1.
    seen : callable
        What becomes of each task before it is learned.
    """
    stream, network = stream_of(spec), initial(spec.architecture, spec.head)
    each: list[Learned] = []
    reached = []
    with computing(spec.architecture.threads):
        for number in range(1, spec.stream.tasks + 1):
            task = seen(stream.task(number))
            settings = settings_of(first if first and number == 1 else spec, number)
            jobs = clnp.candidate_jobs(network, task, [settings], spec.seed)
            candidates = clnp.fit_candidates(jobs)
            pruning = Pruning(spec.margin, spec.theta_mode)
            choice = clnp.choose_candidate(candidates, network, task.validation, pruning)
            network, what = clnp.prune_and_commit(network, candidates[0], choice)
            each.append(what)
            reached.append(accuracy(task_network(network, number), task.test))
    return network, each, reached
