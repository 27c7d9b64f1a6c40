"""The one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

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


def train(
    network: Trainable,
    task: Task,
    hyperparameters: Hyperparameters,
    seed: int,
    on_epoch: Callable[[Epoch], None],
) -> float:
    """Train the free rows of `network` in place: cross-entropy plus L1 on every free weight (section 2.2).

    Stops early on validation accuracy and leaves the weights of its best epoch, of several equal ones the last,
    which is the sparsest. Batches are drawn per epoch from `seed`, so they are the same for every candidate.

    Returns
    -------
    Validation accuracy of the weights it leaves, a fraction; nan if training diverged.
    """
    parameters = network.parameters()
    for parameter in parameters:
        parameter.requires_grad_()
    optimiser = torch.optim.Adam(parameters, lr=hyperparameters.learning_rate, fused=True)
    penalties = [
        (weight, l1)
        for weight, l1 in zip(network.penalised(), hyperparameters.l1, strict=True)
        if l1 and weight.numel()
    ]
    best, best_epoch, best_weights = -math.inf, 0, []
    for epoch in range(1, hyperparameters.epochs + 1):
        start = time.perf_counter()
        optimiser.param_groups[0]["lr"] = hyperparameters.learning_rate_in(epoch)
        generator = torch.Generator().manual_seed(derive_seed(seed, "batches", epoch))
        order = torch.randperm(len(task.train), generator=generator)
        total = torch.zeros(())
        for rows in order.split(hyperparameters.batch_size):
            loss = F.cross_entropy(network(task.train.x[rows]), task.train.y[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            with torch.no_grad():
                for weight, l1 in penalties:
                    weight.grad.add_(weight.sign(), alpha=l1)
            optimiser.step()
            total += loss.detach() * len(rows)
        mean_loss = float(total) / len(task.train)
        reached = accuracy(network, task.validation)
        on_epoch(Epoch(epoch, mean_loss, reached, time.perf_counter() - start))
        if not math.isfinite(mean_loss):
            best = math.nan
            break
        if reached >= best:
            if reached > best:
                best_epoch = epoch
            best = reached
            best_weights = [parameter.detach().clone() for parameter in parameters]
        if epoch - best_epoch >= hyperparameters.patience:
            break
    for parameter in parameters:
        parameter.requires_grad_(False)
    for parameter, weights in zip(parameters, best_weights, strict=False):
        parameter.copy_(weights)
    return best
