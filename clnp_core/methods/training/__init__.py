"""Training: the settings, the loop, and the hooks of a method.

Networks of the same shape and at the same epoch are trained side by side, as one program whose tensors have a leading
replica axis. In a small network calling an operation costs more than computing it, so a grid of candidates takes little
longer than one of them. A replica's bits do not depend on the others beside it. Networks with convolutions, BatchNorm
or dropout, and methods with hooks of their own, are trained one after the other.
"""

from clnp_core.methods.training.evaluation import accuracy, answers
from clnp_core.methods.training.job import (
    NO_HOOKS,
    Checkpoint,
    Hooks,
    Job,
    Objective,
    OptimiserState,
    Pruner,
    Regulariser,
    Trained,
)
from clnp_core.methods.training.loop import train
from clnp_core.methods.training.program import no_pulse
from clnp_core.methods.training.settings import VALIDATION, Epoch, Gradual, Hyperparameters, Measure, best_unpruned

__all__ = [
    "NO_HOOKS",
    "VALIDATION",
    "Checkpoint",
    "Epoch",
    "Gradual",
    "Hooks",
    "Hyperparameters",
    "Job",
    "Measure",
    "Objective",
    "OptimiserState",
    "Pruner",
    "Regulariser",
    "Trained",
    "accuracy",
    "answers",
    "best_unpruned",
    "no_pulse",
    "train",
]
