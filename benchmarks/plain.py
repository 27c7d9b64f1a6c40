"""The plain PyTorch loop that CLNP's training is held against."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clnp_core.methods.training import Hyperparameters, accuracy
from clnp_core.networks.architectures import Architecture
from clnp_core.tasks.streams import Task


class Plain:
    """torch.nn's layers, data in memory, indexed batches, fused Adam, L1 in the loss; no masks and no continual method.

    Parameters
    ----------
    architecture : Architecture
    settings : Hyperparameters
    seed : int
    channels_last : bool
        Whether images and weights have a pixel's channels side by side, which torch does not do by itself.
    """

    def __init__(
        self, architecture: Architecture, settings: Hyperparameters, seed: int, channels_last: bool = False
    ) -> None:
        torch.manual_seed(seed)
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = module(architecture).to(memory_format=self._format)
        self._input_shape = architecture.input_shape if architecture.hidden[0].kind == "conv" else (-1,)
        self._settings = settings
        self.begin_task()

    def begin_task(self) -> None:
        """A fresh optimiser."""
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=self._settings.learning_rate, fused=True)

    def epoch(self, task: Task) -> float:
        """One epoch, and the validation accuracy after it. Returns the seconds it took."""
        start = time.perf_counter()
        weights = [layer.weight for layer in self.network if isinstance(layer, nn.Linear | nn.Conv2d)]
        self.network.train()
        for rows in torch.randperm(len(task.train)).split(self._settings.batch_size):
            loss = F.cross_entropy(self(task.train.x[rows]), task.train.y[rows])
            for weight, l1 in zip(weights, self._settings.l1, strict=True):
                loss = loss + l1 * weight.abs().sum()
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self._optimiser.step()
        self.network.eval()
        accuracy(self, task.validation)
        return time.perf_counter() - start

    def __call__(self, x: Tensor) -> Tensor:
        """Logits: x [batch, inputs] → [batch, outputs]."""
        return self.network(x.unflatten(-1, self._input_shape).contiguous(memory_format=self._format))


def module(architecture: Architecture) -> nn.Sequential:
    """The network in torch's own layers, with one head without a bias."""
    layers: list[nn.Module] = []
    for layer, shape in zip(architecture.hidden, architecture.weight_shapes, strict=False):
        if layer.kind == "conv":
            layers.append(nn.Conv2d(shape[1], layer.width, layer.kernel, layer.stride, layer.padding))
            norm = nn.BatchNorm2d
        else:
            layers += [nn.Flatten(), nn.Linear(math.prod(shape[1:]), layer.width)]
            norm = nn.BatchNorm1d
        layers += [*([norm(layer.width)] if layer.batch_norm else []), nn.ReLU()]
        if layer.kind == "conv" and layer.pool:
            pool = nn.MaxPool2d if layer.pool.kind == "max" else nn.AvgPool2d
            layers.append(pool(layer.pool.kernel, layer.pool.stride, layer.pool.padding))
        if layer.dropout:
            layers.append(nn.Dropout(layer.dropout))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(architecture.fan_in[-1], architecture.outputs, bias=False))
