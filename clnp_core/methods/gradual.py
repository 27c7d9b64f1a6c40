"""Gradual pruning: neurons leave a training a few at a time, as long as validation accuracy allows it.

The paper iterates pruning and fine-tuning (section 2.2). Here an iteration is one epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clnp_core.methods.graceful import in_margin
from clnp_core.methods.nested import Nested
from clnp_core.methods.training import Epoch, Gradual, Measure, Pruner
from clnp_core.methods.training.shrinking import EVALUATION_BATCH
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor

# Networks that are tried at the end of an epoch. Of plain ones the more neurons only add to the fewer.
_TRIES, _TRIES_OF_MAPS = 6, 2
_LEAST = 1e-30  # that a mean is divided by


class GradualPruner(Pruner):
    """At the end of an epoch, prunes at the highest θ that keeps its validation accuracy, less a tolerance.

    Of no layer more than a share leaves, the least active neurons. A neuron that has left does not come back.

    Parameters
    ----------
    settings : Gradual
    labels : int64 tensor [N]
        Of the validation set.
    measure : {"accuracy", "balanced"}
    """

    def __init__(self, settings: Gradual, labels: Tensor, measure: Measure = "accuracy") -> None:
        self.by_gradient = settings.criterion == "taylor"
        self._settings = settings
        self._labels = labels
        self._measure = measure

    def floor(self, best: float) -> float:
        """As `Pruner.floor`: a difference of less than one standard error is no evidence (Breiman et al. 1984)."""
        return best - _standard_error(best, self._samples)

    @property
    def _samples(self) -> float:
        """Samples of which an accuracy would have the standard error of the measure; those there are, of accuracy.

        A mean over C classes of n_c samples has the variance Σ p (1 - p) / n_c / C², where p is the same in each.
        """
        if self._measure == "accuracy":
            return len(self._labels)
        sizes = np.unique(self._labels.cpu().numpy(), return_counts=True)[1]
        samples: float = len(sizes) ** 2 / (1 / sizes).sum()
        return samples

    def survivors(
        self, network: Trainable, importance: list[np.ndarray], validation: Sources, epochs: Sequence[Epoch]
    ) -> list[np.ndarray] | None:
        """As `Pruner.survivors`."""
        given = self._settings
        if len(epochs) < given.first_epoch or not sum(map(len, network.free)):
            return None
        if given.criterion == "relative":
            importance = [layer / max(layer.mean(), _LEAST) if len(layer) else layer for layer in importance]
        floor = epochs[-1].validation_accuracy - given.tolerance
        widths = np.array([len(layer) for layer in importance])
        fewest = widths - np.minimum(widths, np.maximum(1, (given.largest_share * widths).astype(int)))
        nested = Nested(network, importance)
        tries = _TRIES if network.architecture.is_plain else _TRIES_OF_MAPS

        def sparsest(tried: np.ndarray) -> np.ndarray | None:
            """The first within the floor of counts [T, L] of neurons kept, none of which ever falls."""
            starts = range(0, len(validation), EVALUATION_BATCH)
            parts = (slice(start, start + EVALUATION_BATCH) for start in starts)
            batches = (nested.batch(self._labels[rows], validation.at(rows), tried[-1]) for rows in parts)
            reached = nested.accuracies(tried, batches, self._measure).tolist()
            within = [in_margin(each, floor) for each in reached]
            return tried[within.index(True)] if any(within) else None

        kept = sparsest(_at_shared_thresholds(importance, fewest, tries))
        if given.theta_mode == "per-layer":
            start = widths if kept is None else kept
            # The layer that keeps the most of what it may lose comes first.
            for layer in np.argsort((fewest - start) / np.maximum(1, widths), kind="stable"):
                fewer = np.linspace(fewest[layer], start[layer], tries, endpoint=False).round().astype(int)
                tried = np.repeat(start[None], len(fewer), 0)
                tried[:, layer] = fewer
                found = sparsest(tried)
                start = start if found is None else found
            kept = start
        if kept is None or (kept == widths).all():
            return None
        return [_most_active(layer, count) for layer, count in zip(importance, kept, strict=True)]


def _standard_error(accuracy: float, samples: float) -> float:
    """Of an accuracy on so many samples; with two right and two wrong ones added, as at 100 % it would be 0 without.

    Agresti and Coull 1998, 'plus four'.
    """
    share = (accuracy * samples + 2) / (samples + 4)
    return math.sqrt(share * (1 - share) / (samples + 4))


def _at_shared_thresholds(activity: Sequence[np.ndarray], fewest: np.ndarray, tries: int) -> np.ndarray:
    """Counts [T, L] of neurons that layers keep at a few θ, the highest first, but no fewer than `fewest`."""
    layers = [np.sort(layer) for layer in activity]
    may_leave = [layer[: len(layer) - few] for layer, few in zip(layers, fewest, strict=True)]
    thetas = np.sort(np.concatenate(may_leave))[::-1]
    thetas = thetas[np.linspace(0, len(thetas), tries, endpoint=False).astype(int)]
    counts: np.ndarray = np.maximum([[np.count_nonzero(layer > theta) for layer in layers] for theta in thetas], fewest)
    return counts


def _most_active(activity: np.ndarray, count: int) -> np.ndarray:
    """Which neurons are the most active ones, so many: bool [F_l]."""
    kept = np.zeros(len(activity), bool)
    kept[np.argsort(-activity, kind="stable")[:count]] = True
    return kept
