"""Trains small dense networks side by side: a step of several takes little longer than a step of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clnp_core.arithmetic import aligned, owned
from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.methods.training.program import Program
from clnp_core.methods.training.replica import Replica
from clnp_core.networks.layers import joined

if TYPE_CHECKING:
    from torch import Tensor


class SideBySide(Program):
    """One epoch of plain replicas.

    Matrices stand as [R, inputs, outputs], in which layout their gradients come out, biases as [R, 1, outputs]. What a
    layer reads, its active and its free neurons, and what it gives are each filled up with zeros to an `aligned` count,
    so that every replica's part of every operand and of every result begins where it would begin alone. What is filled
    up stays 0: it reads 0, its gradient is 0, and so is Adam's step.
    """

    def __init__(self, replicas: list[Replica]) -> None:
        first = replicas[0].weights
        self._matrices = len(first.layers) + 1  # the hidden layers' and the head's stand before all biases
        self._outputs = first.architecture.outputs
        self._read = [[first.layers[0].weight.shape[1]]]  # of each matrix: inputs; or active neurons, then free ones
        self._read += [[active, len(free)] for active, free in zip(first.read, first.free, strict=True)]
        super().__init__(replicas)

    def _forward(self, sources: list[Tensor], labels: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, *frozen = sources
        *weights, head = self._weights[: self._matrices]
        biases = self._weights[self._matrices :]
        head_bias = biases.pop() if len(biases) == self._matrices else None
        trained = []
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = torch.baddbmm(bias, x, weight).relu_()
            trained.append(x)
            x = joined(frozen, layer, x)
        logits = torch.bmm(x, head) if head_bias is None else torch.baddbmm(head_bias, x, head)
        return logits[..., : self._outputs], trained

    def _gathered(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        first = self._replicas[0]
        if all(replica.sources is first.sources for replica in self._replicas):
            return list(map(_filled_up, first.sources.at(rows))), first.job.task.train.y[rows]
        each = [replica.sources.at(rows[:, place]) for place, replica in enumerate(self._replicas)]
        labels = [replica.job.task.train.y[rows[:, place]] for place, replica in enumerate(self._replicas)]
        sources = [_filled_up(torch.stack(source, 1)) for source in zip(*each, strict=True)]
        return sources, torch.stack(labels, 1)

    def _room(self, neurons: int) -> int:
        return aligned(neurons)

    def _parts(self, place: int) -> list[tuple[slice, slice]]:
        """Where rows of the parameter in that place stand in the network's, and where in the program's."""
        counts = self._read[place] if place < self._matrices else [1]
        own = np.cumsum([0, *counts]).tolist()
        here = np.cumsum([0, *map(aligned, counts)]).tolist()
        starts = zip(own, here, counts, strict=False)
        return [(slice(one, one + count), slice(other, other + count)) for one, other, count in starts]

    def _stacked(self, name: str) -> list[Tensor]:
        stacked = []
        networks = [replica.networks[name].parameters() for replica in self._replicas]
        for place, tensors in enumerate(zip(*networks, strict=True)):
            is_matrix = place < self._matrices
            turned = torch.stack([tensor.mT if is_matrix else tensor[None] for tensor in tensors])
            rows = sum(map(aligned, self._read[place])) if is_matrix else 1
            filled = turned.new_zeros(len(turned), rows, aligned(turned.shape[2]))
            for own, here in self._parts(place):
                filled[:, here, : turned.shape[2]] = turned[:, own]
            stacked.append(filled)
        return stacked

    def _hand_back(self) -> None:
        for name, stacked in self._tensors.items():
            networks = [replica.networks[name] for replica in self._replicas]
            own: list[list[Tensor]] = [[] for _ in networks]
            for place, (tensor, like) in enumerate(zip(stacked, networks[0].parameters(), strict=True)):
                parts = [tensor.detach()[:, here, : like.shape[0]] for _, here in self._parts(place)]
                for tensors, each in zip(own, torch.cat(parts, 1), strict=True):
                    tensors.append(owned(each).mT if place < self._matrices else owned(each[0]))
            for replica, network, tensors in zip(self._replicas, networks, own, strict=True):
                replica.networks[name] = network.with_parameters(tensors)


def _filled_up(source: Tensor) -> Tensor:
    """source [..., n] → [..., n filled up with zeros]."""
    missing = aligned(source.shape[-1]) - source.shape[-1]
    return F.pad(source, (0, missing)) if missing else source
