"""Training each task alone: the reference line that a continual learner is held against."""

from __future__ import annotations

from dataclasses import replace

from clnp_core.arithmetic import computing
from clnp_core.methods.training import NO_HOOKS, Hooks, Hyperparameters, accuracy, train
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
    hooks: Hooks = NO_HOOKS,
) -> float:
    """Test accuracy, a fraction, of the whole network trained on one task and nothing else.

    No L1 and no pruning; otherwise the same optimiser, batches, epochs and early stopping as the task gets in a
    sequence (the row 'Single Task SGD' of Table 1).
    """
    fresh = reinitialise_free(initial(architecture, head), derive_seed(seed, "initial weights", task.number))
    network = trainable(fresh)
    plain = replace(hyperparameters, l1=(0.0,) * len(hyperparameters.l1))
    with computing(architecture.threads):
        train(network, task, plain, derive_seed(seed, "training", task.number), hooks)
        return accuracy(network, task.test)
