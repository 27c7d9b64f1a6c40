"""Drops free neurons that have died from a training: decides which ones, and when to look for them.

As they leave, no output and no gradient of the rest changes. Later ones may: what a dead neuron reads goes on changing,
and so do its weights under L1, so that it might have fired again. Of 655 that were ever dead, 121 would have.
"""

from __future__ import annotations

import numpy as np

from clnp_core.lazy import torch
from clnp_core.methods.training.settings import SMALL_ACTIVITY, Hyperparameters
from clnp_core.networks.layers import forward_pass
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import Trainable

EVALUATION_BATCH = 1024
"""Samples that are looked at together: their activations stay in the processor's cache."""

# Shrunk layers are as wide as a multiple of this: small enough to cost little, and replicas keep equal shapes.
_WIDTH_STEP = {"dense": 64, "conv": 16}


def survivors(
    network: Trainable, activity: list[np.ndarray], sources: Sources, given: Hyperparameters, epochs_left: int
) -> list[np.ndarray] | None:
    """Which free neurons to go on with; None where the epochs to come would gain less by it than looking costs.

    Parameters
    ----------
    network : Trainable
    activity : per hidden layer a float array [F_l]
        Mean activity of each free neuron in the last epoch.
    sources : Sources
        Of the training set.
    given : Hyperparameters
    epochs_left : int

    Returns
    -------
    Per hidden layer a bool array [F_l], or None.
    """
    if given.shrink == "none":
        return None
    exact = given.shrink == "exact"
    dead = [mean <= (0.0 if exact else SMALL_ACTIVITY) for mean in activity]
    kept = _kept(network, dead, activity)
    sizes = _sizes(network, [np.ones(len(mean), bool) for mean in activity])
    saved = (sum(sizes) - sum(_sizes(network, kept))) * epochs_left
    # Looking is a forward pass up to the layer below the last, an epoch's steps are three of all layers.
    if not saved or (exact and saved < sum(sizes[:-2]) / 3):
        return None
    if exact:
        fire = fires(network, sources, dead)
        kept = _kept(network, [layer & ~fired for layer, fired in zip(dead, fire, strict=True)], activity)
    return None if all(layer.all() for layer in kept) else kept


def _kept(network: Trainable, dead: list[np.ndarray], activity: list[np.ndarray]) -> list[np.ndarray]:
    """Per layer the neurons to go on with: all that live, and of the dead the most active up to a `_WIDTH_STEP`."""
    kept = []
    for layer, gone, mean in zip(network.architecture.hidden, dead, activity, strict=True):
        step = _WIDTH_STEP[layer.kind]
        keep = np.zeros(len(gone), bool)
        keep[np.lexsort((-mean, gone))[: -(-np.count_nonzero(~gone) // step) * step]] = True
        kept.append(keep)
    return kept


def _sizes(network: Trainable, kept: list[np.ndarray]) -> list[float]:
    """Multiplications of each layer's free rows for a sample, the head's last, with only those free neurons."""
    architecture = network.architecture
    _, below, *_ = architecture.weight_shapes[0]
    sizes, rows = [], [*(int(keep.sum()) for keep in kept), len(network.head_weight)]
    for shape, products, count, read in zip(
        architecture.weight_shapes, architecture.products, rows, (*network.read, 0), strict=True
    ):
        sizes.append(products * (count / shape[0]) * (below / shape[1]))
        below = read + count
    return sizes


def fires(network: Trainable, sources: Sources, asked: list[np.ndarray]) -> list[np.ndarray]:
    """Which of the free neurons asked about have an activation above 0 on any sample.

    Parameters
    ----------
    network : Trainable
    sources : Sources
        Of the samples.
    asked : per hidden layer a bool array [F_l]

    Returns
    -------
    Per hidden layer a bool array [F_l], False for those not asked about.
    """
    architecture, device = network.architecture, network.head_weight.device
    rows = [torch.from_numpy(np.flatnonzero(layer)).to(device) for layer in asked]
    last = max((layer for layer, wanted in enumerate(rows) if len(wanted)), default=0)
    highest = [torch.zeros(len(wanted), device=device) for wanted in rows]
    # Of the last layer asked about only the neurons asked about, which is what makes looking cheap.
    layers = [*network.layers[:last], network.layers[last].rows(rows[last])]
    with torch.no_grad():
        for start in range(0, len(sources), EVALUATION_BATCH):
            x, *frozen = sources.at(slice(start, start + EVALUATION_BATCH))
            for place, (activation, _) in enumerate(forward_pass(architecture, layers, x, frozen[:last])):
                if len(rows[place]):
                    own = activation if place == last else activation[:, rows[place]]
                    highest[place] = torch.maximum(highest[place], own.transpose(0, 1).flatten(1).amax(1))
    fired = [np.zeros(len(layer), bool) for layer in asked]
    for layer, wanted, most in zip(fired, rows, highest, strict=True):
        layer[wanted.cpu()] = (most > 0).cpu()
    return fired
