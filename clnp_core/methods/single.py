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
)
from clnp_core.networks.network import Network, initial, kept_bytes, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Stream


class Single(Method):
    """A new network for every task."""

    about = "A new network for every task: nothing to forget, and nothing shared either."
    place = 1

    def start(self, lesson: Lesson) -> Trainable:
        """The whole network, freshly initialised; nothing is left of the tasks before."""
        fresh = initial(lesson.network.architecture, lesson.network.head, lesson.task - 1)
        return trainable(reinitialise_free(fresh, derive_seed(lesson.seed, "initial weights", lesson.task)))

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """The most accurate candidate's network, which knows this task and no other."""
        fresh = initial(lesson.network.architecture, lesson.network.head)
        network, learned = super().settle(replace(lesson, network=fresh), candidates, pruning, pulse)
        return replace(network, tasks=lesson.task), learned

    def bytes_kept(self, networks: Sequence[Network], stream: Stream) -> int:
        """As `Method.bytes_kept`: a network for each task."""
        return sum(kept_bytes(network, owners=False) for network in networks)

    def predictor(self, network: Network, task: int) -> Predictor | None:
        """As `Method.predictor`: of the last task only."""
        if task != network.tasks:
            return None
        architecture = network.architecture.with_outputs(network.architecture.outputs_of(task))
        only = replace(network, architecture=architecture)
        return lambda x: only.logits(1, x)


METHOD = Single()
