"""How important each weight of a network is to the tasks learned, as the method says that trained it.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_MOST_OF_IT = 0.9


@dataclass(frozen=True, eq=False)
class Importance:
    """Importance Ω after a task. Layer 0 is the input and layer 1 the first hidden one.

    Attributes
    ----------
    task : int
        Tasks learned.
    names : tuple of str
        Of all layers that have it: the input, the hidden layers, and the output where tasks share one head.
    read : callable
        Returns Ω of the weights into layer l (1 for the first hidden one), 0 or more, [N_l, N_{l-1}, ...].
    """

    task: int
    names: tuple[str, ...]
    read: Callable[[int], np.ndarray]

    def links(self, layer: int) -> np.ndarray:
        """Return the importance of the links into a layer, summed over a kernel: [N_l, N_{l-1}]."""
        values = self.read(layer)
        links: np.ndarray = values.reshape(*values.shape[:2], -1).sum(2)
        return links

    def concentration(self, layer: int) -> float:
        """Compute the share of the links into a layer that have nine tenths of its importance; nan if it has none."""
        return concentration(self.links(layer))


def concentration(importance: np.ndarray) -> float:
    """Compute the share of values, the largest ones, that make up nine tenths of the sum; nan if that is 0.

    >>> concentration(np.array([[0.0, 9.0], [0.5, 0.5]]))
    0.25
    """
    values = np.sort(importance.ravel().astype(float))[::-1]
    if not values.sum() > 0:
        return float("nan")
    return float((np.searchsorted(values.cumsum(), _MOST_OF_IT * values.sum()) + 1) / values.size)
