"""What consolidating methods share: a penalty on leaving important weights, and where they keep what is important.

EWC, SI and ANPyC differ in what makes a weight important; all of them then hold it where it was.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from clnp_core.errors import DamagedError
from clnp_core.lazy import torch
from clnp_core.methods import method
from clnp_core.methods.finetune import FineTune
from clnp_core.methods.method import OPTIMISER, Candidate, Learned, Lesson, Pruning
from clnp_core.methods.training import Hooks, Hyperparameters, Job, OptimiserState, Regulariser
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor

IMPORTANCE = "importance"
"""What Ω is called in a network's memory."""

_MOST_STEPS = 2**31


class Penalty(Regulariser):
    """Adds the gradient of strength · Σ importance · (weight - anchor)².

    Several tasks' penalties are one: Σ_k Ω_k (θ - θ_k)² has the gradient of Σ_k Ω_k times the squared distance from the
    mean of the θ_k that the Ω_k weigh.

    Parameters
    ----------
    strength : float
    importance : Trainable or None
        Shaped like the network that is trained, on its device, and of which no neuron leaves the training. None where
        nothing is important yet: it adds nothing.
    anchor : Trainable
        Of the same shape.
    """

    def __init__(self, strength: float, importance: Trainable | None, anchor: Trainable) -> None:
        slopes = importance.parameters() if importance else []
        self._slopes = [tensor.mul(2 * strength)[None] for tensor in slopes]
        self._anchor = [tensor[None] for tensor in anchor.parameters()[: len(slopes)]]
        self._distance: list[Tensor] = []

    def add_to(
        self, gradients: Sequence[Tensor], weights: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """As `Regulariser.add_to`."""
        if not self._distance:  # once, as allocating takes longer than computing
            self._distance = [torch.empty_like(tensor) for tensor in self._anchor]
        # Where nothing is important yet the gradients are not gone through.
        for slope, anchor, distance, gradient, weight in zip(
            self._slopes, self._anchor, self._distance, gradients, weights, strict=False
        ):
            gradient.addcmul_(slope, torch.sub(weight, anchor, out=distance))


class Settings(method.Settings):
    """What all that carry Adam's state on may do otherwise."""

    reset_optimiser: bool = Field(
        default=False, description="Whether Adam starts afresh with each task, rather than go on with its averages"
    )


class Consolidating(FineTune):
    """Fine-tuning that a penalty holds back. What is important is kept in the network's memory, and Adam's state.

    Attributes
    ----------
    measured : str
        The memory of a training's regulariser from which importance is computed.
    """

    weighs = True
    Settings: ClassVar[type[method.Settings]] = Settings
    measured: ClassVar[str]

    @abstractmethod
    def regulariser(self, lesson: Lesson, start: Trainable) -> Regulariser:
        """Make the penalty for a task that is trained from `start`, on its device."""

    @abstractmethod
    def remembered(self, lesson: Lesson, winner: Candidate) -> dict[str, Tensor]:
        """Name what the next task has to know of this one and all before, but for Adam's state."""

    def carries(self, settings: method.Settings) -> tuple[str, ...]:
        """As `Method.carries`."""
        assert isinstance(settings, Settings)
        return (self.measured,) if settings.reset_optimiser else (self.measured, OPTIMISER)

    def jobs(self, lesson: Lesson, grid: Sequence[Hyperparameters], hooks: Sequence[Hooks]) -> list[Job]:
        """As `Method.jobs`."""
        jobs = super().jobs(lesson, grid, hooks)
        start = jobs[0].network
        optimiser = None
        if OPTIMISER in self.carries(lesson.settings):
            optimiser = optimiser_from_memory(lesson.network, start)
        regulariser = self.regulariser(lesson, start)
        return [replace(job, regulariser=regulariser, optimiser=optimiser) for job in jobs]

    def settle(
        self, lesson: Lesson, candidates: Sequence[Candidate], pruning: Pruning, pulse: Callable[[], None]
    ) -> tuple[Network, Learned]:
        """As `Method.settle`."""
        network, learned = super().settle(lesson, candidates, pruning, pulse)
        winner = candidates[learned.candidate]
        memory = self.remembered(lesson, winner)
        if OPTIMISER in self.carries(winner.settings):
            assert winner.optimiser is not None  # it is carried
            memory |= optimiser_as_memory(winner.optimiser, lesson.network)
        return replace(network, memory=memory), learned


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

    Raises
    ------
    DamagedError
        If what was kept is of another network.
    """
    read = []
    for each, parameter in zip(_names(name, like), like.parameters(), strict=True):
        kept = network.memory.get(each) if each else None
        if kept is None:
            read.append(torch.zeros_like(parameter))
            continue
        own = kept[: len(parameter)] if kept.ndim else kept
        if own.shape != parameter.shape or own.dtype != parameter.dtype:  # from an archive, for whose task no data was
            raise DamagedError(f"The network's memory is not its method's: {each} has the shape {list(kept.shape)}")
        read.append(own.to(parameter.device))
    return like.with_parameters(read)


def optimiser_as_memory(state: OptimiserState, network: Network) -> dict[str, Tensor]:
    """Name Adam's state for `Network.memory`, as `as_memory` names values: "average", "square" and "steps"."""
    averages = as_memory("average", state.average, network) | as_memory("square", state.square, network)
    return averages | {"steps": torch.tensor(state.steps)}


def optimiser_from_memory(network: Network, like: Trainable) -> OptimiserState | None:
    """Read back what `optimiser_as_memory` named; None where nothing was kept. As `from_memory`."""
    steps = network.memory.get("steps")
    if steps is None:
        return None
    if steps.shape or not 0 <= int(steps) <= _MOST_STEPS:
        raise DamagedError("The network's memory is not its method's: its training has no number of steps")
    average, square = (from_memory(name, network, like) for name in ("average", "square"))
    return OptimiserState(average, square, int(steps))


def importance_before(network: Network, start: Trainable) -> Trainable | None:
    """Ω of all tasks so far, shaped like what the next one trains; None before the first."""
    return from_memory(IMPORTANCE, network, start) if network.tasks else None


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
