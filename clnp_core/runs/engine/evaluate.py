"""Answers what takes a forward pass, on a worker that goes on training meanwhile.

The engine imports this module without torch; a worker imports torch when it is prepared.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from distributed import Client

from clnp_core.errors import StoreError
from clnp_core.runs.engine.worker import EPOCHS_TOPIC, NotShared, artifacts_here
from clnp_core.runs.fold.results import Settled
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.artifacts import Artifacts

if TYPE_CHECKING:
    from distributed import Worker

    from clnp_core.methods.sparsify import Prepared
    from clnp_core.runs.engine.look import Looker

Theta = tuple[float, ...]
"""A threshold θ for each hidden layer."""

_ROOM = 300 * 2**20  # bytes for all candidates and networks that a worker keeps in memory
_ROOM_EACH = 128 * 2**20  # bytes for the activations of one candidate on one split
_WAIT_SECONDS = 20
_LOOK_SECONDS = 0.1

_at_hand: OrderedDict[tuple[str, str], Prepared | Looker] = OrderedDict()


class Evaluators:
    """A dispatcher of questions to workers. The same candidate goes to the same worker, which has it in memory.

    Parameters
    ----------
    artifacts : Artifacts
        The engine's artifacts.
    token : str
        Content of the token file in their folder.
    """

    def __init__(self, artifacts: Artifacts, token: str) -> None:
        self._artifacts = artifacts
        self._token = token
        self._workers: dict[str, str] = {}

    async def accuracies(self, client: Client, stage: Stage, split: str, thetas: Sequence[Theta]) -> list[float]:
        """Have a worker compute accuracies; if it is lost meanwhile, another one.

        Parameters
        ----------
        client : Client
        stage : Stage
            The stage that trained the candidate.
        split : {"validation", "test"}
        thetas : sequence of tuples, θ per hidden layer
            If empty, the candidate is only prepared.

        Raises
        ------
        StoreError
            If there is no worker.
        ClnpError
            If the worker cannot answer for a reason that the user can understand.
        """
        answer: list[float] = await self._asked(
            client, (stage.key, *stage.needs), evaluate_on_worker, stage, split, thetas
        )
        return answer

    async def look(self, client: Client, stage: Stage, task: int, images: Sequence[int]) -> dict[str, np.ndarray]:
        """Have a worker look at images, as `accuracies` has it compute; see `clnp_core.runs.engine.questions.look`.

        Parameters
        ----------
        client : Client
        stage : Stage
            The stage that settled on the network.
        task : int
        images : sequence of int
        """
        network = self._artifacts.read(stage.key, Settled).network
        answer: dict[str, np.ndarray] = await self._asked(
            client, (stage.key, network), look_on_worker, stage, task, images
        )
        return answer

    async def _asked(self, client: Client, needs: tuple[str, ...], function: Callable[..., Any], *asked: Any) -> Any:
        """Have a worker call a function; artifacts that it `needs` go with the question if it cannot read them."""
        lost: set[str] = set()
        folder = str(self._artifacts.folder.absolute())
        carried: dict[str, bytes] | None = None
        while True:
            worker = await self._worker(client, needs[0], lost)
            arguments = *asked, folder, self._token, carried
            try:
                return (await client.run(function, *arguments, workers=[worker], nanny=False))[worker]
            except NotShared:
                carried = {key: self._artifacts.content(key) for key in needs}
            except OSError:  # Dask raises it when a worker cannot be reached any more
                lost.add(worker)

    async def _worker(self, client: Client, key: str, lost: set[str]) -> str:
        """Choose the worker that was asked about the candidate before, or the least busy one."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not (there := {*await client.nthreads()} - lost):
            if time.monotonic() > deadline:
                raise StoreError("There is no worker to answer; try again later.")
            await asyncio.sleep(_LOOK_SECONDS)
        if self._workers.get(key) not in there:
            tasks, asked = await client.processing(), [*self._workers.values()]
            self._workers[key] = min(there, key=lambda worker: (len(tasks.get(worker, ())), asked.count(worker)))
        return self._workers[key]


async def ready_on_worker(dask_worker: Worker) -> None:
    """Import slow modules on this worker, while it may be training, and tell the engine that it is ready.

    `Client.run` gives it the worker, by the name of the argument.
    """
    await asyncio.get_running_loop().run_in_executor(_own_thread(), import_module, "clnp_core.runs.engine.work")
    dask_worker.log_event(EPOCHS_TOPIC, [])


async def evaluate_on_worker(
    stage: Stage, split: str, thetas: Sequence[Theta], folder: str, token: str, carried: dict[str, bytes] | None
) -> list[float]:
    """Compute the accuracy of a candidate pruned at each θ, on this worker. Its training goes on.

    Parameters
    ----------
    stage, split, thetas
        As for `Evaluators.accuracies`.
    folder, token, carried
        As for `perform_on_worker`.

    Raises
    ------
    NotShared
    ClnpError
    """

    def make(artifacts: Artifacts) -> Prepared:
        return _prepared(stage, split, artifacts)

    def answer() -> list[float]:
        prepared: Prepared = _at_hand_or((stage.key, split), make, folder, token, carried)
        return prepared.accuracies(thetas)

    return await asyncio.get_running_loop().run_in_executor(_own_thread(), answer)


async def look_on_worker(
    stage: Stage, task: int, images: Sequence[int], folder: str, token: str, carried: dict[str, bytes] | None
) -> dict[str, np.ndarray]:
    """Tell what a network makes of images, on this worker. Its training goes on.

    Parameters
    ----------
    stage, task, images
        As for `Evaluators.look`.
    folder, token, carried
        As for `perform_on_worker`.

    Raises
    ------
    NotShared
    ClnpError
    """

    def make(artifacts: Artifacts) -> Looker:
        from clnp_core.runs.engine.look import Looker

        return Looker(stage, task, artifacts)

    def answer() -> dict[str, np.ndarray]:
        looker: Looker = _at_hand_or((stage.key, f"task {task}"), make, folder, token, carried)
        return looker.look(images)

    return await asyncio.get_running_loop().run_in_executor(_own_thread(), answer)


@cache
def _own_thread() -> ThreadPoolExecutor:
    """Return the worker's one thread for questions. With only one, questions take little time from training."""
    return ThreadPoolExecutor(1, "clnp-questions", _set_up_thread)


def _set_up_thread() -> None:
    import torch

    torch.set_flush_denormal(True)
    # At its first use a thread copies the process's number of torch threads, and writes it back. Here that cannot
    # interfere with a training that sets another number.
    torch.get_num_threads()


def _at_hand_or(
    place: tuple[str, str],
    make: Callable[[Artifacts], Prepared | Looker],
    folder: str,
    token: str,
    carried: dict[str, bytes] | None,
) -> Any:
    """Return what is kept in memory for questions, made if it is not there; the oldest goes where room ends."""
    if place not in _at_hand:
        try:
            with artifacts_here(folder, token, carried) as artifacts:
                _at_hand[place] = make(artifacts)
        except OSError as error:
            raise StoreError(f"What was learned cannot be read: {error}.") from error
    _at_hand.move_to_end(place)
    while len(_at_hand) > 1 and sum(each.bytes for each in _at_hand.values()) > _ROOM:
        _at_hand.popitem(last=False)
    return _at_hand[place]


def _prepared(stage: Stage, split: str, artifacts: Artifacts) -> Prepared:
    from clnp_core.methods.sparsify import Prepared
    from clnp_core.runs.engine import work

    candidate, stream = work.trained(stage, work.Context(artifacts))
    if candidate.curve.diverged:
        raise StoreError("The training of this candidate diverged, so it cannot be pruned.")
    images = stream.test if split == "test" else stream.held_out
    assert candidate.activities is not None  # only what prunes is asked about
    given = candidate.network, candidate.activities, images(stage.inputs["task"]), _ROOM_EACH
    return Prepared(*given, candidate.hyperparameters.measure)
