"""The one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from clnp_core.networks.subnetwork import Trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Split, Task

_EVALUATION_BATCH = 4096


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
    patience : int
        Training ends after this many epochs without a better validation accuracy.
    """

    l1: tuple[float, ...]
    learning_rate: float
    cooldown: float
    batch_size: int
    epochs: int
    patience: int

    def learning_rate_in(self, epoch: int) -> float:
        """The learning rate of that epoch, 1 for the first."""
        cooling = self.cooldown * self.epochs
        return self.learning_rate * min(1.0, (self.epochs - epoch + 1) / (cooling + 1))


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
        Fraction, after the epoch.
    seconds : float
    """

    epoch: int
    loss: float
    validation_accuracy: float
    seconds: float


def accuracy(network: Callable[[Tensor], Tensor], split: Split) -> float:
    """Fraction of samples whose largest logit is their label's."""
    correct = 0
    with torch.no_grad():
        for x, y in zip(split.x.split(_EVALUATION_BATCH), split.y.split(_EVALUATION_BATCH), strict=True):
            correct += int((network(x).argmax(1) == y).sum())
    return correct / len(split)


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
    pulse : callable
        Called before every step, and between the thresholds of a scan. What it raises ends the work.
    """

    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    pulse: Callable[[], None] = lambda: None


NO_HOOKS = Hooks()


def train(
    network: Trainable,
    task: Task,
    hyperparameters: Hyperparameters,
    seed: int,
    hooks: Hooks = NO_HOOKS,
) -> float:
    """Train the free rows of `network` in place: cross-entropy plus L1 on every free weight (section 2.2).

    Stops early on validation accuracy and leaves the weights of its best epoch, of several equal ones the last,
    which is the sparsest. Batches are drawn per epoch from `seed`, so they are the same for every candidate, and a
    training that goes on from a checkpoint draws those it would have drawn.

    Returns
    -------
    Validation accuracy of the weights it leaves, a fraction; nan if training diverged.
    """
    run = _Training(network, hyperparameters)
    run.restore(hooks.checkpoint.load())
    for epoch in run.history:
        hooks.on_epoch(epoch)
    while not run.is_over:
        number = len(run.history) + 1
        start = time.perf_counter()
        loss = run.epoch(number, task.train, seed, hooks.pulse)
        run.note(Epoch(number, loss, accuracy(network, task.validation), time.perf_counter() - start))
        hooks.on_epoch(run.history[-1])
        if not run.is_over and hooks.checkpoint.is_due(number):
            hooks.checkpoint.save(number, run.state())
    return run.leave_best()


class _Training:
    """The state of a training: weights, optimiser, the best weights so far, and the epochs behind it."""

    def __init__(self, network: Trainable, hyperparameters: Hyperparameters) -> None:
        self._network = network
        self._given = hyperparameters
        self._parameters = network.parameters()
        for parameter in self._parameters:
            parameter.requires_grad_()
        self._optimiser = torch.optim.Adam(self._parameters, lr=hyperparameters.learning_rate, fused=True)
        self._penalties = [
            (weight, l1)
            for weight, l1 in zip(network.penalised(), hyperparameters.l1, strict=True)
            if l1 and weight.numel()
        ]
        self._best: list[Tensor] = []
        self.history: list[Epoch] = []

    @property
    def _diverged(self) -> bool:
        return bool(self.history) and not math.isfinite(self.history[-1].loss)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, none has improved for too long, or training diverged."""
        if not self.history:
            return False
        reached = [epoch.validation_accuracy for epoch in self.history]
        since_best = len(reached) - 1 - reached.index(max(reached))
        return self._diverged or len(reached) >= self._given.epochs or since_best >= self._given.patience

    def epoch(self, number: int, data: Split, seed: int, pulse: Callable[[], None]) -> float:
        """Pass over the data once. Returns the mean cross-entropy."""
        self._optimiser.param_groups[0]["lr"] = self._given.learning_rate_in(number)
        generator = torch.Generator().manual_seed(derive_seed(seed, "batches", number))
        order = torch.randperm(len(data), generator=generator)
        total = torch.zeros(())
        for rows in order.split(self._given.batch_size):
            pulse()
            loss = F.cross_entropy(self._network(data.x[rows]), data.y[rows])
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            with torch.no_grad():
                for weight, l1 in self._penalties:
                    weight.grad.add_(weight.sign(), alpha=l1)
            self._optimiser.step()
            total += loss.detach() * len(rows)
        return float(total) / len(data)

    def note(self, epoch: Epoch) -> None:
        """Take an epoch into the history, and its weights as the best if no earlier ones were better."""
        self.history.append(epoch)
        if not self._diverged and epoch.validation_accuracy >= max(past.validation_accuracy for past in self.history):
            self._best = [parameter.detach().clone() for parameter in self._parameters]

    def leave_best(self) -> float:
        """Put the best weights back. Returns their validation accuracy, nan if training diverged."""
        for parameter in self._parameters:
            parameter.requires_grad_(False)
        for parameter, weights in zip(self._parameters, self._best, strict=False):
            parameter.copy_(weights)
        return math.nan if self._diverged else max(epoch.validation_accuracy for epoch in self.history)

    def state(self) -> dict[str, Tensor]:
        """All of it as named tensors."""
        tensors = {"history": torch.tensor([astuple(epoch) for epoch in self.history], dtype=torch.float64)}
        for place, parameter in enumerate(self._parameters):
            moments = self._optimiser.state[parameter]
            tensors |= {f"{place}.{name}": tensor for name, tensor in moments.items()}
            tensors[f"{place}.weights"] = parameter.detach()
            tensors[f"{place}.best"] = self._best[place]
        return tensors

    def restore(self, state: dict[str, Tensor] | None) -> None:
        """Go back to what `state` gave; None is the beginning."""
        if state is None:
            return
        self.history = [Epoch(int(epoch), *rest) for epoch, *rest in state["history"].tolist()]
        for place, parameter in enumerate(self._parameters):
            with torch.no_grad():
                parameter.copy_(state[f"{place}.weights"])
            self._optimiser.state[parameter] = {
                name: state[f"{place}.{name}"] for name in ("step", "exp_avg", "exp_avg_sq")
            }
        self._best = [state[f"{place}.best"] for place in range(len(self._parameters))]
