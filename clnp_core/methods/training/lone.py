"""Trains one network of any architecture, with any hooks of its method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clnp_core.lazy import torch
from clnp_core.methods.training.program import Program
from clnp_core.methods.training.replica import Replica
from clnp_core.networks.layers import spatial_mean
from clnp_core.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor


class LoneProgram(Program):
    """One epoch of a single replica: R is 1, and parameters stand as the network has them."""

    def __init__(self, replicas: list[Replica]) -> None:
        super().__init__(replicas)
        (self._replica,) = replicas
        self._network = self._replica.weights
        seed = derive_seed(self._first.seed, "dropout", len(self._replica.history) + 1)
        self._drops = torch.Generator(self._device).manual_seed(seed)

    def _forward(self, sources: list[Tensor], labels: Tensor) -> tuple[Tensor, list[Tensor]]:
        network = self._network.with_parameters([tensor[0] for tensor in self._weights])
        reads = self._first.reads
        logits, trained = network.forward([source[0] for source in sources], True, self._drops, reads)
        logits = self._first.objective.logits(logits, labels[0])
        return logits[None], [activation[None] for activation in trained]

    def _gathered(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        return self._replica.sources.at(rows), self._first.task.train.y[rows]

    def _per_neuron(self, activation: Tensor) -> Tensor:
        return spatial_mean(activation[0])[None]

    def _room(self, neurons: int) -> int:
        return neurons

    def _stacked(self, name: str) -> list[Tensor]:
        # Lent, so that a large network is not copied every epoch.
        return [tensor.contiguous()[None] for tensor in self._replicas[0].networks[name].parameters()]

    def _hand_back(self) -> None:
        for name, stacked in self._tensors.items():
            network = self._replica.networks[name]
            self._replica.networks[name] = network.with_parameters([tensor.detach()[0] for tensor in stacked])
