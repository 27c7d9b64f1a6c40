"""CLNP, Algorithm 1 of the paper, as pure functions: fit candidates → choose → prune and commit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from clnp_core.errors import DivergedError
from clnp_core.methods import sparsify
from clnp_core.methods.graceful import Choice, Curve, choose, margin_floor
from clnp_core.methods.training import NO_HOOKS, Hooks, Hyperparameters, Job, no_pulse, train
from clnp_core.networks import partition
from clnp_core.networks.network import Network, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, commit, trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Split, Task


@dataclass(frozen=True)
class Candidate:
    """One point of the grid, trained on one task.

    Attributes
    ----------
    hyperparameters : Hyperparameters
    network : Trainable
        Unpruned, less the neurons that died while it was trained.
    activities : Activities
        On the task's training set.
    curve : Curve
        Validation accuracy, unpruned and at every shared threshold.
    """

    hyperparameters: Hyperparameters
    network: Trainable
    activities: sparsify.Activities
    curve: Curve


@dataclass(frozen=True)
class Learned:
    """What learning one task came to.

    Attributes
    ----------
    task : int
    hyperparameters : Hyperparameters
        Of the winning candidate.
    theta : tuple of float
        Threshold of each hidden layer.
    validation_accuracy : float
        After pruning, a fraction.
    claimed, reused : tuple of int
        Per hidden layer: neurons this task claimed; earlier tasks' neurons whose activity on it is above θ.
    notes : tuple of str
        What a person should know about it, a sentence each.
    """

    task: int
    hyperparameters: Hyperparameters
    theta: tuple[float, ...]
    validation_accuracy: float
    claimed: tuple[int, ...]
    reused: tuple[int, ...]
    notes: tuple[str, ...]


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
    fresh = reinitialise_free(network, derive_seed(seed, "initial weights", task.number))
    block = trainable(fresh).to(task.train.x.device)
    draws = derive_seed(seed, "training", task.number)
    pairs = zip(grid, hooks or [NO_HOOKS] * len(grid), strict=True)
    return [Job(block, task, hyperparameters, draws, own) for hyperparameters, own in pairs]


def fit_candidates(jobs: Sequence[Job], pulse: Callable[[], None] = no_pulse) -> list[Candidate]:
    """Train candidates side by side, and scan the thresholds of each.

    Inside `arithmetic.computing`, with the threads of their architecture.
    """
    candidates = []
    for job, (block, reached) in zip(jobs, train(jobs, pulse), strict=True):
        measured = sparsify.activities(block, job.task.train)
        points = [] if math.isnan(reached) else sparsify.scan(block, measured, job.task.validation, pulse)
        block = block.to(torch.device("cpu"))
        candidates.append(Candidate(job.hyperparameters, block, measured, Curve(reached, points)))
    return candidates


def choose_candidate(
    candidates: Sequence[Candidate],
    network: Network,
    validation: Split,
    margin: float,
    theta_mode: str = "shared",
    theta: float | Sequence[float] | None = None,
) -> Choice:
    """The margin rule over the grid (section 2.2).

    Parameters
    ----------
    candidates : sequence of Candidate
    network : Network
        The one they were all trained in.
    validation : Split
        Of the task they were trained on.
    margin : float
        m, a fraction.
    theta_mode : {"shared", "per-layer"}
        One θ for all layers, as in the paper, or one for each.
    theta : float or sequence of float, optional
        Prune at this θ, instead of at the highest that the margin allows.

    Raises
    ------
    DivergedError
        If training diverged for every candidate.
    """
    curves = [candidate.curve for candidate in candidates]
    if all(curve.diverged for curve in curves):
        rates = sorted({candidate.hyperparameters.learning_rate for candidate in candidates})
        raise DivergedError(
            f"Task {network.tasks + 1}: training diverged with every learning rate tried "
            f"({', '.join(map(str, rates))}); give a lower learning_rate."
        )
    if theta is not None or theta_mode == "per-layer":
        layers = len(network.architecture.hidden)
        given = None if theta is None else tuple(np.broadcast_to(theta, layers).tolist())
        floor = margin_floor(curves, margin)
        curves = [
            candidate.curve if candidate.curve.diverged else _repruned(candidate, validation, floor, given)
            for candidate in candidates
        ]
    return choose(curves, margin, network.architecture.widths)


def _repruned(candidate: Candidate, validation: Split, floor: float, theta: tuple[float, ...] | None) -> Curve:
    """The candidate pruned in one way only: at the θ given, or else at the best one per layer."""
    block, measured = candidate.network, candidate.activities
    if theta is None:
        point = sparsify.scan_per_layer(block, measured, validation, floor)
    else:
        (point,) = sparsify.prune_at(block, measured, [theta], validation)
    return Curve(candidate.curve.accuracy, [point])


def prune_and_commit(network: Network, candidate: Candidate, choice: Choice) -> tuple[Network, Learned]:
    """Give back the neurons whose activity is at most θ and claim the others for the task."""
    point = choice.point
    kept = sparsify.above(candidate.activities.free, point.theta)
    reused = sparsify.above(candidate.activities.reused, point.theta)
    committed = commit(network, candidate.network, kept)
    return committed, Learned(
        task=committed.tasks,
        hyperparameters=candidate.hyperparameters,
        theta=point.theta,
        validation_accuracy=point.accuracy,
        claimed=tuple(int(np.count_nonzero(keep)) for keep in kept),
        reused=tuple(int(np.count_nonzero(active)) for active in reused),
        notes=tuple(_notes(network, choice)),
    )


def _notes(network: Network, choice: Choice) -> Iterator[str]:
    if not any(map(partition.free_count, network.owners)):
        yield "No neuron was free: only the task's own head was trained (transfer learning)."
    if not choice.within_margin:
        yield (
            f"Pruning at θ = {max(choice.point.theta):.4g} gives up more than the margin allows: validation accuracy "
            f"{choice.point.accuracy:.2%}, where {choice.floor:.2%} was the least."
        )
