"""Computes a network's accuracy, and what it is counted by: all samples alike, or every class alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods.training.settings import Measure
from clnp_core.methods.training.shrinking import EVALUATION_BATCH
from clnp_core.tasks.streams import Split

if TYPE_CHECKING:
    from torch import Tensor


def accuracy(network: Callable[[Tensor], Tensor], split: Split, measure: Measure = "accuracy") -> float:
    """Fraction of samples whose largest logit is their label's, or the mean of it over the classes there are."""
    return measured(answers(lambda rows: network(split.x[rows]), len(split)), split.y, measure)


def answers(logits: Callable[[slice], Tensor], samples: int) -> Tensor:
    """The class each sample is taken for, int64 [samples], given the logits of rows of them."""
    starts = range(0, samples, EVALUATION_BATCH)
    with torch.no_grad():
        return torch.cat([logits(slice(start, start + EVALUATION_BATCH)).argmax(1) for start in starts])


def measured(answered: Tensor, labels: Tensor, measure: Measure) -> float:
    """The accuracy of answers [N], given the labels [N]."""
    sizes = torch.bincount(labels)
    right = right_by_class(answered == labels, labels, len(sizes))
    return float(share_right(right.cpu().numpy(), sizes.cpu().numpy(), measure))


def right_by_class(right: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Count right answers: bool [..., N] and labels [N] → int64 [..., classes]."""
    counts = torch.zeros(*right.shape[:-1], classes, dtype=torch.int64, device=right.device)
    return counts.scatter_add_(-1, labels.expand_as(right), right.long())


def share_right(right: np.ndarray, sizes: np.ndarray, measure: Measure) -> np.ndarray:
    """Accuracies [...], from right answers [..., classes] and the samples of each class [classes].

    Counts are whole numbers, so that nothing depends on the order in which batches were counted.
    """
    if measure == "accuracy":
        shares: np.ndarray = right.sum(-1) / sizes.sum()
        return shares
    recalls: np.ndarray = right / np.maximum(sizes, 1)
    mean: np.ndarray = recalls.sum(-1) / np.count_nonzero(sizes)
    return mean
