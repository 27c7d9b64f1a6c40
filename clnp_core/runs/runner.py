"""One run from beginning to end: every task learned, checked, measured and stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from clnp_core.errors import ClnpError
from clnp_core.methods import clnp
from clnp_core.methods.single import single_task_accuracy
from clnp_core.methods.training import Epoch, Hyperparameters, accuracy
from clnp_core.networks import partition
from clnp_core.networks.fingerprint import check, fingerprint
from clnp_core.networks.network import initial, to_bytes
from clnp_core.networks.subnetwork import task_network
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import ALONE, Store
from clnp_core.runs.summary import summarise
from clnp_core.tasks.datasets import load
from clnp_core.tasks.streams import PermutedStream


@dataclass(frozen=True)
class Progress:
    """Where a run is: after one epoch.

    Attributes
    ----------
    task : int
    candidate : int
        Place in the grid, or `ALONE`.
    candidates : int
        Candidates of this task.
    epoch : Epoch
    fraction : float
        Share of the whole run that is done, 0 to 1.
    """

    task: int
    candidate: int
    candidates: int
    epoch: Epoch
    fraction: float


Observer = Callable[[Progress | dict[str, Any]], None]
"""Told of every epoch (`Progress`) and of every learned task (its record)."""


class _Recorder:
    """Stores every epoch, tells the observer, and knows how much of the run is done.

    Work is counted in epochs; a candidate that stops early counts as if it had not.
    """

    def __init__(self, store: Store, run: str, spec: RunSpec, observe: Observer) -> None:
        self._store, self._run, self._epochs, self._observe = store, run, spec.epochs, observe
        tasks = range(1, spec.stream.tasks + 1)
        self._fits = sum(spec.fits(task) + spec.single_task for task in tasks)
        self._finished_fits = -1

    def next_fit(self, task: int, candidate: int, candidates: int) -> Callable[[Epoch], None]:
        """Begin with another candidate: what its training is to call after each epoch."""
        self._finished_fits += 1

        def report(epoch: Epoch) -> None:
            fraction = (self._finished_fits + epoch.epoch / self._epochs) / self._fits
            self._store.add_epoch(self._run, fraction, task=task, candidate=candidate, **asdict(epoch))
            self._observe(Progress(task, candidate, candidates, epoch, fraction))

        return report


def execute(store: Store, run: str, observe: Observer = lambda event: None) -> dict[str, Any]:
    """Carry out a run that was asked for, and return its summary.

    Everything finished is in the store at once: each epoch, each task's record, the network after each task.

    Raises
    ------
    ClnpError
        If the run fails; the store then holds the reason. `ForgettingError` if an earlier task's outputs changed.
    """
    with store.hold(run):
        store.start(run)
        try:
            summary = _learn_all(store, run, store.run(run).spec, observe)
        except ClnpError as error:
            store.fail(run, str(error))
            raise
        except Exception as error:
            store.fail(run, f"Stopped by a defect of the program, {type(error).__name__}: {error}")
            raise
        store.finish(run, summary)
    return summary


def _learn_all(store: Store, run: str, spec: RunSpec, observe: Observer) -> dict[str, Any]:
    started = time.perf_counter()
    stream = build_stream(spec)
    folder = store.folder(run)
    _write(folder / "stream.safetensors", save({"permutations": stream.permutations, "order": stream.order}))
    recorder = _Recorder(store, run, spec, observe)
    network = initial(spec.architecture, spec.head)
    prints, records = [], []
    settled = None
    for number in range(1, spec.stream.tasks + 1):
        if clnp.is_depleted(network):
            break
        task = stream.task(number)
        grid = [settled] if settled else _grid(spec)
        candidates = [
            clnp.fit_candidate(network, task, point, spec.seed, recorder.next_fit(number, place, len(grid)))
            for place, point in enumerate(grid)
        ]
        choice = clnp.choose_candidate(candidates, network, task, spec.margin, spec.theta_mode, spec.theta)
        network, learned = clnp.prune_and_commit(network, candidates[choice.candidate], choice)
        if spec.search == "first-task":
            settled = learned.hyperparameters
        for earlier, expected in enumerate(prints, start=1):
            check(network, earlier, stream.test(earlier).x, expected)
        prints.append(fingerprint(network, number, task.test.x))
        _write(folder / "network.safetensors", to_bytes(network))
        record = {
            "task": number,
            "accuracy": [
                accuracy(task_network(network, t), stream.test(t)) for t in range(1, number + 1)
            ],
            "single_task_accuracy": None,
            "validation_accuracy": learned.validation_accuracy,
            "theta": learned.theta,
            "lambda": learned.hyperparameters.l1,
            "learning_rate": learned.hyperparameters.learning_rate,
            "claimed": learned.claimed,
            "reused": learned.reused,
            "free": [partition.free_count(owner) for owner in network.owners],
            "fingerprint": prints[-1].logits,
            "notes": learned.notes,
        }
        if spec.single_task:
            record["single_task_accuracy"] = single_task_accuracy(
                spec.architecture,
                spec.head,
                task,
                learned.hyperparameters,
                spec.seed,
                recorder.next_fit(number, ALONE, len(grid)),
            )
        records.append(record)
        store.add_learned(run, number, record)
        observe(record)
    return summarise(spec, records, seconds=time.perf_counter() - started)


def build_stream(spec: RunSpec) -> PermutedStream:
    """The stream a specification asks for, its data set loaded.

    Raises
    ------
    DataError, SpecError
        If the data set cannot be had, or is too small for what is asked.
    """
    wanted = spec.stream
    return PermutedStream(load(wanted.dataset), wanted.tasks, wanted.validation, spec.seed, wanted.identity_first)


def _grid(spec: RunSpec) -> list[Hyperparameters]:
    return [
        Hyperparameters(l1, rate, spec.cooldown, spec.batch_size, spec.epochs, spec.patience)
        for l1, rate in spec.grid
    ]


def _write(path: Path, content: bytes) -> None:
    """Write beside the target and rename, so that what stands under the name is always whole."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
