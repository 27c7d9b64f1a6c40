"""Superposition: the networks of all tasks in the same weights, each behind its own random signs (Cheung et al. 2019).

Every layer, the output layer included, computes W (c ⊙ x): what it reads, pixels included, is multiplied by the task's
keys c, which are +1 or -1 at random and never trained. To a task with other keys the weights of this one look like
noise that nearly cancels. Nothing else is done against forgetting: all weights go on training with every task.

A dense layer has a key for each number that it reads, a convolution one for each channel and place under its kernel, as
in the authors' code. Biases and BatchNorm read nothing and have no keys; what BatchNorm has learned is the last task's.

W (c ⊙ x) is (W diag c) x, to the bit, and Adam moves a weight with its sign turned as it would move the weight, turned.
So a task trains and answers with weights whose signs are turned, which costs nothing, and the network keeps them turned
back. The authors' code trains the keys as well; the paper's own are fixed, as here. All keys follow from the run's
seed, which is all that has to be kept besides the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clnp_core.errors import DamagedError
from clnp_core.lazy import torch
from clnp_core.methods.finetune import FineTune
from clnp_core.methods.method import Candidate, Learned, Lesson, Predictor, Pruning
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import Trainable
from clnp_core.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

_SEED = "seed"


class Superposition(FineTune):
    """One task after the other, each behind keys of its own."""

    about = "Each task turns the signs of what every layer reads in its own way, so that many share the same weights."
    place = 6

    def answers_by_task(self, head: str) -> bool:
        """As `Method.answers_by_task`: by the task's keys, also with one head."""
        return True

    def start(self, lesson: Lesson) -> Trainable:
        """As `FineTune.start`, behind the task's keys."""
        return _turned(super().start(lesson), lesson)

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """As `FineTune.settle`; the network that is kept has its signs turned back."""
        back = [replace(candidate, network=_turned(candidate.network, lesson)) for candidate in candidates]
        network, learned = super().settle(lesson, back, pruning, pulse)
        return replace(network, memory={_SEED: torch.tensor([lesson.seed])}), learned

    def predictor(self, network: Network, task: int) -> Predictor:
        """As `FineTune.predictor`, behind the task's keys."""
        kept = network.memory.get(_SEED)
        # Of an archive it is not known where no data was there to learn its tasks again.
        if kept is None or kept.shape != (1,) or kept.dtype != torch.int64:
            raise DamagedError("The network's memory is not its method's: it has no seed")
        seed = int(kept)
        layers = tuple(
            replace(layer, weight=_keyed(layer.weight, seed, task, place)) for place, layer in enumerate(network.layers)
        )
        heads = tuple(_keyed(head, seed, task, len(layers)) for head in network.head_weights)
        return super().predictor(replace(network, layers=layers, head_weights=heads), task)


def keys(seed: int, task: int, layer: int, shape: Sequence[int]) -> Tensor:
    """Draw a task's keys for a layer: float32 [*shape], +1 or -1.

    Parameters
    ----------
    seed : int
        Of the run.
    task : int
    layer : int
        Its place, the output layer's being the last.
    shape : sequence of int
        Of the weights of one of its neurons.
    """
    drawn = torch.Generator().manual_seed(derive_seed(seed, "keys", task, layer))
    return torch.randint(2, tuple(shape), generator=drawn, dtype=torch.float32) * 2 - 1


def _keyed(weight: Tensor, seed: int, task: int, layer: int) -> Tensor:
    return weight * keys(seed, task, layer, weight.shape[1:])


def _turned(network: Trainable, lesson: Lesson) -> Trainable:
    """The network with its weights' signs turned by the keys of the lesson's task, or turned back."""
    matrices, rest = len(network.layers) + 1, network.parameters()
    turned = [_keyed(weight, lesson.seed, lesson.task, place) for place, weight in enumerate(rest[:matrices])]
    return network.with_parameters([*turned, *rest[matrices:]])


METHOD = Superposition()
