"""What runs come to, made up, where a test needs no more than that it is there."""

from typing import Any

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.fold.results import Record, Summary
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import preset

RECORD = {
    "task": 1,
    "validation_accuracy": 0.9,
    "theta": [0.1, 0.1],
    "claimed": [20, 10],
    "reused": [5, 0],
    "notes": [],
    "lambda": [1e-5, 1e-3, 3e-4],
    "learning_rate": 0.02,
    "accuracy": [0.9],
    "widths": [400, 400],
    "free": [380, 390],
    "fingerprint": "f" * 64,
    "rounded": [],
    "grown": [],
    "single_task_accuracy": None,
}
"""As JSON: of the first task of a network with two hidden layers."""


def epoch(number: int = 1, **other: Any) -> Epoch:
    return Epoch(**{"epoch": number, "loss": 1.5, "validation_accuracy": 0.8, "seconds": 0.1} | other)


def record(**other: Any) -> Record:
    return Record.model_validate(RECORD | other)


def summary(**other: Any) -> Summary:
    """Of a run that learned one task."""
    return summarise(preset("digits", {"single_task": False}), [record()], 1.0).model_copy(update=other)
