"""What a method is to the engine and the measures: it trains candidates for a task, settles on one, and answers.

What a method has learned is a `Network`, whatever it makes of its owners and heads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from clnp_core.errors import DivergedError
from clnp_core.lazy import torch
from clnp_core.methods.graceful import Choice, Curve
from clnp_core.methods.sparsify import Activities
from clnp_core.methods.training import Hooks, Hyperparameters, Job, OptimiserState, Trained, train
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import Trainable, commit
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Stream

if TYPE_CHECKING:
    from torch import Tensor


OPTIMISER = "optimiser"
"""What `Method.carries` calls Adam's state."""

_MOST_LAMBDA = 1e18  # the square of more, which Adam averages, is infinite in 32 bits


@dataclass(frozen=True)
class Lesson:
    """One step of a method: a task, and what has been learned before it.

    Attributes
    ----------
    network : Network
        After the task before.
    stream : Stream
    task : int
        1 for the first; the last of the stream where a method learns all tasks at once.
    seed : int
        Of the run.
    device : torch.device
        Where to train.
    settings : Settings
        The method's own; where several are tried, those that are trained with. Candidates have theirs with them.
    """

    network: Network
    stream: Stream
    task: int
    seed: int
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    settings: Settings = field(default_factory=lambda: Settings())


@dataclass(frozen=True)
class Pruning:
    """How a trained candidate is pruned (section 2.2).

    Attributes
    ----------
    margin : float
        m, a fraction.
    theta_mode : {"shared", "per-layer"}
        One θ for all layers, as in the paper, or one for each.
    theta : float or sequence of float, optional
        Prune at this θ, instead of at the highest that the margin allows.
    layer_weights : sequence of float, optional
        What a free neuron of each hidden layer is worth where each has a θ of its own: the layer worth the most is
        freed first. By default that is the one that would be full first.
    """

    margin: float
    theta_mode: str = "shared"
    theta: float | Sequence[float] | None = None
    layer_weights: Sequence[float] | None = None


@dataclass(frozen=True)
class Candidate:
    """One point of the grid, trained on one task.

    Attributes
    ----------
    hyperparameters : Hyperparameters
    network : Trainable
        Unpruned, less the neurons that died while it was trained.
    curve : Curve
        Validation accuracy, unpruned and, where the method prunes, at every shared threshold.
    activities : Activities or None
        On the task's training set, where the method prunes.
    pruned : Choice or None
        How it was pruned before it was fine-tuned, where it was.
    settings : Settings
        The method's own that it was trained with, where it is to be settled on.
    memory : mapping of str to Trainable
        The regulariser's; where it is to be settled on, what `Method.carries` names.
    optimiser : OptimiserState or None
        Adam's; where it is to be settled on, if `Method.carries` names it.
    """

    hyperparameters: Hyperparameters
    network: Trainable
    curve: Curve
    activities: Activities | None = None
    pruned: Choice | None = None
    settings: Settings = field(default_factory=lambda: Settings())
    memory: Mapping[str, Trainable] = field(default_factory=dict)
    optimiser: OptimiserState | None = None


@dataclass(frozen=True)
class Learned:
    """What learning one task came to.

    Attributes
    ----------
    task : int
    candidate : int
        The winner's place in the grid.
    hyperparameters : Hyperparameters
        The winner's.
    validation_accuracy : float
        A fraction; after pruning, where the method prunes.
    theta : tuple of float
        Threshold of each hidden layer, where the method prunes.
    claimed, reused : tuple of int
        Per hidden layer, where the method partitions: neurons this task claimed; earlier tasks' neurons whose activity
        on it is above θ.
    notes : tuple of str
        What a person should know about it, a sentence each.
    """

    task: int
    candidate: int
    hyperparameters: Hyperparameters
    validation_accuracy: float
    theta: tuple[float, ...] = ()
    claimed: tuple[int, ...] = ()
    reused: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


Predictor = Callable[["Tensor"], "Tensor"]
"""Logits of one task: x [batch, inputs] → [batch, outputs]."""


@dataclass(frozen=True)
class Tuning:
    """One round of fine-tuning (section 3.2, 'CLNP + fine tuning').

    Attributes
    ----------
    learning_rate : float
    epochs : int
    round : int
        1 for the first.
    """

    learning_rate: float
    epochs: int
    round: int


class Settings(BaseModel):
    """A method's own settings, beside λ and learning rate. These are none.

    Each field has a range and, as its description, a sentence with the unit: they draw its form. Of a number, `int` or
    `float`, several may be tried, as of λ and learning rate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


_OwnSettings = Settings  # inside of `Method` that name is its attribute


class Method(ABC):
    """A continual-learning method. Its steps are pure; they are taken inside `arithmetic.computing`.

    Most methods keep the defaults: every candidate of the grid is trained on from where the task starts, the most
    accurate one is kept whole.

    Attributes
    ----------
    about : str
        What it does, in a sentence that a student understands.
    place : int
        Where it stands among the methods; those of the same place stand in the order of their names.
    partitions : bool
        Whether it claims neurons for a task: each has an owner, and a network that fills up can grow.
    prunes : bool
        Whether it trains with L1 and prunes neurons at a threshold on their activity: λ, θ, margin and fine-tuning have
        an effect.
    exact : bool
        Whether it promises that no earlier answer changes, to the bit: fingerprints are taken and checked.
    at_once : bool
        Whether it learns all tasks of a stream together, in one step.
    Settings : type of Settings
        Its own settings, with their ranges.

    Examples
    --------
    >>> class FromScratch(Method):
    ...     about = "A new network for every task."
    ...
    ...     def start(self, lesson):
    ...         fresh = initial(lesson.network.architecture, lesson.network.head, lesson.task - 1)
    ...         return trainable(reinitialise_free(fresh, lesson.seed))
    ...
    ...     def predictor(self, network, task):
    ...         return lambda x: network.logits(task, x)
    """

    about: ClassVar[str]
    place: ClassVar[int] = 100
    partitions: ClassVar[bool] = False
    prunes: ClassVar[bool] = False
    exact: ClassVar[bool] = False
    at_once: ClassVar[bool] = False
    Settings: ClassVar[type[Settings]] = Settings

    @abstractmethod
    def start(self, lesson: Lesson) -> Trainable:
        """Cut out what the lesson trains, as it starts."""

    @abstractmethod
    def predictor(self, network: Network, task: int) -> Predictor | None:
        """Give the answers of a network for a task; None where it cannot answer any more."""

    def carries(self, settings: _OwnSettings) -> tuple[str, ...]:
        """Name what `settle` needs of a training: of the regulariser's memory, and `OPTIMISER`. By default nothing."""
        return ()

    def jobs(self, lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
        """Plan the trainings of a grid of hyper-parameters, each with its hooks."""
        return jobs_on(lesson, self.start(lesson), grid, hooks)

    def fit(self, jobs: Sequence[Job], pulse: Callable[[], None]) -> list[Candidate]:
        """Train them, side by side where that is possible. `pulse` is called often, and may raise."""
        return [_candidate(job, trained) for job, trained in zip(jobs, train(jobs, pulse), strict=True)]

    def tune(
        self,
        lesson: Lesson,
        candidates: Sequence[Candidate],
        pruning: Pruning,
        tuning: Tuning,
        hooks: Hooks,
        pulse: Callable[[], None],
    ) -> Candidate:
        """Choose a candidate, prune it and train on what is left. Asked only of a method that prunes."""
        return candidates[most_accurate(lesson.task, candidates)]

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """Choose among the candidates and learn: the network after the lesson, and what it came to."""
        place = most_accurate(lesson.task, candidates)
        winner = candidates[place]
        network = commit_whole(lesson.network, winner.network)
        return network, Learned(lesson.task, place, winner.hyperparameters, winner.curve.accuracy)


def _candidate(job: Job, trained: Trained) -> Candidate:
    """What a training came to, on the processor."""
    here, state = torch.device("cpu"), trained.optimiser
    return Candidate(
        job.hyperparameters,
        trained.network.to(here),
        Curve(trained.accuracy, []),
        memory={name: network.to(here) for name, network in trained.memory.items()},
        optimiser=OptimiserState(state.average.to(here), state.square.to(here), state.steps),
    )


def jobs_on(lesson: Lesson, network: Trainable, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
    """The trainings of a grid that all start from the same network, on the lesson's task."""
    network, task = network.to(lesson.device), lesson.stream.task(lesson.task).to(lesson.device)
    draws = derive_seed(lesson.seed, "training", lesson.task)
    return [Job(network, task, point, draws, own) for point, own in zip(grid, hooks, strict=True)]


def commit_whole(network: Network, learned: Trainable) -> Network:
    """Write a trained task back with every neuron that is left, for methods that do not prune."""
    return commit(network, learned, [np.ones(len(free), bool) for free in learned.free])


def place_of(candidate: int, candidates: Sequence[Candidate]) -> int:
    """Where the winner stands among candidates, from its place in the grid: one that was fine-tuned stands alone."""
    return 0 if candidates[0].pruned else candidate


def check_any_trained(task: int, candidates: Sequence[Candidate]) -> None:
    """Refuse candidates of which not one was trained.

    Raises
    ------
    DivergedError
        If training diverged for every candidate.
    """
    if all(candidate.curve.diverged for candidate in candidates):
        tried = [candidate.hyperparameters for candidate in candidates]
        highest = [max(point.l1) for point in tried]
        if min(highest) > _MOST_LAMBDA:
            raise DivergedError(
                f"Task {task}: training diverged because λ is too large to compute with "
                f"({', '.join(f'{value:g}' for value in sorted(set(highest)))}); give a smaller lambda."
            )
        rates = sorted({point.learning_rate for point in tried})
        raise DivergedError(
            f"Task {task}: training diverged with every learning rate tried "
            f"({', '.join(map(str, rates))}); give a lower learning_rate."
        )


def most_accurate(task: int, candidates: Sequence[Candidate]) -> int:
    """The place of the candidate with the best validation accuracy, of several equal ones the first.

    Raises
    ------
    DivergedError
        If training diverged for every candidate.
    """
    check_any_trained(task, candidates)
    trained = [place for place, candidate in enumerate(candidates) if not candidate.curve.diverged]
    return max(trained, key=lambda place: (candidates[place].curve.accuracy, -place))
