"""Computes a network's accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from clnp_core.lazy import torch
from clnp_core.methods.training.shrinking import EVALUATION_BATCH
from clnp_core.tasks.streams import Split

if TYPE_CHECKING:
    from torch import Tensor


def accuracy(network: Callable[[Tensor], Tensor], split: Split) -> float:
    """Fraction of samples whose largest logit is their label's."""
    return counted(lambda rows: network(split.x[rows]), split.y)


def counted(logits: Callable[[slice], Tensor], labels: Tensor) -> float:
    """The same, given the logits of rows of the samples."""
    correct = torch.zeros((), dtype=torch.int64, device=labels.device)
    with torch.no_grad():
        for start in range(0, len(labels), EVALUATION_BATCH):
            rows = slice(start, start + EVALUATION_BATCH)
            correct += (logits(rows).argmax(1) == labels[rows]).sum()
    return int(correct) / len(labels)
