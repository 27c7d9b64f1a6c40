"""What consolidating methods share: a penalty on leaving important weights, and where they keep what is important.

EWC, SI and ANPyC differ in what makes a weight important; all of them then hold it where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from clnp_core.lazy import torch
from clnp_core.methods.training import Regulariser
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor


class Penalty(Regulariser):
    """Adds the gradient of strength · Σ importance · (weight - anchor)².

    Several tasks' penalties are one: Σ_k Ω_k (θ - θ_k)² has the gradient of Σ_k Ω_k times the squared distance from the
    mean of the θ_k that the Ω_k weigh.

    Parameters
    ----------
    strength : float
    importance, anchor : Trainable
        Shaped like the network that is trained, on its device, and of which no neuron leaves the training.
    """

    def __init__(self, strength: float, importance: Trainable, anchor: Trainable) -> None:
        self._slopes = [tensor.mul(2 * strength)[None] for tensor in importance.parameters()]
        self._anchor = [tensor[None] for tensor in anchor.parameters()]
        self._distance: list[Tensor] = []

    def add_to(
        self, gradients: Sequence[Tensor], weights: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """As `Regulariser.add_to`."""
        if not self._distance:  # once, as allocating takes longer than computing
            self._distance = [torch.empty_like(tensor) for tensor in self._anchor]
        for gradient, weight, slope, anchor, distance in zip(
            gradients, weights, self._slopes, self._anchor, self._distance, strict=True
        ):
            gradient.addcmul_(slope, torch.sub(weight, anchor, out=distance))


def combined(change: Callable[..., Tensor], first: Trainable, *others: Trainable) -> Trainable:
    """A network whose parameters are each computed from those in the same place of networks of the same shape."""
    return first.with_parameters(list(map(change, *(each.parameters() for each in (first, *others)))))


def as_memory(name: str, values: Trainable, network: Network) -> dict[str, Tensor]:
    """Name values for `Network.memory`, one for each parameter that tasks share.

    Those are the hidden layers' and a single head's; a head of several belongs to its task alone.

    Parameters
    ----------
    name : str
        What the values are, such as "importance".
    values : Trainable
        Of the whole network, no neuron of which has left the training.
    network : Network
        Before the task. Where tasks differ in classes, outputs that this one does not have keep what they had there.

    Returns
    -------
    dict of str to tensor
        On the processor: "importance.weights.0", ".biases.0", ".scales.0" of each hidden layer, ".head".
    """
    memory = {}
    for each, value in zip(_names(name, values), values.parameters(), strict=True):
        if each is None:
            continue
        memory[each] = value.cpu().contiguous()
        if each == f"{name}.head":
            full = network.memory.get(each, torch.zeros_like(network.head_weights[0])).clone()
            full[: len(value)] = memory[each]
            memory[each] = full
    return memory


def from_memory(name: str, network: Network, like: Trainable) -> Trainable:
    """Read back what `as_memory` named, for the next task; 0 where nothing was kept, as in a head of its own.

    Parameters
    ----------
    name : str
    network : Network
        After the task before.
    like : Trainable
        What the next task trains, as it starts. The values come on its device.
    """
    read = []
    for each, parameter in zip(_names(name, like), like.parameters(), strict=True):
        kept = network.memory.get(each) if each else None
        if kept is None:
            read.append(torch.zeros_like(parameter))
        else:
            read.append(kept[: len(parameter)].to(parameter.device))
    return like.with_parameters(read)


def _names(name: str, values: Trainable) -> list[str | None]:
    """What each of the parameters is called; None for those of a head that is its task's own."""
    places = range(len(values.layers))
    is_shared = values.head_bias is None  # only the heads of several have a bias
    return [
        *(f"{name}.weights.{place}" for place in places),
        f"{name}.head" if is_shared else None,
        *(f"{name}.biases.{place}" for place in places),
        *([] if is_shared else [None]),
        *(f"{name}.scales.{place}" for place, layer in enumerate(values.layers) if layer.norm),
    ]
