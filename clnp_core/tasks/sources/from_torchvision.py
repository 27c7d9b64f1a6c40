"""Data sets that torchvision downloads."""

import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from clnp_core.tasks.sources.source import Arrays


def from_torchvision(name: str) -> Callable[[], Arrays]:
    """What downloads the data set that torchvision has under that name."""
    return partial(_download, name)


def _download(name: str) -> Arrays:
    from clnp_core.tasks.torchvision_import import torchvision_datasets

    fetch: Callable[..., Any] = getattr(torchvision_datasets(), name)
    with tempfile.TemporaryDirectory() as scratch:
        train, test = (fetch(scratch, train=part, download=True) for part in (True, False))
    return {
        "x_train": _channels_first(np.asarray(train.data)),
        "y_train": np.asarray(train.targets, np.int64),
        "x_test": _channels_first(np.asarray(test.data)),
        "y_test": np.asarray(test.targets, np.int64),
    }


def _channels_first(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W] or [N, H, W, C] as [N, C, H, W]."""
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
