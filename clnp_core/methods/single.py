"""Each task trained alone, from scratch: the reference line that a continual learner is held against ('From scratch').

No L1 and no pruning; otherwise the same optimiser, batches, epochs and early stopping as the task gets in a sequence
(the row 'Single Task SGD' of Table 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from clnp_core.methods.method import (
    Candidate,
    Learned,
    Lesson,
    Method,
    Predictor,
    Pruning,
    commit_whole,
    fit_plainly,
    jobs_on,
    most_accurate,
)
from clnp_core.methods.training import Hooks, Hyperparameters, Job, accuracy, no_pulse, train
from clnp_core.networks.network import Network, initial, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, trainable
from clnp_core.seeds import derive_seed


def start(lesson: Lesson) -> Trainable:
    """The whole network, freshly initialised; nothing is left of the tasks before."""
    fresh = initial(lesson.network.architecture, lesson.network.head)
    return trainable(reinitialise_free(fresh, derive_seed(lesson.seed, "initial weights", lesson.task)))


def jobs(lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
    """As `Method.jobs`."""
    return jobs_on(lesson, start(lesson), grid, hooks)


def settle(
    lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
) -> tuple[Network, Learned]:
    """The most accurate candidate's network, which knows this task and no other."""
    place = most_accurate(lesson.task, candidates)
    winner = candidates[place]
    fresh = initial(lesson.network.architecture, lesson.network.head)
    network = commit_whole(fresh, winner.network)
    return replace(network, tasks=lesson.task), Learned(
        lesson.task, place, winner.hyperparameters, winner.curve.accuracy
    )


def predictor(network: Network, task: int) -> Predictor | None:
    """As `Method.predictor`: of the last task only."""
    return (lambda x: replace(network, tasks=1).logits(1, x)) if task == network.tasks else None


METHOD = Method(start, jobs, fit_plainly, settle, predictor)


def accuracies(jobs: Sequence[Job], pulse: Callable[[], None] = no_pulse) -> list[float]:
    """Test accuracy of each training, a fraction."""
    return [accuracy(trained.network, job.task.test) for job, trained in zip(jobs, train(jobs, pulse), strict=True)]
