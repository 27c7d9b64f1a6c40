"""Tracks the progress of a run and estimates the time left."""

from __future__ import annotations

import time

from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec


class Pace:
    """The progress of a run in epochs, and the time left at the speed so far.

    A training that stops early counts with all its epochs. Stages found in the store do not count for the speed.
    """

    def __init__(self, spec: RunSpec, seconds_before: float) -> None:
        self._total = sum(
            spec.at(task).epochs_of(task) * (spec.fits(task) + spec.trains_alone) + _tuning_epochs(spec.at(task))
            for task in spec.lessons
        )
        self._done: dict[str, int] = {}
        self._found = 0
        self._seconds_before = seconds_before
        self._began = time.monotonic()

    def found(self, stage: Stage) -> None:
        """Record a stage whose result was in the store."""
        self._found += self.finished(stage)

    def finished(self, stage: Stage) -> int:
        """Record a stage whose result has arrived, and return its epochs."""
        epochs: int = stage.inputs.get("hyperparameters", {}).get("epochs", 0)
        self._done[stage.key] = epochs
        return epochs

    def reached(self, key: str, epoch: int) -> None:
        """Record that a stage has reached an epoch."""
        self._done[key] = max(epoch, self._done.get(key, 0))

    @property
    def seconds(self) -> float:
        """Seconds of work on the run, including those before it was stopped."""
        return self._seconds_before + time.monotonic() - self._began

    @property
    def fraction(self) -> float:
        """Share of the work done, 0 to 1."""
        return min(1.0, sum(self._done.values()) / self._total)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left; None until something has been computed."""
        done = sum(self._done.values())
        computed = done - self._found
        if computed <= 0:
            return None
        return max(0, self._total - done) * (time.monotonic() - self._began) / computed


def _tuning_epochs(spec: RunSpec) -> int:
    return spec.fine_tuning.epochs * spec.tuning_rounds if spec.fine_tuning else 0
