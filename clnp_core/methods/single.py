"""Training each task alone: the reference line that a continual learner is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from clnp_core.methods.clnp import candidate_jobs
from clnp_core.methods.training import NO_HOOKS, Hooks, Hyperparameters, Job, accuracy, no_pulse, train
from clnp_core.networks.architectures import Architecture
from clnp_core.networks.network import initial
from clnp_core.tasks.streams import Task


def single_task_job(
    architecture: Architecture,
    head: str,
    task: Task,
    hyperparameters: Hyperparameters,
    seed: int,
    hooks: Hooks = NO_HOOKS,
) -> Job:
    """The training of the whole network on one task and nothing else.

    No L1 and no pruning; otherwise the same optimiser, batches, epochs and early stopping as the task gets in a
    sequence (the row 'Single Task SGD' of Table 1).
    """
    plain = replace(hyperparameters, l1=(0.0,) * len(hyperparameters.l1))
    (job,) = candidate_jobs(initial(architecture, head), task, [plain], seed, [hooks])
    return job


def single_task_accuracies(jobs: Sequence[Job], pulse: Callable[[], None] = no_pulse) -> list[float]:
    """Test accuracy of each, a fraction."""
    return [accuracy(network, job.task.test) for job, (network, _) in zip(jobs, train(jobs, pulse), strict=True)]
