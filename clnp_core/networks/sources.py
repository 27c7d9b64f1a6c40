"""What a task's free neurons read and cannot change, sample by sample."""

from __future__ import annotations

from torch import Tensor

from clnp_core.networks.subnetwork import Trainable

_BATCH = 1024


class Sources:
    """The images of a split, and the activations of the active neurons on them.

    Those do not change while a task is trained, so they are computed once, if there is room for them.

    Parameters
    ----------
    network : Trainable
    x : tensor [N, inputs]
    limit : int
        Bytes the activations may take; if they would take more they are computed anew whenever they are asked for.
    """

    def __init__(self, network: Trainable, x: Tensor, limit: int) -> None:
        self._network = network
        self._x = x
        widths = [len(bias) for bias in network.frozen_biases]
        self._frozen: list[Tensor] | None = None
        if len(x) * sum(widths) * x.element_size() <= limit:
            self._frozen = [x.new_empty(len(x), width) for width in widths]
            for start in range(0, len(x), _BATCH):
                rows = slice(start, start + _BATCH)
                for kept, activation in zip(self._frozen, network.sources(x[rows])[1:], strict=True):
                    kept[rows] = activation

    def __len__(self) -> int:
        return len(self._x)

    def at(self, rows: Tensor | slice) -> list[Tensor]:
        """As `Trainable.sources` gives them: rows [...] → [..., inputs] and [..., A_l] of each layer that is read."""
        if self._frozen is None:
            return self._network.sources(_rows(self._x, rows))
        return [_rows(tensor, rows) for tensor in (self._x, *self._frozen)]


def _rows(tensor: Tensor, rows: Tensor | slice) -> Tensor:
    if isinstance(rows, slice):
        return tensor[rows]
    return tensor.index_select(0, rows.flatten()).unflatten(0, rows.shape)  # faster than tensor[rows]
