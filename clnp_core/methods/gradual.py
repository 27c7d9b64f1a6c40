"""Gradual pruning: neurons leave a training a few at a time, as long as validation accuracy allows it.

The paper iterates pruning and fine-tuning (section 2.2). Here an iteration is one epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods.graceful import in_margin
from clnp_core.methods.nested import Nested
from clnp_core.methods.training import Epoch, Gradual, Pruner
from clnp_core.networks.layers import spatial_mean
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor

_TRIED = 8  # networks between the one as it is and the sparsest that the largest share of a layer allows
_BATCH = 512


class GradualPruner(Pruner):
    """At the end of an epoch, prunes at the highest θ that keeps the best validation accuracy so far less a tolerance.

    Of no layer more than a share leaves, the least active neurons. A neuron that has left does not come back.

    Parameters
    ----------
    settings : Gradual
    labels : int64 tensor [N]
        Of the validation set.
    """

    def __init__(self, settings: Gradual, labels: Tensor) -> None:
        self.tolerance = settings.tolerance
        self._settings = settings
        self._labels = labels

    def survivors(
        self, network: Trainable, train: Sources, validation: Sources, epochs: Sequence[Epoch]
    ) -> list[np.ndarray] | None:
        """As `Pruner.survivors`."""
        given = self._settings
        if len(epochs) < given.first_epoch or not sum(map(len, network.free)):
            return None
        floor = max(epoch.validation_accuracy for epoch in epochs) - self.tolerance
        activity = _activity(network, train, given.images)
        widths = np.array([len(layer) for layer in activity])
        fewest = widths - np.minimum(widths, np.maximum(1, (given.largest_share * widths).astype(int)))
        nested = Nested(network, activity)

        def sparsest(tried: np.ndarray) -> np.ndarray | None:
            """The first within the floor of counts [T, L] of neurons kept, none of which ever falls."""
            batches = (
                nested.batch(self._labels[rows], validation.at(rows), tried[-1]) for rows in _rows(len(validation))
            )
            within = [in_margin(reached, floor) for reached in nested.accuracies(tried, batches).tolist()]
            return tried[within.index(True)] if any(within) else None

        kept = sparsest(_at_shared_thresholds(activity, fewest))
        if given.theta_mode == "per-layer":
            start = widths if kept is None else kept
            # The layer that keeps the most of what it may lose comes first.
            for layer in np.argsort((fewest - start) / np.maximum(1, widths), kind="stable"):
                fewer = np.linspace(fewest[layer], start[layer], _TRIED, endpoint=False).round().astype(int)
                tried = np.repeat(start[None], len(fewer), 0)
                tried[:, layer] = fewer
                found = sparsest(tried)
                start = start if found is None else found
            kept = start
        if kept is None or (kept == widths).all():
            return None
        return [_most_active(layer, count) for layer, count in zip(activity, kept, strict=True)]


def _activity(network: Trainable, sources: Sources, images: int) -> list[np.ndarray]:
    """Mean activity of each free neuron, float64 [F_l], over so many images spread evenly over all."""
    looked_at = np.linspace(0, len(sources), min(images, len(sources)), endpoint=False).astype(int)
    device = network.head_weight.device
    places = torch.from_numpy(looked_at).to(device)
    totals = [torch.zeros(layer.width, dtype=torch.float64, device=device) for layer in network.layers]
    with torch.no_grad():
        for rows in places.split(_BATCH):
            _, trained = network.forward(sources.at(rows))
            for total, activation in zip(totals, trained, strict=True):
                total += spatial_mean(activation).sum(0)
    return [(total / len(places)).cpu().numpy() for total in totals]


def _rows(samples: int) -> list[slice]:
    return [slice(start, start + _BATCH) for start in range(0, samples, _BATCH)]


def _at_shared_thresholds(activity: Sequence[np.ndarray], fewest: np.ndarray) -> np.ndarray:
    """Counts [T, L] of neurons that layers keep at a few θ, the highest first, but no fewer than `fewest`."""
    layers = [np.sort(layer) for layer in activity]
    may_leave = [layer[: len(layer) - few] for layer, few in zip(layers, fewest, strict=True)]
    thetas = np.sort(np.concatenate(may_leave))[::-1]
    thetas = thetas[np.linspace(0, len(thetas), _TRIED, endpoint=False).astype(int)]
    return np.maximum([[np.count_nonzero(layer > theta) for layer in layers] for theta in thetas], fewest)


def _most_active(activity: np.ndarray, count: int) -> np.ndarray:
    """Which neurons are the most active ones, so many: bool [F_l]."""
    kept = np.zeros(len(activity), bool)
    kept[np.argsort(-activity, kind="stable")[:count]] = True
    return kept
