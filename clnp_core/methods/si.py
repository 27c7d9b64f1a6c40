"""Synaptic Intelligence (Zenke, Poole and Ganguli 2017): a weight is important that made the loss fall.

While a task is trained, ω of each weight sums up -g Δθ: the gradient of the cross-entropy alone, and the step that was
taken. At its end Ω ← max(0, Ω + ω / ((θ - θ*)² + ξ)) and θ* ← θ; the next task is trained with c Σ Ω (θ - θ*)² added to
its loss. θ* is where a task starts, so that only Ω is kept beside the weights, a number for each, and ω and θ* while a
task is trained. Formulas and settings are those of the authors' code (ganguli-lab/pathint).

Where validation stops a training early, ω is that of the path to the epoch that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from clnp_core.methods.method import Candidate, Lesson
from clnp_core.networks.subnetwork import Trainable

if TYPE_CHECKING:
    from torch import Tensor

_PATH = "path"


class Settings(consolidation.Settings):
    """Of Synaptic Intelligence."""

    c: float = Field(default=0.1, ge=0, le=1e9, description="c: how strongly important weights are held where they are")
    xi: float = Field(
        default=0.1, gt=0, le=1e6, description="ξ: keeps the importance of weights that hardly moved finite"
    )


class PathIntegral(Penalty):
    """The penalty, and ω in its memory."""

    observes: ClassVar[bool] = True

    def memory(self, network: Trainable) -> dict[str, Trainable]:
        """As `Regulariser.memory`: ω, 0 as a task starts."""
        return {_PATH: network.each(torch.zeros_like)}

    def observe(
        self, gradients: Sequence[Tensor], steps: Sequence[Tensor], memory: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """As `Regulariser.observe`."""
        for path, gradient, step in zip(memory[_PATH], gradients, steps, strict=True):
            path.addcmul_(gradient, step, value=-1)


class SI(Consolidating):
    """Synaptic Intelligence."""

    about = "Synaptic Intelligence: weights that made an earlier task's loss fall are held where they were."
    place = 4
    measured = _PATH
    Settings = Settings
    searched: ClassVar[Mapping[str, tuple[float, ...]]] = {"c": (0.1, 1.0, 10.0, 100.0)}

    def regulariser(self, lesson: Lesson, start: Trainable) -> PathIntegral:
        """As `Consolidating.regulariser`."""
        assert isinstance(lesson.settings, Settings)
        importance = importance_before(lesson.network, start)
        return PathIntegral(lesson.settings.c, importance, start)

    def remembered(self, lesson: Lesson, winner: Candidate) -> dict[str, Tensor]:
        """As `Consolidating.remembered`: Ω."""
        assert isinstance(winner.settings, Settings)
        start, xi = self.start(lesson), winner.settings.xi

        # Each operation by itself rounds alike on every kind of processor.
        def grown(before: Tensor, path: Tensor, weight: Tensor, anchor: Tensor) -> Tensor:
            return (before + path / ((weight - anchor).square() + xi)).clamp_min(0)

        before = from_memory(IMPORTANCE, lesson.network, start)
        importance = combined(grown, before, winner.memory[_PATH], winner.network, start)
        return as_memory(IMPORTANCE, importance, lesson.network)


METHOD = SI()
