"""Elastic Weight Consolidation (Kirkpatrick et al. 2017): a weight is important that the answers hang on.

After each task the diagonal of the Fisher information F is computed on some of its training images, exactly
(`clnp_core.methods.fisher`). Later tasks are trained with λ/2 Σ_k F_k (θ - θ_k)² added to their loss, over all tasks k
before. As published a Fisher and an anchor θ_k are kept for each task: twice the numbers of the network per task. The
sum's gradient needs only Σ_k F_k and the mean of the θ_k that it weighs, which is what is kept here: twice the numbers
of the network in all.

Online (Schwarz et al. 2018) there is one penalty, F ← γ F + F_k, and its anchor is where the task before ended: as many
numbers as the network has are kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from clnp_core.lazy import torch
from clnp_core.methods import consolidation
from clnp_core.methods.consolidation import (
    IMPORTANCE,
    Consolidating,
    Penalty,
    as_memory,
    combined,
    from_memory,
    importance_before,
)
from clnp_core.methods.fisher import fisher
from clnp_core.methods.method import Candidate, Lesson
from clnp_core.networks.network import Network
from clnp_core.networks.subnetwork import Trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Task

if TYPE_CHECKING:
    from torch import Tensor

_ANCHOR, _FISHER = "anchor", "fisher"


class Settings(consolidation.Settings):
    """Of Elastic Weight Consolidation."""

    strength: float = Field(
        default=100.0, ge=0, le=1e12, description="λ: how strongly important weights are held where they are"
    )
    online: bool = Field(
        default=False, description="Whether one penalty stands for all tasks before, rather than one for each"
    )
    gamma: float = Field(
        default=1.0, gt=0, le=1, description="γ: how much of the penalty stays from task to task, if it is online"
    )
    samples: int = Field(
        default=1000, ge=1, le=10_000_000, description="Training images that importance is computed on, at most"
    )


class FisherPenalty(Penalty):
    """The penalty, and the Fisher information of the network that a training leaves.

    Parameters
    ----------
    strength, importance, anchor
        As `Penalty`.
    samples : int
        Training images to compute it on, at most.
    seed : int
        Which those are.
    """

    def __init__(
        self, strength: float, importance: Trainable | None, anchor: Trainable, samples: int, seed: int
    ) -> None:
        super().__init__(strength, importance, anchor)
        self._samples, self._seed = samples, seed

    def conclude(self, network: Trainable, task: Task, pulse: Callable[[], None]) -> dict[str, Trainable]:
        """As `Regulariser.conclude`."""
        images = task.train.x
        drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(self._seed))
        return {_FISHER: fisher(network, images[drawn[: self._samples].to(images.device)], pulse)}


class EWC(Consolidating):
    """Elastic Weight Consolidation."""

    about = "Elastic Weight Consolidation: weights that an earlier task's answers hang on are held where they were."
    place = 4
    measured = _FISHER
    Settings = Settings
    searched: ClassVar[Mapping[str, tuple[float, ...]]] = {"strength": (10.0, 100.0, 1e3, 1e4)}

    def regulariser(self, lesson: Lesson, start: Trainable) -> FisherPenalty:
        """As `Consolidating.regulariser`."""
        own, network = lesson.settings, lesson.network
        assert isinstance(own, Settings)
        importance = importance_before(network, start)
        seed = derive_seed(lesson.seed, "Fisher information", lesson.task)
        return FisherPenalty(own.strength / 2, importance, _anchor(network, start), own.samples, seed)

    def remembered(self, lesson: Lesson, winner: Candidate) -> dict[str, Tensor]:
        """As `Consolidating.remembered`: the sum of all Fishers, and where it pulls to if that is not the weights."""
        own, network, start = winner.settings, lesson.network, self.start(lesson)
        assert isinstance(own, Settings)
        before, new = from_memory(IMPORTANCE, network, start), winner.memory[_FISHER]

        # Each operation by itself rounds alike on every kind of processor.
        if own.online:
            return as_memory(IMPORTANCE, combined(lambda one, other: one * own.gamma + other, before, new), network)
        total = combined(torch.add, before, new)

        def moved(anchor: Tensor, weight: Tensor, share: Tensor, of: Tensor) -> Tensor:
            return torch.where(of > 0, anchor + (weight - anchor) * (share / of), weight)

        anchor = combined(moved, _anchor(network, start), winner.network, new, total)
        return as_memory(IMPORTANCE, total, network) | as_memory(_ANCHOR, anchor, network)


def _anchor(network: Network, start: Trainable) -> Trainable:
    """Where the penalty pulls to: what was kept of it, or else where the task before ended."""
    is_kept = any(name.startswith(f"{_ANCHOR}.") for name in network.memory)
    return from_memory(_ANCHOR, network, start) if is_kept else start


METHOD = EWC()
