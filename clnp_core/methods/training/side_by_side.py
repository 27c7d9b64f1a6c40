"""Trains small dense networks side by side: a step of several takes little longer than a step of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.methods.training.program import Program
from clnp_core.methods.training.replica import Replica
from clnp_core.networks.layers import joined
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor


class SideBySide(Program):
    """One epoch of plain replicas.

    Matrices stand as [R, inputs, outputs], in which layout their gradients come out, biases as [R, 1, outputs]. What a
    layer reads, its active and its free neurons, and what it gives are each filled up with zeros to `Replica.room`,
    so that every replica's part of every operand and of every result begins where it would begin alone, and replicas
    need be only about as wide as each other. What is filled up stays 0: it reads 0, its gradient is 0, and so is Adam's
    step.
    """

    def __init__(self, replicas: list[Replica]) -> None:
        first = replicas[0].weights
        self._matrices = len(first.layers) + 1  # the hidden layers' and the head's stand before all biases
        self._outputs = len(first.head_weight)
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
            return list(map(self._filled_up, first.sources.at(rows))), first.job.task.train.y[rows]
        each = [replica.sources.at(rows[:, place]) for place, replica in enumerate(self._replicas)]
        labels = [replica.job.task.train.y[rows[:, place]] for place, replica in enumerate(self._replicas)]
        sources = [self._filled_up(torch.stack(source, 1)) for source in zip(*each, strict=True)]
        return sources, torch.stack(labels, 1)

    def _per_neuron(self, activation: Tensor) -> Tensor:
        return activation

    def _room(self, neurons: int) -> int:
        return self._replicas[0].room(neurons)

    def _parts(self, network: Trainable, place: int) -> list[tuple[slice, slice]]:
        """Where rows of the parameter in that place stand in the network's, and where in the program's."""
        counts = self._read(network, place)
        own = np.cumsum([0, *counts]).tolist()
        here = np.cumsum([0, *map(self._room, counts)]).tolist()
        starts = zip(own, here, counts, strict=False)
        return [(slice(one, one + count), slice(other, other + count)) for one, other, count in starts]

    def _read(self, network: Trainable, place: int) -> list[int]:
        """Rows of the parameter in that place: of a matrix what it reads, inputs, or active neurons, then free ones."""
        if place >= self._matrices:
            return [1]
        return [network.read[place - 1], len(network.free[place - 1])] if place else [network.architecture.inputs]

    def _stacked(self, name: str) -> list[Tensor]:
        networks = [replica.networks[name] for replica in self._replicas]
        stacked = []
        for place, tensors in enumerate(zip(*(network.parameters() for network in networks), strict=True)):
            is_matrix = place < self._matrices
            rows = sum(map(self._room, self._read(networks[0], place))) if is_matrix else 1
            filled = tensors[0].new_zeros(len(tensors), rows, self._room(len(tensors[0])))
            for network, tensor, room in zip(networks, tensors, filled, strict=True):
                turned = tensor.mT if is_matrix else tensor[None]
                for own, here in self._parts(network, place):
                    room[here, : len(tensor)] = turned[own]
            stacked.append(filled)
        return stacked

    def _hand_back(self) -> None:
        for name, stacked in self._tensors.items():
            for number, replica in enumerate(self._replicas):
                network, own = replica.networks[name], []
                for place, (tensor, like) in enumerate(zip(stacked, network.parameters(), strict=True)):
                    room = tensor.detach()[number]
                    each = torch.cat([room[here, : len(like)] for _, here in self._parts(network, place)])
                    own.append(each.mT if place < self._matrices else each[0])
                replica.networks[name] = network.with_parameters(own)

    def _filled_up(self, source: Tensor) -> Tensor:
        """source [..., n] → [..., n filled up with zeros]."""
        missing = self._room(source.shape[-1]) - source.shape[-1]
        return F.pad(source, (0, missing)) if missing else source
