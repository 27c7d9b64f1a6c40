"""Naive fine-tuning: the whole network goes on training with every task. It forgets, which is what it is here to show.

With an output layer per task only the body is shared; with one output layer, that is shared too, without any mask.
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
)
from clnp_core.methods.training import Hooks, Hyperparameters, Job
from clnp_core.networks.layers import linear, passed_on
from clnp_core.networks.network import Network, reinitialise_free, with_fresh_head
from clnp_core.networks.subnetwork import Trainable, trainable
from clnp_core.seeds import derive_seed


class FineTune(Method):
    """One task after the other, without any care."""

    about = "One task after the other, without any care: shows how much is forgotten."
    place = 3

    def start(self, lesson: Lesson) -> Trainable:
        """The whole network as the task before left it, with a head for this one; fresh for the first task."""
        drawn = with_fresh_head if lesson.network.tasks else reinitialise_free
        return trainable(drawn(lesson.network, derive_seed(lesson.seed, "initial weights", lesson.task)))

    def jobs(self, lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
        """As `Method.jobs`. A neuron that is dead for this task may serve a later one, so none leaves the training."""
        return super().jobs(lesson, [replace(point, shrink="none") for point in grid], hooks)

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """As `Method.settle`; no neuron is claimed: the next task may train all of them."""
        network, learned = super().settle(lesson, candidates, pruning, pulse)
        return replace(network, owners=lesson.network.owners), learned

    def answers_by_task(self, head: str) -> bool:
        """As `Method.answers_by_task`: one head that all tasks share answers alike for all of them."""
        return head == "multi"

    def predictor(self, network: Network, task: int) -> Predictor:
        """As `Method.predictor`."""
        if network.head == "multi":
            return lambda x: network.logits(task, x)
        last, head = len(network.layers) - 1, network.head_weights[0][: network.architecture.outputs_of(task)]
        return lambda x: linear(passed_on(network.architecture, last, network.hidden(x)[-1]), head, None)


METHOD = FineTune()
