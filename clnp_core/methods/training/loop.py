"""The training loop. It depends on no method: what a method adds to a training is in its `Job`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby

from clnp_core.arithmetic import is_lone
from clnp_core.errors import DataError
from clnp_core.methods.training.job import Job, Trained
from clnp_core.methods.training.lone import LoneProgram
from clnp_core.methods.training.program import no_pulse
from clnp_core.methods.training.replica import Replica
from clnp_core.methods.training.side_by_side import SideBySide
from clnp_core.networks.sources import Sources


def train(jobs: Sequence[Job], pulse: Callable[[], None] = no_pulse) -> list[Trained]:
    """Train the free rows of each job's network (section 2.2).

    Batches are drawn per epoch from the job's seed, so a training that goes on from a checkpoint draws those it would
    have drawn. Which epoch's weights are left is up to `Hyperparameters.patience`; free neurons that have died leave on
    the way (`Hyperparameters.shrink`).

    Parameters
    ----------
    jobs : sequence of Job
    pulse : callable
        Called before every step. What it raises ends the training of all.

    Raises
    ------
    DataError
        If there is a single sample and it has to be normalised.
    """
    sources: dict[tuple[int, int, int], list[Sources]] = {}
    replicas = []
    for job in jobs:
        limit = job.hyperparameters.cache_mb * 2**20
        shared = id(job.network), id(job.task), limit
        if shared not in sources:
            sources[shared] = [Sources(job.network, split.x, limit) for split in (job.task.train, job.task.validation)]
        replicas.append(Replica(job, *sources[shared]))
        if not replicas[-1].steps:
            raise DataError(
                f"Task {job.task.number} has a single training image that is not held out, and BatchNorm needs two; "
                f"give it more training images."
            )
    while left := [replica for replica in replicas if not replica.is_over]:
        behind = min(len(replica.history) for replica in left)
        level = [replica for replica in left if len(replica.history) == behind]
        level.sort(key=lambda replica: (replica.form, replica.learning_rate))
        for _, alike in groupby(level, key=lambda replica: (replica.form, replica.job.is_plain)):
            together = list(alike)
            for part in [together] if together[0].job.is_plain else ([replica] for replica in together):
                _train_epoch(part, pulse)
    return [replica.result(pulse) for replica in replicas]


def _train_epoch(replicas: list[Replica], pulse: Callable[[], None]) -> None:
    """Train replicas of the same form for an epoch."""
    start = time.perf_counter()
    plain = replicas[0].job.is_plain
    twice = plain and is_lone(len(replicas), *replicas[0].batches)
    program = SideBySide if plain else LoneProgram
    measured = program(replicas * 2 if twice else replicas).run(pulse)
    seconds = (time.perf_counter() - start) / len(replicas)
    for replica, each in zip(replicas, measured, strict=False):
        replica.end_epoch(*each, seconds, pulse)
