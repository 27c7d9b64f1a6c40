"""The hyperparameters of a candidate's training, and the results of an epoch."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from clnp_core.bounds import Natural, Positive, Share

Measure = Literal["accuracy", "balanced"]
"""What a choice goes by: the share of samples that are right, or the mean of that share over the classes (balanced
accuracy, Brodersen et al. 2010)."""

MEASURES: dict[Measure, str] = {"accuracy": "accuracy", "balanced": "balanced accuracy"}
"""What each is called."""
VALIDATION: dict[Measure, str] = {
    "accuracy": "validation accuracy",
    "balanced": "balanced validation accuracy",
}
"""What each is called on the validation images."""

SMALL_ACTIVITY = 1e-3
"""Mean activity at or below which a neuron leaves a training that shrinks progressively."""

_MILESTONE_FACTOR = 0.05


@dataclass(frozen=True)
class Gradual:
    """How a network is pruned while it is trained.

    Attributes
    ----------
    first_epoch : int
        The first epoch at whose end neurons may leave.
    largest_share : float
        The largest share of a layer's free neurons that may leave at the end of one epoch.
    tolerance : float
        How much of an epoch's validation accuracy pruning may cost, a fraction.
    theta_mode : {"shared", "per-layer"}
        Whether the layers share a θ, or some may lose more neurons than at the best shared one.
    criterion : {"activity", "relative", "taylor"}
        What θ is a threshold of: a neuron's mean activity in the epoch (the paper's), that over its layer's mean, or
        the mean of |a ∂L/∂a| over the samples, a being its activation and L the sample's loss (Molchanov et al. 2017).
    start_width : int or None
        How many free neurons of each layer take part at most, from the start; None for all.
    """

    first_epoch: int
    largest_share: float
    tolerance: float
    theta_mode: str
    criterion: str = "activity"
    start_width: int | None = None


@dataclass(frozen=True)
class Hyperparameters:
    """How one candidate is trained.

    Attributes
    ----------
    l1 : tuple of float
        L1 coefficient λ of each hidden layer and, last, of the output layer.
    learning_rate : float
        Of Adam, started afresh for each task.
    cooldown : float
        Share of the epochs, the last ones, over which the learning rate falls linearly towards 0. Without it weights
        that L1 has driven to nothing go on hovering around 0 by about the learning rate.
    batch_size, epochs : int
        Samples a step; passes over the training set at most.
    patience : int or None
        Training ends after this many epochs without a better validation accuracy, and leaves the weights of the best
        epoch, of several equal ones the last, which is the sparsest. None: it goes through all epochs, and leaves the
        weights of the last.
    shrink : {"exact", "progressive", "none"}
        Which free neurons leave the training at the end of an epoch: those whose activity on the training set is
        exactly 0, or also those whose mean activity in the epoch was at most `SMALL_ACTIVITY`, or none. As the first
        leave no output and no gradient of the rest changes; some of them would have fired again later.
    cache_mb : int
        The activations of frozen neurons are computed once, for all of a training, if they take at most this many
        MiB; else batch by batch.
    milestones : tuple of int
        Epochs after which the learning rate falls to a twentieth.
    gradual : Gradual or None
        How neurons are pruned at the end of epochs. None: not before the training is over.
    measure : {"accuracy", "balanced"}
        What validation accuracy is, wherever it is spoken of.
    """

    l1: tuple[float, ...]
    learning_rate: float
    cooldown: float
    batch_size: int
    epochs: int
    patience: int | None
    shrink: str = "exact"
    cache_mb: int = 256
    milestones: tuple[int, ...] = ()
    gradual: Gradual | None = None
    measure: Measure = "accuracy"

    def learning_rate_in(self, epoch: int) -> float:
        """The learning rate of that epoch, 1 for the first."""
        cooling = self.cooldown * self.epochs
        fallen = _MILESTONE_FACTOR ** sum(epoch > milestone for milestone in self.milestones)
        return self.learning_rate * fallen * min(1.0, (self.epochs - epoch + 1) / (cooling + 1))


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training set came to.

    Attributes
    ----------
    epoch : int
        1 for the first.
    loss : float
        Mean cross-entropy over the epoch's samples, as they were trained on, without the L1 term.
    validation_accuracy : float
        Fraction, after the epoch; in the measure of the hyperparameters.
    seconds : float
    neurons : tuple of int
        Free neurons of each hidden layer that it trained, which leave by and by; none where an earlier version trained.
    """

    epoch: Annotated[int, Field(ge=1, le=10_000)]
    loss: float
    validation_accuracy: Share
    seconds: Positive
    neurons: Annotated[tuple[Natural, ...], Field(max_length=1000, exclude_if=operator.not_)] = ()


def best_unpruned(epochs: Sequence[Epoch], first_epoch: int) -> float:
    """Best validation accuracy, a fraction, before neurons left at the end of that epoch, 1 for the first."""
    return max(epoch.validation_accuracy for epoch in epochs[:first_epoch])
