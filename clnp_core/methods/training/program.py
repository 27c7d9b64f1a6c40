"""Trains one epoch as one program: batches, gradients, steps of Adam."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods.training.replica import Replica

if TYPE_CHECKING:
    from torch import Tensor

# Batches are gathered several at a time, up to about this many numbers.
_GATHERED = 2**20
_ADAM: dict[str, Any] = {
    "amsgrad": False,
    "beta1": 0.9,
    "beta2": 0.999,
    "weight_decay": 0.0,
    "eps": 1e-8,
    "maximize": False,
    "fused": True,
}


def no_pulse() -> None:
    """The pulse of work that nobody means to stop."""


class Program(ABC):
    """One epoch of R replicas of the same form: every tensor has R along its first axis.

    Parameters
    ----------
    replicas : list of Replica
    """

    def __init__(self, replicas: list[Replica]) -> None:
        first = replicas[0]
        self._replicas = replicas
        self._first = first.job
        self._device = first.weights.head_weight.device
        self._orders = torch.stack([replica.order for replica in replicas]).to(self._device)  # [R, N]
        self._tensors = {name: self._stacked(name) for name in first.networks}
        self._weights = self._tensors["weights"]
        self._memory = {name: self._tensors[name] for name in first.memory}
        for tensor in self._weights:
            tensor.requires_grad_()
        self._regulariser = type(first.job.regulariser).together([replica.job.regulariser for replica in replicas])
        # For what it sees of a step; once an epoch, as allocating takes longer than copying.
        self._seen = [torch.empty_like(each) for each in self._weights * 2] if self._regulariser.observes else []

    def run(self, pulse: Callable[[], None]) -> list[tuple[float, list[np.ndarray], list[np.ndarray]]]:
        """Train for an epoch and hand the weights back to the replicas.

        Returns
        -------
        For each replica the mean loss, and per hidden layer the free neurons' mean activity and their importance to its
        pruner, [F_l], all over the samples as they were trained on.
        """
        count = len(self._replicas)
        losses = torch.zeros(count, device=self._device)
        widths = [[len(free) for free in replica.weights.free] for replica in self._replicas]
        activity = [torch.zeros(count, self._room(width), device=self._device) for width in widths[0]]
        by_gradient = self._first.pruner.by_gradient
        importance = [torch.zeros_like(total) for total in activity] if by_gradient else activity
        samples = 0
        update = self._adam()
        for sources, labels in self._batches():
            pulse()
            logits, trained = self._forward(sources, labels)
            each = self._first.objective.losses(logits, labels)
            share = torch.full_like(each, 1 / labels.shape[1])
            # A layer of no neurons may come without a graph.
            watched = [activation.requires_grad_() for activation in trained] if by_gradient else []
            every = torch.autograd.grad(each, [*self._weights, *watched], share, materialize_grads=True)
            gradients, of_activations = every[: len(self._weights)], every[len(self._weights) :]
            with torch.no_grad():
                self._step(gradients, update)
                samples += labels.shape[1]
                losses += each.sum(1)
                for total, activation in zip(activity, trained, strict=True):
                    total += self._per_neuron(activation).sum(1)
                for total, activation, gradient in zip(importance, trained, of_activations, strict=False):
                    # A sample's own loss counts, of which `share` is only a part.
                    total += self._per_neuron(activation * gradient).abs().sum(1) * labels.shape[1]
        self._hand_back()

        def means(totals: list[Tensor]) -> list[list[np.ndarray]]:
            each = [(total / samples).cpu().numpy() for total in totals]
            return [
                [mean[place, :width] for mean, width in zip(each, own, strict=True)] for place, own in enumerate(widths)
            ]

        return list(zip((losses / samples).tolist(), means(activity), means(importance), strict=True))

    def _step(self, gradients: Sequence[Tensor], update: Callable[[Sequence[Tensor]], None]) -> None:
        """Let the regulariser add to the gradients of the loss, and make a step."""
        regulariser = self._regulariser
        if not regulariser.observes:
            regulariser.add_to(gradients, self._weights, self._memory)
            self._mask(gradients)
            update(gradients)
            return
        for room, values in zip(self._seen, [*self._weights, *gradients], strict=True):
            room.copy_(values)
        steps, of_loss = self._seen[: len(gradients)], self._seen[len(gradients) :]
        regulariser.add_to(gradients, self._weights, self._memory)
        self._mask(gradients)
        update(gradients)
        for step, weight in zip(steps, self._weights, strict=True):
            torch.sub(weight, step, out=step)  # where it was
        regulariser.observe(of_loss, steps, self._memory)

    def _mask(self, gradients: Sequence[Tensor]) -> None:
        if self._first.masks is not None:
            for gradient, mask in zip(gradients, self._first.masks.parameters(), strict=True):
                gradient.mul_(mask)

    def _batches(self) -> Iterator[tuple[list[Tensor], Tensor]]:
        """What each step reads: sources [R, batch, ...] and labels [R, batch]. Gathered several steps at a time."""
        size = self._first.hyperparameters.batch_size
        steps = self._replicas[0].steps
        whole = min(steps, self._orders.shape[1] // size)
        together, rest = self._orders.split((whole * size, self._orders.shape[1] - whole * size), 1)
        orders = together.unflatten(1, (-1, size)).transpose(0, 1)  # [steps, R, batch]
        numbers = len(self._replicas) * size * self._replicas[0].sources.numbers
        for rows in (*orders.split(max(1, _GATHERED // numbers)), *([rest[None]] if steps > whole else [])):
            sources, labels = self._gathered(rows)
            for step in range(len(rows)):
                yield [source[step] for source in sources], labels[step]

    def _adam(self) -> Callable[[Sequence[Tensor]], None]:
        """What makes a step of Adam from gradients: replicas that adjoin and have the same learning rate together."""
        from torch.optim.adam import adam

        places = [place for place, tensor in enumerate(self._weights) if tensor.numel()]
        first = self._replicas[0]
        done = float(first.steps_before + len(first.history) * first.steps)
        updates: list[tuple[slice, Callable[..., None]]] = []
        start = 0
        for rate, alike in groupby(replica.learning_rate for replica in self._replicas):
            span = slice(start, start + len(list(alike)))
            start = span.stop
            moved, averages, squares = (
                [self._tensors[name][place].detach()[span] for place in places]
                for name in ("weights", "average", "square")
            )
            steps = [torch.tensor(done, device=self._device) for _ in places]
            state: dict[str, Any] = {"exp_avgs": averages, "exp_avg_sqs": squares, "max_exp_avg_sqs": []}
            updates.append((span, partial(adam, moved, **state, state_steps=steps, **_ADAM, lr=rate)))

        def update(gradients: Sequence[Tensor]) -> None:
            for span, step in updates:
                step(grads=[gradients[place][span] for place in places])

        return update

    @abstractmethod
    def _forward(self, sources: list[Tensor], labels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits [R, batch, outputs] and the free neurons' activations [R, batch, F_l]; labels [R, batch]."""

    @abstractmethod
    def _per_neuron(self, activation: Tensor) -> Tensor:
        """[R, batch, F_l, ...] → [R, batch, F_l]: the mean over a channel's pixels."""

    @abstractmethod
    def _room(self, neurons: int) -> int:
        """How many places so many neurons take in a tensor."""

    @abstractmethod
    def _stacked(self, name: str) -> list[Tensor]:
        """The parameters of the replicas' networks of that name, as the program has them."""

    @abstractmethod
    def _gathered(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """rows [steps, R, batch] → sources [steps, R, batch, ...], labels [steps, R, batch]."""

    @abstractmethod
    def _hand_back(self) -> None:
        """Give the replicas their networks back."""
