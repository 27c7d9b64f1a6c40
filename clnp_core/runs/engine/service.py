"""The engine: takes queued runs from the store, sends their stages to Dask workers, and writes the results.

One engine serves a store at a time, and only it writes results there. All its state is in the store and the artifacts,
so it can be killed at any moment: started again, it finds the finished stages by their keys and continues. Imports no
torch; only the workers do.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Collection, Coroutine, Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from distributed import Client, Event, LocalCluster

from clnp_core.analysis.epochs import ALONE
from clnp_core.errors import ClnpError, DamagedError
from clnp_core.files import write_whole
from clnp_core.machine import environment, workers
from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.classroom.turns import in_turn
from clnp_core.runs.engine.answers import Answers
from clnp_core.runs.engine.cluster import client_of, own_workers
from clnp_core.runs.engine.desk import Desk
from clnp_core.runs.engine.evaluate import Evaluators, Theta, ready_on_worker
from clnp_core.runs.engine.failure import StageFailed, last_lines
from clnp_core.runs.engine.pace import Pace
from clnp_core.runs.engine.worker import EPOCHS_TOPIC, TOKEN_FILE, NotShared, perform_on_worker, stop_flag
from clnp_core.runs.estimate import expected_speed
from clnp_core.runs.fold.course import Learned, Wanted, course
from clnp_core.runs.fold.results import RESULTS, Result, Summary
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.store import Run, Store
from clnp_core.runs.store.reading import STARTING
from clnp_core.runs.store.results import MENDED, STARTED
from clnp_core.tasks.content import check, check_same, content_digest

_POLL_SECONDS = 0.2
_STOP_SECONDS = 5


class Engine:
    """The engine of a store, which works on its runs until it is stopped.

    Parameters
    ----------
    store : Store
    scheduler : str, optional
        Address of a Dask scheduler, such as tcp://host:8786. By default the engine starts its own workers when the
        first stage needs them.
    places : int, optional
        Number of its own workers; by default one for each core that it may use, as far as memory allows.
    """

    def __init__(self, store: Store, scheduler: str | None = None, places: int | None = None) -> None:
        self._store = store
        self._artifacts = store.artifacts
        self._scheduler = scheduler
        self._token = secrets.token_hex(16)
        self._shared_folder = True
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None
        self._connecting = asyncio.Lock()
        self._early: asyncio.Task[None] | None = None
        self._workers_start = False
        self._desk = Desk(places or workers(), self._on_worker)
        self._flights: dict[str, _Flight] = {}
        self._active: dict[str, _Active] = {}
        self._run_ended = asyncio.Event()  # the next one begins at once
        self._told: list[tuple[str, Epoch]] = []
        self._evaluators = Evaluators(store.artifacts, self._token)
        self._answers = Answers(store, self._evaluate, self._look)

    async def serve(self, until: Collection[str] | None = None, idle_seconds: float | None = None) -> None:
        """Work on whatever is queued until cancelled, until the runs in `until` have ended, or until idle for so long.

        While an app shows the store it is not idle, and its workers are kept, so that no run waits for their start.
        Runs in `until` and others take turns, these first. In the end stages in progress stop at their checkpoints and
        their runs go back into the queue.

        Raises
        ------
        HeldError
            If another engine serves the store.
        StoreError
            If the store cannot be locked or written, or the scheduler cannot be reached.
        """
        with self._store.hold_engine():
            self._store.requeue_interrupted()
            self._artifacts.sweep()
            write_whole(self._artifacts.folder / TOKEN_FILE, self._token.encode(), secret=True)
            busy = time.monotonic()
            try:
                if self._scheduler:
                    await self._connect()
                await self._answers.open()
                while True:
                    self._write_epochs()
                    self._attend(until or ())
                    shown = self._store.has_app()
                    if shown and self._early is None:
                        self._early = asyncio.create_task(self._connect())
                    if until is not None and not any(run.id in until for run in self._store.active()):
                        return
                    if shown or self._active:
                        busy = time.monotonic()
                    elif idle_seconds is not None and time.monotonic() - max(busy, self._answers.last) > idle_seconds:
                        return
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_POLL_SECONDS):  # wait_for may swallow that it is cancelled
                            await self._run_ended.wait()
                    self._run_ended.clear()
            finally:
                await self._close()

    def _attend(self, first: Collection[str]) -> None:
        """Start queued runs as long as there is room, and stop those that were asked to stop.

        `in_turn` tells which begin.
        """
        runs = self._store.active()
        for run in runs:
            active = self._active.get(run.id)
            if active and run.wanted != "run" and not active.task.cancelling():
                active.leaves_as = "paused" if run.wanted == "pause" else "cancelled"
                active.task.cancel()
        room = max(0, self._desk.places - len(self._active))
        for run in in_turn(self._store, runs, self._active, first)[:room] if room else ():
            active = self._active[run.id] = _Active(run)
            active.task = asyncio.create_task(self._carry_out(run, active))

    async def _carry_out(self, run: Run, active: _Active) -> None:
        """Carry a run out to its end, from its beginning or from where it stopped."""
        store = self._store
        try:
            store.start(run.id)
            summary = await self._learn(run, active)
            store.finish(run.id, summary)
        except asyncio.CancelledError:
            store.leave(run.id, active.leaves_as)
        except StageFailed as error:
            store.fail(run.id, str(error), error.detail)
        except ClnpError as error:
            self._artifacts.forget()  # a worker may have found damaged what was whole before
            store.fail(run.id, str(error))
        except Exception as error:
            store.fail(run.id, f"The engine failed, {type(error).__name__}: {error}", last_lines(error))
        finally:
            del self._active[run.id]
            self._run_ended.set()

    async def _learn(self, run: Run, active: _Active) -> Summary:
        """Learn the tasks in order, and train each task alone beside them."""
        spec = run.spec
        digest = await asyncio.to_thread(self._bound_digest, run)
        active.progress.expects(await asyncio.to_thread(expected_speed, spec, self._store))
        learned: list[Learned] = []
        beside: list[asyncio.Task[None]] = []
        try:
            for step in course(spec, digest):
                match step:
                    case Wanted():
                        step.results = await _all(self._result(run, active, *each) for each in step.stages)
                    case Learned():
                        learned.append(step)
                        self._store.put_learned(run.id, step.record)
                        if step.alone:
                            beside.append(asyncio.create_task(self._train_alone(run, active, step)))
            await _all(beside)
        finally:
            for task in beside:
                task.cancel()
        summary = summarise(spec, [step.record for step in learned], active.progress.seconds)
        return summary.model_copy(update={"environment": environment(spec.device)})

    async def _train_alone(self, run: Run, active: _Active, learned: Learned) -> None:
        assert learned.alone is not None  # else it is not trained alone
        learned.alone_trained(await self._result(run, active, learned.alone, ALONE))
        self._store.put_learned(run.id, learned.record)

    def _bound_digest(self, run: Run) -> str:
        """Check the run's data, bind the run to it, and return its digest."""
        stream = run.spec.stream.model_dump(mode="json")
        if run.data:
            check_same(stream, run.data, run.id)
        check(stream)
        return check_same(stream, self._store.bind(run.id, content_digest(stream)), run.id)

    async def _result(self, run: Run, active: _Active, stage: Stage, candidate: int = 0) -> Result:
        """Get the result of a stage: find it, wait for another run that computes it, or compute it."""
        computed = self._store.link(run.id, stage, candidate)
        flight = self._flights.get(stage.key)
        if (flight is None or flight.task.cancelling()) and (computed or stage.key in self._artifacts):
            try:
                result = await asyncio.to_thread(self._found, stage)
            except DamagedError as error:
                self._store.note(run.id, f"{MENDED}{stage.describes}. {error.args[0]}.")
            else:
                self._store.finish_stage(stage, result, computed=False)
                active.progress.found(stage)
                return result
        flight = self._flights.get(stage.key)  # another run may have asked for it meanwhile
        if flight is None or flight.task.cancelling():
            flight = self._flights[stage.key] = _Flight(stage)
            flight.task = asyncio.create_task(self._compute(stage, flight))
        flight.runs[run.id] += 1
        try:
            result = await asyncio.shield(flight.task)
        finally:
            flight.runs[run.id] -= 1
            if not flight.runs.total():
                flight.task.cancel()  # no run waits for it any more; has no effect once it is done
        active.progress.finished(stage, result)
        return result

    def _found(self, stage: Stage) -> Result:
        """Read the result of a stage. That and all it made besides is whole."""
        result = self._artifacts.read(stage.key, RESULTS[stage.kind])
        for key in result.made:
            self._artifacts.check(key)
        return result

    async def _compute(self, stage: Stage, flight: _Flight) -> Result:
        """Have a worker compute a stage, and record its result."""
        try:
            await self._connect()
            await self._desk.computed(stage)
            result = self._artifacts.read(stage.key, RESULTS[stage.kind])
            self._store.finish_stage(stage, result, computed=True)
            return result
        finally:
            if self._flights.get(stage.key) is flight:
                del self._flights[stage.key]

    async def _on_worker(self, alike: list[Stage]) -> None:
        """Have a worker compute stages of the same program, and write the artifacts that it sends back."""
        try:
            made = await self._submitted(alike)
        except NotShared:
            self._shared_folder = False
            made = await self._submitted(alike)
        for key, content in made.items():
            self._artifacts.write(key, content)

    async def _submitted(self, alike: list[Stage]) -> dict[str, bytes]:
        """Have a worker compute stages, and return the artifacts that it sends; none if the folder is shared."""
        carried = None
        if not self._shared_folder:
            needs = {key for stage in alike for key in stage.needs}
            carried = {key: self._artifacts.content(key) for key in needs}
        first = alike[0]
        attempt = f"{first.kind}-{first.key[:16]}-{secrets.token_hex(4)}"
        flag = stop_flag(attempt)
        folder = str(self._artifacts.folder.absolute())
        assert self._client is not None  # `_compute` has connected
        future = self._client.submit(
            perform_on_worker, alike, flag, folder, self._token, carried, key=attempt, pure=False
        )
        try:
            made: dict[str, bytes] = await future
            return made
        except asyncio.CancelledError:
            await self._stop(future, flag)
            raise
        except (ClnpError, NotShared):
            raise
        except Exception as error:
            raise StageFailed(first, error) from error
        finally:
            future.release()

    async def _stop(self, future: Any, flag: str) -> None:
        """Ask a stage to stop and wait until its worker is free."""
        with suppress(Exception):
            event = Event(flag, self._client)
            await event.set()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(future.exception(), _STOP_SECONDS)
            await event.clear()

    async def _connect(self) -> None:
        """Connect to the given scheduler's workers, or start the engine's own."""
        async with self._connecting:
            if self._client:
                return
            if self._scheduler:
                self._client = await client_of(self._scheduler)
                # It is awaited where the client is asynchronous, as here.
                await self._client.wait_for_workers(1)  # type: ignore[misc, func-returns-value]
                self._desk.places = sum((await self._client.nthreads()).values())
            else:
                self._workers_start = True
                self._cluster = await own_workers(self._desk.places)
                self._client = await Client(self._cluster, asynchronous=True, set_as_default=False)
            self._client.subscribe_topic(EPOCHS_TOPIC, self._hear)
            # At once and in parallel, so that neither the first stage nor the first question waits for every import.
            await self._client.run(ready_on_worker, nanny=False, wait=False, on_error="ignore")

    def _hear(self, event: tuple[float, list[tuple[str, dict[str, Any]]]]) -> None:
        """Take a worker's report of epochs, or that it is ready. They are written with the others at the next tick."""
        _, told = event
        self._workers_start = False
        self._told += [(key, Epoch(**epoch)) for key, epoch in told if key in self._flights]  # a scheduler is shared

    def _write_epochs(self) -> None:
        told, self._told = self._told, []
        self._store.put_epochs(told)
        for key, epoch in told:
            if flight := self._flights.get(key):
                for run in flight.runs.keys() & self._active.keys():
                    self._active[run].progress.reached(flight.stage, epoch)
        for run, active in self._active.items():
            progress = active.progress
            if active.waits != self._workers_start:
                active.waits = self._workers_start
                self._store.note(run, STARTING if active.waits else STARTED)
            self._store.put_progress(run, progress.seconds, progress.fraction, progress.seconds_left(self._desk.places))

    async def _evaluate(self, stage: Stage, split: str, thetas: list[Theta]) -> list[float]:
        await self._connect()
        assert self._client is not None  # now it is there
        return await self._evaluators.accuracies(self._client, stage, split, thetas)

    async def _look(self, stage: Stage, task: int, images: list[int]) -> dict[str, np.ndarray]:
        await self._connect()
        assert self._client is not None  # now it is there
        return await self._evaluators.look(self._client, stage, task, images)

    async def _close(self) -> None:
        await self._answers.close()
        tasks = [active.task for active in self._active.values()] + ([self._early] if self._early else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(flight.task for flight in self._flights.values()), return_exceptions=True)
        try:
            self._write_epochs()
        finally:  # workers end although the store cannot be written
            if self._client:
                await self._client.close()
            if self._cluster:
                await self._cluster.close()  # type: ignore[misc]  # as in `own_workers`
                self._artifacts.sweep()


async def _all(coroutines: Iterable[Coroutine[Any, Any, Any] | asyncio.Task[Any]]) -> list[Any]:
    """Wait for all and return their results. If one fails, cancel the others and raise its exception."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class _Flight:
    """A stage being computed, and the number of waiters of each run."""

    task: asyncio.Task[Any]

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.runs: Counter[str] = Counter()


class _Active:
    """A run being worked on."""

    task: asyncio.Task[None]

    def __init__(self, run: Run) -> None:
        self.progress = Pace(run.spec, run.seconds)
        self.waits = False  # for workers that start
        self.leaves_as = "queued"
