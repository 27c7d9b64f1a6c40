"""The plain PyTorch loop that CLNP's training is held against."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.nn import functional as F

from clnp_core.methods.training import Hyperparameters, accuracy
from clnp_core.networks.architectures import Architecture
from clnp_core.tasks.streams import Task


class Plain:
    """nn.Linear layers, data in memory, indexed batches, fused Adam, L1 in the loss; no masks and no continual method.

    Parameters
    ----------
    architecture : Architecture
    settings : Hyperparameters
    seed : int
    """

    def __init__(self, architecture: Architecture, settings: Hyperparameters, seed: int) -> None:
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for inputs, width in zip(architecture.fan_in, architecture.widths, strict=False):
            layers += [nn.Linear(inputs, width), nn.ReLU()]
        head = nn.Linear(architecture.fan_in[-1], architecture.outputs, bias=False)
        self.network = nn.Sequential(*layers, head)
        self._settings = settings
        self.begin_task()

    def begin_task(self) -> None:
        """A fresh optimiser."""
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=self._settings.learning_rate, fused=True)

    def epoch(self, task: Task) -> float:
        """One epoch, and the validation accuracy after it. Returns the seconds it took."""
        start = time.perf_counter()
        weights = [layer.weight for layer in self.network if isinstance(layer, nn.Linear)]
        for rows in torch.randperm(len(task.train)).split(self._settings.batch_size):
            loss = F.cross_entropy(self.network(task.train.x[rows]), task.train.y[rows])
            for weight, l1 in zip(weights, self._settings.l1, strict=True):
                loss = loss + l1 * weight.abs().sum()
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self._optimiser.step()
        accuracy(self.network, task.validation)
        return time.perf_counter() - start
