"""Fine-tuning that is pulled towards the weights of the task before: naive L2 (a toy)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from clnp_core.methods.finetune import FineTune
from clnp_core.methods.method import Settings
from clnp_core.methods.training import Regulariser


class Pull(Regulariser):
    """Adds strength · (weight - anchor) to each gradient."""

    is_plain: ClassVar[bool] = False

    def __init__(self, anchor, strength):
        self._anchor, self._strength = anchor, strength

    def memory(self, network):
        """The anchor, where it was when training began; it shrinks and is checkpointed with the network."""
        return {"anchor": self._anchor.each(lambda tensor: tensor.clone())}

    def add_to(self, gradients: Sequence, weights: Sequence, memory: Mapping[str, Sequence]) -> None:
        """As `Regulariser.add_to`."""
        for gradient, weight, anchor in zip(gradients, weights, memory["anchor"], strict=True):
            gradient.add_(weight - anchor, alpha=self._strength)


class TowardsLast(FineTune):
    """Fine-tuning, pulled towards where the last task left the weights."""

    about = "Each task is pulled towards the weights of the one before: forgets less, and learns less."
    place = 4

    searched: ClassVar[dict] = {"strength": (0.01, 0.1, 1.0)}  # by comparisons

    class Settings(Settings):
        """How strongly it is pulled."""

        strength: float = Field(default=0.1, ge=0, le=1e6, description="Strength of the pull, per weight")

    def jobs(self, lesson, grid, hooks):
        """As `Method.jobs`; the first task is pulled nowhere."""
        jobs = super().jobs(lesson, grid, hooks)
        if lesson.task == 1:
            return jobs
        strength = lesson.settings.strength
        return [replace(job, regulariser=Pull(job.network, strength)) for job in jobs]


METHOD = TowardsLast()
