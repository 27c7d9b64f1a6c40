"""Regularisers: terms that methods add to the gradients of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from clnp_core.lazy import torch
from clnp_core.methods.training import Regulariser

if TYPE_CHECKING:
    from torch import Tensor


class L1(Regulariser):
    """The sum of absolute values of each layer's free weights times its coefficient λ (section 2.2).

    Parameters
    ----------
    coefficients : sequence of float, or of tensors [R]
        Of each hidden layer and, last, of the output layer; biases are not penalised.
    """

    is_plain: ClassVar[bool] = True

    def __init__(self, coefficients: Sequence[float | Tensor]) -> None:
        self._coefficients = [torch.as_tensor(each, dtype=torch.float32).reshape(-1) for each in coefficients]
        self._ready: list[tuple[int, Tensor, Tensor]] | None = None

    @classmethod
    def together(cls, each: Sequence[Self]) -> Self:
        """As `Regulariser.together`."""
        return cls([torch.cat(layer) for layer in zip(*(one._coefficients for one in each), strict=True)])

    def add_to(
        self, gradients: Sequence[Tensor], weights: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """As `Regulariser.add_to`."""
        if self._ready is None:  # once an epoch: the shapes of a program's tensors stay
            self._ready = [
                (place, _beside(each.to(weights[place].device), weights[place]), torch.empty_like(weights[place]))
                for place, each in enumerate(self._coefficients)
                if each.any()
            ]
        for place, coefficient, sign in self._ready:
            gradients[place].addcmul_(torch.sign(weights[place], out=sign), coefficient)


def _beside(values: Tensor, tensor: Tensor) -> Tensor:
    """values [R] to be combined with a tensor [R, ...]."""
    return values.view(-1, *[1] * (tensor.ndim - 1))
