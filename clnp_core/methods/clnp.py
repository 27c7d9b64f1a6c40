"""CLNP, Algorithm 1 of the paper, as pure functions: fit candidates → choose → prune, fine-tune if asked → commit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods import sparsify
from clnp_core.methods.graceful import Choice, Curve, choose, highest_within, margin_floor
from clnp_core.methods.gradual import GradualPruner
from clnp_core.methods.method import (
    Candidate,
    Learned,
    Lesson,
    Method,
    Predictor,
    Pruning,
    Tuning,
    check_any_trained,
    place_of,
)
from clnp_core.methods.regularisers import L1
from clnp_core.methods.training import (
    NO_HOOKS,
    VALIDATION,
    Gradual,
    Hooks,
    Hyperparameters,
    Job,
    Measure,
    Pruner,
    best_unpruned,
    no_pulse,
    train,
)
from clnp_core.networks import partition
from clnp_core.networks.network import Network, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, commit, task_network, trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Split, Task


def _free_block(network: Network, task: int, seed: int) -> Trainable:
    return trainable(reinitialise_free(network, derive_seed(seed, "initial weights", task)))


def candidate_jobs(
    network: Network,
    task: Task,
    grid: Sequence[Hyperparameters],
    seed: int,
    hooks: Sequence[Hooks] | None = None,
) -> list[Job]:
    """The trainings of a grid of candidates: the network's free weights, on one task.

    Start and batches depend on the seed and the task alone, so that candidates differ by their hyper-parameters
    and by nothing else.
    """
    block = _free_block(network, task.number, seed).to(task.train.x.device)
    blocks = [_narrowed(block, point.gradual) for point in grid]
    draws = derive_seed(seed, "training", task.number)
    candidates = zip(blocks, grid, hooks or [NO_HOOKS] * len(grid), strict=True)
    return [
        Job(start, task, point, draws, own, L1(point.l1), pruner=_pruner(point, task))
        for start, point, own in candidates
    ]


def _narrowed(block: Trainable, gradual: Gradual | None) -> Trainable:
    """The block with the free neurons that begin a training; which ones is no matter, as all start at random."""
    if gradual is None or gradual.start_width is None:
        return block
    return block.keep([np.arange(len(free)) < gradual.start_width for free in block.free])


def _pruner(point: Hyperparameters, task: Task) -> Pruner:
    return GradualPruner(point.gradual, task.validation.y, point.measure) if point.gradual else Pruner()


def fit_candidates(jobs: Sequence[Job], pulse: Callable[[], None] = no_pulse) -> list[Candidate]:
    """Train candidates side by side, and scan the thresholds of each.

    Inside `arithmetic.computing`, with the threads of their architecture.
    """
    candidates = []
    for job, trained in zip(jobs, train(jobs, pulse), strict=True):
        block, reached = trained.network, trained.accuracy
        measured = sparsify.activities(block, job.task.train)
        points = []
        if not math.isnan(reached):
            points = sparsify.scan(block, measured, job.task.validation, pulse, job.hyperparameters.measure)
        block = block.to(torch.device("cpu"))
        gradual = job.hyperparameters.gradual
        curve = Curve(reached, points, best_unpruned(trained.epochs, gradual.first_epoch) if gradual else None)
        candidates.append(Candidate(job.hyperparameters, block, curve, measured))
    return candidates


def choose_candidate(
    candidates: Sequence[Candidate],
    network: Network,
    validation: Split,
    pruning: Pruning,
    pulse: Callable[[], None] = no_pulse,
) -> Choice:
    """The margin rule over the grid (section 2.2).

    A candidate that has been pruned and fine-tuned is the only one; it is pruned again down to the margin it was pruned
    to before.

    Parameters
    ----------
    candidates : sequence of Candidate
    network : Network
        The one they were all trained in.
    validation : Split
        Of the task they were trained on.
    pruning : Pruning
    pulse : callable

    Raises
    ------
    DivergedError
        If training diverged for every candidate.
    """
    before = candidates[0].pruned
    check_any_trained(network.tasks + 1, candidates)
    curves = [candidate.curve for candidate in candidates]
    floor = before.floor if before else margin_floor(curves, pruning.margin)
    if pruning.theta is not None or pruning.theta_mode == "per-layer":
        curves = [
            candidate.curve
            if candidate.curve.diverged
            else _repruned(candidate, network, validation, floor, pruning, pulse)
            for candidate in candidates
        ]
    choice = choose(curves, floor, network.architecture.widths)
    return replace(choice, candidate=before.candidate) if before else choice


def _activities(candidate: Candidate) -> sparsify.Activities:
    assert candidate.activities is not None  # `fit_candidates` measured them
    return candidate.activities


def _repruned(
    candidate: Candidate,
    network: Network,
    validation: Split,
    floor: float,
    pruning: Pruning,
    pulse: Callable[[], None],
) -> Curve:
    """The candidate pruned in one way only: at the θ given, or else at the best one per layer."""
    block, measured, curve = candidate.network, _activities(candidate), candidate.curve
    measure = candidate.hyperparameters.measure
    if pruning.theta is not None:
        theta = tuple(np.broadcast_to(pruning.theta, len(block.layers)).tolist())
        (point,) = sparsify.prune_at(block, measured, [theta], validation, pulse, measure)
    else:
        shared, room = highest_within(curve.points, floor), list(map(partition.free_count, network.owners))
        weights = pruning.layer_weights
        point = sparsify.sparsest_within(block, measured, validation, floor, shared, room, weights, pulse, measure)
    return replace(curve, points=[point])


def fine_tuning_job(
    candidate: Candidate, choice: Choice, task: Task, settings: Hyperparameters, seed: int, hooks: Hooks = NO_HOOKS
) -> Job:
    """The training of what is left of a candidate after pruning (section 3.2, 'CLNP + fine tuning')."""
    kept = sparsify.above(_activities(candidate).free, choice.point.theta)
    return Job(candidate.network.keep(kept).to(task.train.x.device), task, settings, seed, hooks, L1(settings.l1))


def fine_tuned(candidate: Candidate, choice: Choice, tuned: Candidate) -> Candidate:
    """What fine-tuning made of a candidate; it goes on under the hyper-parameters it was trained with at first."""
    return replace(tuned, hyperparameters=candidate.hyperparameters, pruned=choice)


def prune_and_commit(network: Network, candidate: Candidate, choice: Choice) -> tuple[Network, Learned]:
    """Give back the neurons whose activity is at most θ and claim the others for the task.

    One that has been fine-tuned was pruned at θ already: of what is left only neurons that died since are given back.
    """
    theta, reached = choice.point.theta, choice.point.accuracy
    if candidate.pruned:
        reached = candidate.curve.points[0].accuracy
    measured = _activities(candidate)
    kept = sparsify.above(measured.free, (0.0,) * len(theta) if candidate.pruned else theta)
    reused = sparsify.above(measured.reused, theta)
    committed = commit(network, candidate.network, kept)
    return committed, Learned(
        task=committed.tasks,
        candidate=choice.candidate,
        hyperparameters=candidate.hyperparameters,
        validation_accuracy=reached,
        theta=theta,
        claimed=tuple(int(np.count_nonzero(keep)) for keep in kept),
        reused=tuple(int(np.count_nonzero(active)) for active in reused),
        notes=tuple(_notes(network, choice, candidate.hyperparameters.measure)),
    )


def _notes(network: Network, choice: Choice, measure: Measure) -> Iterator[str]:
    if not partition.free_count(network.owners[-1]):
        yield (
            f"No neuron of {network.architecture.hidden[-1].name} was free: "
            "only the task's own head was trained (transfer learning)."
        )
    if not choice.within_margin:
        yield (
            f"Pruning at θ = {max(choice.point.theta):.4g} gives up more than the margin allows: {VALIDATION[measure]} "
            f"{choice.point.accuracy:.2%}, where {choice.floor:.2%} was the least."
        )


class Clnp(Method):
    """Continual learning via neural pruning."""

    about = "The paper's: each task keeps the few neurons it needs for good, and the next one trains what is left."
    place = 0
    partitions = prunes = exact = True

    def start(self, lesson: Lesson) -> Trainable:
        """The network's free weights, re-initialised."""
        return _free_block(lesson.network, lesson.task, lesson.seed)

    def jobs(self, lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
        """As `Method.jobs`."""
        task = lesson.stream.task(lesson.task).to(lesson.device)
        return candidate_jobs(lesson.network, task, grid, lesson.seed, hooks)

    def fit(self, jobs: Sequence[Job], pulse: Callable[[], None]) -> list[Candidate]:
        """As `Method.fit`; the thresholds of each are scanned."""
        return fit_candidates(jobs, pulse)

    def tune(
        self,
        lesson: Lesson,
        candidates: Sequence[Candidate],
        pruning: Pruning,
        tuning: Tuning,
        hooks: Hooks,
        pulse: Callable[[], None],
    ) -> Candidate:
        """As `Method.tune`; λ stays as it was."""
        task = lesson.stream.task(lesson.task)
        choice = choose_candidate(candidates, lesson.network, task.validation, pruning, pulse)
        winner = candidates[place_of(choice.candidate, candidates)]
        seed = derive_seed(lesson.seed, "fine-tuning", lesson.task, tuning.round)
        rate, epochs = tuning.learning_rate, tuning.epochs
        settings = replace(
            winner.hyperparameters, learning_rate=rate, epochs=epochs, patience=epochs, cooldown=0.0, gradual=None
        )
        job = fine_tuning_job(winner, choice, task.to(lesson.device), settings, seed, hooks)
        (tuned,) = fit_candidates([job], pulse)
        return fine_tuned(winner, choice, tuned)

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """Choose by the margin rule, prune at θ, and claim what is left."""
        choice = candidates[0].pruned
        if choice is None:
            choice = choose_candidate(candidates, lesson.network, lesson.stream.held_out(lesson.task), pruning, pulse)
        return prune_and_commit(lesson.network, candidates[place_of(choice.candidate, candidates)], choice)

    def predictor(self, network: Network, task: int) -> Predictor:
        """As `Method.predictor`: the task's own narrow network."""
        return task_network(network, task)


METHOD = Clnp()
