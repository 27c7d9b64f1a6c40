"""Training: the settings, the loop, and what a method may bring to it.

Several networks are trained side by side: those that have the same shape, and are as far, are one program whose tensors
have a leading replica axis. A small network's step costs less than calling its operations does, so a grid of candidates
takes little longer than one of them. A replica's bits do not depend on which others are trained beside it. Networks
with convolutions, BatchNorm or dropout, and methods that bring something of their own, are trained one after the other.
"""

from clnp_core.methods.training.evaluation import accuracy
from clnp_core.methods.training.job import (
    NO_HOOKS,
    Checkpoint,
    Hooks,
    Job,
    Objective,
    OptimiserState,
    Regulariser,
    Trained,
)
from clnp_core.methods.training.loop import train
from clnp_core.methods.training.program import no_pulse
from clnp_core.methods.training.settings import Epoch, Hyperparameters

__all__ = [
    "NO_HOOKS",
    "Checkpoint",
    "Epoch",
    "Hooks",
    "Hyperparameters",
    "Job",
    "Objective",
    "OptimiserState",
    "Regulariser",
    "Trained",
    "accuracy",
    "no_pulse",
    "train",
]
