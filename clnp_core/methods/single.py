"""Training each task alone: the reference line that a continual learner is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clnp_core.arithmetic import computing
from clnp_core.methods.training import Checkpoint, Epoch, Hyperparameters, accuracy, train
from clnp_core.networks.architectures import Architecture
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.subnetwork import trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Task


def single_task_accuracy(
    architecture: Architecture,
    head: str,
    task: Task,
    hyperparameters: Hyperparameters,
    seed: int,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoint: Checkpoint | None = None,
    pulse: Callable[[], None] = lambda: None,
) -> float:
    """Test accuracy, a fraction, of the whole network trained on one task and nothing else.

    No L1 and no pruning; otherwise the same optimiser, batches, epochs and early stopping as the task gets in a
    sequence (the row 'Single Task SGD' of Table 1). For the last three parameters see `train`.
    """
    fresh = reinitialise_free(initial(architecture, head), derive_seed(seed, "initial weights", task.number))
    network = trainable(fresh)
    plain = replace(hyperparameters, l1=(0.0,) * len(hyperparameters.l1))
    with computing(architecture.threads):
        train(network, task, plain, derive_seed(seed, "training", task.number), on_epoch, checkpoint, pulse)
        return accuracy(network, task.test)
