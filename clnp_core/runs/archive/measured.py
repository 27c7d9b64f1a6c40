"""Checks what an archive says was measured for a comparison."""

from __future__ import annotations

import numpy as np

from clnp_core.arithmetic import computing
from clnp_core.methods import METHODS
from clnp_core.runs.archive.file import require
from clnp_core.runs.engine.at_end import measured_at_end
from clnp_core.runs.fold.results import Measured, Result
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.artifacts import Artifacts

ACCURACY_TOLERANCE = 0.01
"""A fraction: where another processor rounds in another way, an image may fall on the other side."""


def check_measured(stage: Stage, told: Result, artifacts: Artifacts | None, alike: bool) -> None:
    """Check the result of a stage that measures; with its data at hand, measure again.

    Parameters
    ----------
    stage : Stage
    told : Result
    artifacts : Artifacts or None
        With the networks; None where the data is not at hand.
    alike : bool
        Whether it was computed on the same kind of processor, and accuracies have to be the same.

    Raises
    ------
    Wrong
    """
    assert isinstance(told, Measured)
    inputs = stage.inputs
    by_task = METHODS[inputs["method"]].answers_by_task(inputs["head"])
    fits = len(told.memory) == len(inputs["networks"]) and len(told.validation) == inputs["task"]
    require(fits and (told.untold_accuracy is not None) == by_task, "it does not measure the tasks that there are")
    if artifacts is None:
        return
    with computing(stage.threads):
        ours = measured_at_end(stage, artifacts, lambda: None)
    off = 0.0 if alike else ACCURACY_TOLERANCE
    same = ours.memory == told.memory and np.allclose(_accuracies(ours), _accuracies(told), rtol=0, atol=off)
    require(same, "it measures something else here")


def _accuracies(measured: Measured) -> list[float]:
    untold = measured.untold_accuracy
    return [*measured.validation, *([] if untold is None else [untold])]
