"""ANPyC after the published code: what a task needs little is pruned, the rest is held (Peng et al. 2021).

A weight is important that the entropy of the answers hangs on. Of a batch, H = -Σ p log p over its images and classes,
g = ∂H/∂θ and I = max(0, gθ + ½θ²g²); a weight's importance to a task is the mean of I over the batches of its training
set. A task is learned in three parts:

1. Training, with λ Σ Ω (θ - θ*)² added to the loss: θ* is where the task before ended, Ω the importance to all before.
2. Pruning in steps of some per cent, up to P. At each, importance is computed anew and the least important weights
   become 0. What is left is trained on, with the same penalty, while the pruned weights stay 0. After task 1 those are
   pruned, of each tensor by itself, that are below the percentile, and all whose importance is 0. After a later task
   only weights that the task before left at 0 may be, those up to the percentile of theirs. P is 50, and after each
   task ⌊0.8 P⌋: 40 32 25 20 16 12 9 7 5. Steps are whole, so that 25 is pruned as 10, 20, 30.
3. Ω grows by what is important to the task, and all weights may be trained again.

The zeros are the masks: a pruned weight is exactly 0 when its task ends, and only those are. So Ω is all that is kept
beside the network, one number for each weight that tasks share.

Where this differs from https://github.com/GeoX-Lab/ANPyC, `Permuted_MNIST/ANPyC_wi_NP.py`:

- Adam instead of SGD, begun afresh for each task, with the learning rate and the cooldown of the run; of pruned weights
  its average of the gradients becomes 0.
- A task's epochs are those of all three parts. With `retrain` 1 each part is as long as the others, as there.
- log p is computed from the logits, so that it is finite where p rounds to 0.
- Importance is computed on whole batches of 100 images, where the code leaves out the last image of each; on smaller
  ones where they would be fewer than 100. Of few batches a weight may have no importance just because its sign is the
  wrong one in each, and pruning takes all that have none.
- After every task of the stream pruning takes place, also after the last one, as more may follow.
- A single head is shared by all tasks, and is pruned and held like every layer. Heads of several are neither, as there.

BatchNorm's scales and shifts are weights like others. Importance is that of the network as it answers, so that its
running statistics are constants; they are the last task's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.methods import method
from clnp_core.methods.consolidation import (
    IMPORTANCE,
    Consolidating,
    Penalty,
    as_memory,
    combined,
    from_memory,
    importance_before,
)
from clnp_core.methods.method import Candidate, Lesson
from clnp_core.methods.training import Hooks, Hyperparameters, Job
from clnp_core.networks.subnetwork import Trainable
from clnp_core.tasks.streams import Task

if TYPE_CHECKING:
    from torch import Tensor

_BATCH, _BATCHES = 100, 100  # images at most, and about how many at least
_MASK = "mask"


class Settings(method.Settings):
    """Of ANPyC."""

    strength: float = Field(
        default=3.0, ge=0, le=1e12, description="λ: how strongly important weights are held where they are"
    )
    prune: int = Field(
        default=50, ge=0, le=80, description="P: how many of the weights are pruned after the first task, in per cent"
    )
    step: int = Field(default=10, ge=1, le=20, description="How many are pruned at a time, in per cent")
    retrain: float = Field(
        default=1.0, gt=0, le=10, description="Epochs after each pruning step, for every epoch before the first"
    )
    merge: Literal["sum", "max"] = Field(
        default="sum", description="Importance to several tasks: the sum over them, or the greatest"
    )


class PruningPenalty(Penalty):
    """The penalty, with pruning in steps while a training goes on.

    Parameters
    ----------
    strength, importance, anchor
        As `Penalty`.
    shares : sequence of int
        Up to which percentile each step prunes.
    retrain : float
        Epochs after each step, for every epoch before the first.
    """

    def __init__(
        self, strength: float, importance: Trainable | None, anchor: Trainable, shares: Sequence[int], retrain: float
    ) -> None:
        super().__init__(strength, importance, anchor)
        self._before = anchor if importance else None
        self._shares, self._retrain = shares, retrain

    def memory(self, network: Trainable) -> dict[str, Trainable]:
        """As `Regulariser.memory`: 0 for what is pruned, else 1."""
        return {_MASK: network.each(torch.ones_like)}

    def add_to(
        self, gradients: Sequence[Tensor], weights: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """As `Regulariser.add_to`; what is pruned stays."""
        super().add_to(gradients, weights, memory)
        for gradient, mask in zip(gradients, memory[_MASK], strict=True):
            gradient.mul_(mask)

    def after_epoch(self, job: Job, epoch: int, networks: Mapping[str, Trainable], pulse: Callable[[], None]) -> None:
        """As `Regulariser.after_epoch`: prune, where a step is due."""
        share = schedule(job.hyperparameters.epochs, self._shares, self._retrain).get(epoch)
        if share is None:
            return
        weights = networks["weights"]
        measured = importance(weights, job.task.train.x, pulse).parameters()
        left = self._before.parameters() if self._before else [None] * len(measured)
        hidden = len(weights.layers)
        own = [] if weights.head_bias is None else [hidden, 2 * hidden + 1]  # the places of a head of several
        pruned = zip(*(networks[name].parameters() for name in ("weights", "average", _MASK)), strict=True)
        for place, (weight, average, mask) in enumerate(pruned):
            if place not in own:
                before = left[place]
                mask.copy_(kept(measured[place], share, None if before is None else before == 0))
                # Or Adam would go on moving it.
                weight.mul_(mask)
                average.mul_(mask)

    def conclude(self, network: Trainable, task: Task, pulse: Callable[[], None]) -> dict[str, Trainable]:
        """As `Regulariser.conclude`."""
        return {IMPORTANCE: importance(network, task.train.x, pulse)}


class ANPyC(Consolidating):
    """Adversarial neural pruning and synaptic consolidation."""

    about = "ANPyC, after the published code: prunes what a task needs little, for the next ones, and holds the rest."
    place = 7
    measured = IMPORTANCE
    Settings = Settings
    searched: ClassVar[Mapping[str, tuple[float, ...]]] = {"strength": (3.0, 30.0, 300.0, 3e3)}

    def carries(self, settings: method.Settings) -> tuple[str, ...]:
        """As `Method.carries`; Adam starts afresh."""
        return (IMPORTANCE,)

    def jobs(self, lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
        """As `Method.jobs`. The best epoch may be one before pruning, so the last one's weights are kept."""
        return super().jobs(lesson, [replace(point, patience=None) for point in grid], hooks)

    def regulariser(self, lesson: Lesson, start: Trainable) -> PruningPenalty:
        """As `Consolidating.regulariser`."""
        own = lesson.settings
        assert isinstance(own, Settings)
        before = importance_before(lesson.network, start)
        shares = range(own.step, pruned_after(lesson.task, own.prune) + own.step, own.step)
        return PruningPenalty(own.strength, before, start, shares, own.retrain)

    def remembered(self, lesson: Lesson, winner: Candidate) -> dict[str, Tensor]:
        """As `Consolidating.remembered`: the importance to all tasks so far."""
        own = winner.settings
        assert isinstance(own, Settings)
        merged = torch.add if own.merge == "sum" else torch.maximum
        before = from_memory(IMPORTANCE, lesson.network, self.start(lesson))
        return as_memory(IMPORTANCE, combined(merged, before, winner.memory[IMPORTANCE]), lesson.network)


def pruned_after(task: int, first: int) -> int:
    """P of a task in per cent, given that of the first: four fifths of the task's before, rounded down."""
    for _ in range(task - 1):
        first = first * 4 // 5
    return first


def schedule(epochs: int, shares: Sequence[int], retrain: float) -> dict[int, int]:
    """After which epochs is pruned, and up to which percentile; with few epochs, some steps at once.

    The first part of the epochs is training, and after each step comes `retrain` times as much.
    """
    parts = 1 + len(shares) * retrain
    due = [round(epochs * (1 + number * retrain) / parts) for number in range(len(shares))]
    # The greatest of those that are due together. None is due after the last epoch, or before the first.
    return {min(max(epoch, 1), epochs - 1): share for epoch, share in zip(due, shares, strict=True) if epochs > 1}


def importance(network: Trainable, x: Tensor, pulse: Callable[[], None]) -> Trainable:
    """The mean over batches of max(0, gθ + ½θ²g²) of each weight, g being the gradient of a batch's summed entropy.

    Parameters
    ----------
    network : Trainable
        With no frozen neurons.
    x : tensor [N, inputs]
        On its device.
    pulse : callable
        Called before every batch.
    """
    weights = [tensor.detach().clone().requires_grad_() for tensor in network.parameters()]
    probed = network.with_parameters(weights)
    totals = [torch.zeros_like(tensor, requires_grad=False) for tensor in weights]
    batches = x.split(min(_BATCH, max(1, len(x) // _BATCHES)))
    for batch in batches:
        pulse()
        log_p = F.log_softmax(probed(batch), 1)
        gradients = torch.autograd.grad(-(log_p.exp() * log_p).sum(), weights, materialize_grads=True)
        for total, weight, gradient in zip(totals, weights, gradients, strict=True):
            change = gradient * weight.detach()
            total += (change + change.square() / 2).clamp_(min=0)
    return network.with_parameters([total / len(batches) for total in totals])


def kept(importance: Tensor, share: int, candidates: Tensor | None) -> Tensor:
    """Which of a tensor's weights are not pruned, bool of its shape.

    Parameters
    ----------
    importance : tensor
    share : int
        The percentile up to which is pruned.
    candidates : bool tensor of its shape, or None
        What may be pruned; None after the first task, when all may, and what has no importance is.
    """
    if candidates is None:
        return (importance > 0) & (importance >= _percentile(importance, share))
    if not candidates.any():
        return ~candidates
    return ~(candidates & (importance <= _percentile(importance[candidates], share)))


def _percentile(values: Tensor, share: int) -> float:
    return float(np.percentile(values.cpu().numpy(), share))


METHOD = ANPyC()
