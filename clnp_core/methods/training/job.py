"""A network to train, with what its method adds to the loop: an objective, a regulariser, masks, a transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.methods.training.settings import Epoch, Hyperparameters
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import Trainable
from clnp_core.tasks.streams import Task

if TYPE_CHECKING:
    from torch import Tensor


class Checkpoint:
    """Where a training keeps its state between epochs. This one keeps nothing."""

    def load(self) -> dict[str, Tensor] | None:
        """The state last saved; None if there is none."""
        return None

    def is_due(self, epoch: int) -> bool:
        """Whether the state after that epoch is to be saved."""
        return False

    def save(self, epoch: int, state: dict[str, Tensor]) -> None:
        """Keep the state after that epoch."""


@dataclass(frozen=True)
class Hooks:
    """What goes on beside a training. None of it changes the result.

    Attributes
    ----------
    on_epoch : callable
        Told of every epoch; where the training goes on from a checkpoint, first of those before it.
    checkpoint : Checkpoint
        Where to go on from, and where to keep the state.
    """

    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)


NO_HOOKS = Hooks()


class Objective:
    """What a training makes smaller: the cross-entropy of its logits. A method may bring one over logits of its own."""

    def length(self, samples: int) -> int:
        """How many samples an epoch has, of a task that has so many."""
        return samples

    def order(self, samples: int, generator: torch.Generator) -> Tensor:
        """Draw an epoch: the samples in their order, int64 [length]."""
        return torch.randperm(samples, generator=generator)

    def logits(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The logits that compete for a sample: logits [..., outputs] and labels [...] → [..., outputs]."""
        return logits

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of each sample: logits [..., outputs] and labels [...] → [...]."""
        each = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
        return each.view(labels.shape)


class Regulariser:
    """What a method adds to the gradients of a training. This one adds nothing.

    Tensors come as lists in the order of `Trainable.parameters`, each with an axis of replicas before its own: of one
    replica, unless `is_plain`. The same object serves all epochs, so what it learns on the way belongs in `memory`.

    Attributes
    ----------
    is_plain : bool
        Whether several trainings with it may be computed as one program: it has no memory, and a `together` of its own.
    observes : bool
        Whether `observe` is to be called.
    """

    is_plain: ClassVar[bool] = False
    observes: ClassVar[bool] = False

    @classmethod
    def together(cls, each: Sequence[Self]) -> Self:
        """The regularisers of replicas that are trained together as one, for an epoch."""
        return each[0]

    def memory(self, network: Trainable) -> dict[str, Trainable]:
        """What it keeps during the training, by name: shaped like the network, and shrinking with it."""
        return {}

    def add_to(
        self, gradients: Sequence[Tensor], weights: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """Add to the gradients of the loss, in place, before the optimiser's step."""

    def after_epoch(self, job: Job, epoch: int, networks: Mapping[str, Trainable], pulse: Callable[[], None]) -> None:
        """Change what goes on in place, after an epoch, 1 for the first, that is not the last one.

        The networks are the "weights", Adam's "average" and "square", and the memory, by its names. `pulse` is called
        often, and may raise.
        """

    def observe(
        self, gradients: Sequence[Tensor], steps: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """See the gradients of the loss alone and the step that was taken, and change `memory` in place.

        The lists are the loop's own, and hold other numbers after the next step.
        """

    def conclude(self, network: Trainable, task: Task, pulse: Callable[[], None]) -> dict[str, Trainable]:
        """What else it keeps of a training that is over, by name, given the network that it leaves.

        `pulse` is called often, and may raise.
        """
        return {}


class Pruner:
    """Which free neurons leave a training at the end of an epoch for another reason than that they died. Here none.

    Attributes
    ----------
    by_gradient : bool
        What a neuron's importance is: the mean over the samples of |a ∂L/∂a|, a being its activation and L the sample's
        loss, or else its activity.
    """

    by_gradient: bool = False

    def floor(self, best: float) -> float:
        """The least validation accuracy at which a later network, which is sparser, takes the best one's place."""
        return best

    def survivors(
        self, network: Trainable, importance: list[np.ndarray], validation: Sources, epochs: Sequence[Epoch]
    ) -> list[np.ndarray] | None:
        """Per hidden layer which neurons go on after these epochs, bool [F_l]; None for all.

        `importance` is per hidden layer that of each free neuron in the last of the epochs, [F_l].
        """
        return None


@dataclass(frozen=True)
class OptimiserState:
    """Adam's state at the end of a training, for one that goes on with it.

    Attributes
    ----------
    average, square : Trainable
        Running averages of the gradients and of their squares.
    steps : int
    """

    average: Trainable
    square: Trainable
    steps: int


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes
    ----------
    network : Trainable
        As it starts. Training leaves it as it is.
    task : Task
        On the same device.
    hyperparameters : Hyperparameters
    seed : int
        Decides the batches of every epoch.
    hooks : Hooks
    regulariser : Regulariser
    objective : Objective
    pruner : Pruner
    masks : Trainable or None
        Shaped like the network, 0 where a weight may not move, else 1.
    reads : callable or None
        Changes what a layer reads, given its place, the output layer's being the last: a tensor [batch, ...] → another
        of the same shape.
    optimiser : OptimiserState or None
        To go on with; by default it starts afresh.
    """

    network: Trainable
    task: Task
    hyperparameters: Hyperparameters
    seed: int
    hooks: Hooks
    regulariser: Regulariser = field(default_factory=Regulariser)
    objective: Objective = field(default_factory=Objective)
    pruner: Pruner = field(default_factory=Pruner)
    masks: Trainable | None = None
    reads: Callable[[int, Tensor], Tensor] | None = None
    optimiser: OptimiserState | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it can be trained beside others as one program: dense layers with ReLU, and nothing of its own."""
        own = self.masks or self.reads or self.optimiser
        return (
            self.network.architecture.is_plain
            and (self.regulariser.is_plain or type(self.regulariser) is Regulariser)
            and type(self.objective) is Objective
            and own is None
        )


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes
    ----------
    network : Trainable
        Of the epoch that `Hyperparameters.patience` chooses, with the free neurons that were still in it.
    accuracy : float
        Its validation accuracy, a fraction; nan if training diverged.
    memory : dict of str to Trainable
        The regulariser's, after that epoch, and what it concluded.
    optimiser : OptimiserState
        After the last epoch.
    epochs : list of Epoch
    """

    network: Trainable
    accuracy: float
    memory: dict[str, Trainable]
    optimiser: OptimiserState
    epochs: list[Epoch]
