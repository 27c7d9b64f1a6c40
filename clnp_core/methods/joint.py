"""Simultaneous training of all tasks (supplement A): what a learner reaches that need not remember.

A batch has samples of every task. Where tasks differ in size, the larger ones give more, but at most five times as many
as the smallest: on CIFAR-10 and nine tasks of CIFAR-100, 50 and 10 each of a batch of 140. An epoch ends when the first
task runs out of samples.

With an output layer per task the body is shared. With one output layer the last hidden layer's neurons are divided into
equal parts, one for each task, as the supplement does for the network of Table 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods.method import (
    Candidate,
    Learned,
    Lesson,
    Method,
    Predictor,
    Pruning,
    commit_whole,
    most_accurate,
)
from clnp_core.methods.training import Hooks, Hyperparameters, Job, Objective
from clnp_core.networks.architectures import Architecture
from clnp_core.networks.network import Network, initial, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Split, Stream, Task

if TYPE_CHECKING:
    from torch import Tensor

_MOST_TIMES = 5
_MILESTONES = (50 / 120, 90 / 120)  # of the epochs


class Joint(Method):
    """All tasks at once."""

    about = "All tasks at once: what a learner reaches that need not remember."
    place = 2
    at_once = True

    def start(self, lesson: Lesson) -> Trainable:
        """The whole network, freshly initialised, with the outputs of all tasks side by side."""
        network = initial(lesson.network.architecture, lesson.network.head)
        body = trainable(reinitialise_free(network, derive_seed(lesson.seed, "initial weights", 1)))
        generator = torch.Generator().manual_seed(derive_seed(lesson.seed, "initial weights", "outputs"))
        _, *rest = body.head_weight.shape
        outputs = sum(_classes(lesson))
        bound = 1 / math.sqrt(math.prod(rest))

        def drawn(*shape: int) -> Tensor:
            return torch.empty(shape).uniform_(-bound, bound, generator=generator)

        head_weight = drawn(outputs, *rest)
        if lesson.network.head == "single":
            return replace(body, head_weight=head_weight * _own_part(lesson))
        return replace(body, head_weight=head_weight, head_bias=drawn(outputs))

    def jobs(self, lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
        """As `Method.jobs`. The learning rate falls to a twentieth twice, where it has no cooldown of its own."""
        classes = _classes(lesson)
        tasks = [lesson.stream.task(number) for number in range(1, lesson.task + 1)]
        together = Task(
            lesson.task,
            *(_together([getattr(task, name) for task in tasks], classes) for name in ("train", "validation", "test")),
        )
        network, task = self.start(lesson).to(lesson.device), together.to(lesson.device)
        masks = None
        if lesson.network.head == "single":
            masks = replace(network.each(torch.ones_like), head_weight=_own_part(lesson).to(lesson.device))
        draws = derive_seed(lesson.seed, "training", "joint")
        made = []
        for point, own in zip(grid, hooks, strict=True):
            shares = batch_shares([len(each.train) for each in tasks], point.batch_size)
            objective = Mixture(classes, [len(each.train) for each in tasks], shares)
            milestones = () if point.cooldown else tuple(round(share * point.epochs) for share in _MILESTONES)
            settings = replace(point, shrink="none", milestones=milestones, batch_size=sum(shares))
            made.append(Job(network, task, settings, draws, own, objective=objective, masks=masks))
        return made

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """The most accurate candidate's network, its outputs as a head per task, or as one that tasks share."""
        place = most_accurate(lesson.task, candidates)
        winner = candidates[place].network
        fresh = initial(lesson.network.architecture, lesson.network.head)
        heads = winner.head_weight.split(_classes(lesson))  # [outputs, N_L, ...] of each task
        if fresh.head == "multi":
            assert winner.head_bias is not None  # every head of several has one
            biases = winner.head_bias.split(_classes(lesson))
            body = commit_whole(fresh, replace(winner, head_weight=heads[0], head_bias=biases[0]))
            network = replace(body, head_weights=heads, head_biases=biases)
        else:
            # Outside its own part a task's weights are 0, and so are those of outputs that it does not have.
            shared = torch.nn.utils.rnn.pad_sequence(heads, batch_first=True).sum(0)
            body = commit_whole(fresh, replace(winner, head_weight=shared))
            parts = _parts(fresh.architecture, lesson.task).astype(np.int16) + 1
            network = replace(body, owners=(*body.owners[:-1], parts))
        learned = Learned(lesson.task, place, candidates[place].hyperparameters, candidates[place].curve.accuracy)
        return replace(network, tasks=lesson.task), learned

    def bytes_kept(self, networks: Sequence[Network], stream: Stream) -> int:
        """As `Method.bytes_kept`: the training data of all tasks too, without which no other can be added."""
        data = sum(stream.training_bytes(task) for task in range(1, networks[-1].tasks + 1))
        return super().bytes_kept(networks, stream) + data

    def predictor(self, network: Network, task: int) -> Predictor:
        """As `Method.predictor`."""
        return lambda x: network.logits(task, x)


def _classes(lesson: Lesson) -> list[int]:
    """Classes of each task."""
    return [lesson.network.architecture.outputs_of(task) for task in range(1, lesson.task + 1)]


def _together(splits: Sequence[Split], classes: Sequence[int]) -> Split:
    """All samples one after another; the labels of the second task go on after those of the first, and so on."""
    firsts = np.cumsum([0, *classes]).tolist()
    return Split(
        torch.cat([split.x for split in splits]),
        torch.cat([split.y + first for first, split in zip(firsts, splits, strict=False)]),
    )


def batch_shares(sizes: Sequence[int], batch_size: int) -> list[int]:
    """Samples of each task in a batch, at least one."""
    weights = [min(size, _MOST_TIMES * min(sizes)) for size in sizes]
    return [max(1, round(batch_size * weight / sum(weights))) for weight in weights]


class Mixture(Objective):
    """Several tasks at once: their outputs stand side by side, and so do their labels.

    Parameters
    ----------
    classes : sequence of int
        Of each task. A sample's logits compete only among those of its own task.
    sizes, shares : sequences of int
        Training samples of each task, and how many of them a batch has.
    """

    def __init__(self, classes: Sequence[int], sizes: Sequence[int], shares: Sequence[int]) -> None:
        self._task_of = torch.arange(len(classes)).repeat_interleave(torch.tensor(classes))  # [outputs]
        self._sizes = sizes
        self.batch_shares = shares
        self._steps = max(1, min(size // share for size, share in zip(sizes, shares, strict=True)))

    def logits(self, logits: Tensor, labels: Tensor) -> Tensor:
        """As `Objective.logits`: those of other tasks than the label's are at minus infinity."""
        task_of = self._task_of.to(logits.device)
        others = task_of != task_of[labels][..., None]
        return logits.masked_fill(others, -math.inf)

    def length(self, samples: int) -> int:
        """As `Objective.length`: an epoch ends when the first task runs out of samples."""
        return self._steps * sum(self.batch_shares)

    def order(self, samples: int, generator: torch.Generator) -> Tensor:
        """As `Objective.order`: each batch has its share of every task."""
        steps = self._steps
        first, parts = 0, []
        for size, share in zip(self._sizes, self.batch_shares, strict=True):
            drawn = torch.randperm(size, generator=generator)
            # A task with fewer samples than its share of a single batch gives some twice.
            parts.append(first + drawn[torch.arange(steps * share) % size].view(steps, share))
            first += size
        return torch.cat(parts, dim=1).flatten()


def _parts(architecture: Architecture, tasks: int) -> np.ndarray:
    """Which task, 0 for the first, each neuron of the last hidden layer belongs to."""
    width = architecture.widths[-1]
    return np.arange(width) * tasks // width


def _own_part(lesson: Lesson) -> Tensor:
    """1 for the output weights from a task's own part of the last hidden layer, else 0: [outputs of all, N_L, ...]."""
    architecture = lesson.network.architecture
    parts = torch.from_numpy(_parts(architecture, lesson.task))
    own = torch.arange(lesson.task).repeat_interleave(torch.tensor(_classes(lesson)))[:, None] == parts
    *_, head_shape = architecture.weight_shapes
    return own.float().view(*own.shape, *[1] * (len(head_shape) - 2)).expand(-1, -1, *head_shape[2:]).contiguous()


METHOD = Joint()
