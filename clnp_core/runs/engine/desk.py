"""Decides when stages go to the workers, and which go together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

from clnp_core.runs.fold.stages import Stage

_GATHER_SECONDS = 0.01
_MOST_TOGETHER = 16


class _Group:
    """A group of stages that a worker computes together."""

    def __init__(self, members: list[_Waiting]) -> None:
        self.task: asyncio.Task[None]
        self._wanted = len(members)
        for member in members:
            member.group = self

    async def leave(self) -> None:
        """Drop one stage. After the last one, stop the worker and wait until it is free."""
        self._wanted -= 1
        if not self._wanted:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


class _Waiting:
    """A stage that waits at the desk or is being computed."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.program = stage.program
        self.group: _Group | None = None
        self.done = asyncio.get_running_loop().create_future()


class Desk:
    """A queue that sends stages to the workers and uses at most one torch thread for each core.

    Stages are sent in the order of arrival, except that a task's training alone comes last, because no other stage
    waits for it. Stages with the same program that wait at the same time are sent together, divided into as many parts
    as there is room for.

    Parameters
    ----------
    places : int
        Number of torch threads that may run at once: one for each core.
    send : callable
        Coroutine that has a worker compute a list of stages.
    """

    def __init__(self, places: int, send: Callable[[list[Stage]], Coroutine[Any, Any, None]]) -> None:
        self.places = places
        self._send = send
        self._used = 0
        self._waiting: list[_Waiting] = []

    async def computed(self, stage: Stage) -> None:
        """Wait until a worker has computed the stage."""
        waiting = _Waiting(stage)
        self._waiting.append(waiting)
        # With a short delay, because the rest of a grid arrives at the same time.
        asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._admit)
        try:
            await waiting.done
        except asyncio.CancelledError:
            if waiting.group:
                await waiting.group.leave()
            else:
                self._waiting.remove(waiting)
            raise

    def _admit(self) -> None:
        self._waiting.sort(key=lambda waiting: waiting.stage.kind == "alone")
        while self._waiting:
            first = self._waiting[0]
            threads = min(first.stage.threads, self.places)
            parts = (self.places - self._used) // threads
            if not parts:
                return
            alike = [waiting for waiting in self._waiting if waiting.program == first.program]
            members = alike[: min(_MOST_TOGETHER, math.ceil(len(alike) / parts))]
            for member in members:
                self._waiting.remove(member)
            self._used += threads
            _Group(members).task = asyncio.create_task(self._compute(members, threads))

    async def _compute(self, members: list[_Waiting], threads: int) -> None:
        try:
            await self._send([member.stage for member in members])
        except Exception as error:
            self._failed(members, error)
        else:
            for member in members:
                if not member.done.done():
                    member.done.set_result(None)
        finally:
            self._used -= threads
            self._admit()

    def _failed(self, members: list[_Waiting], error: Exception) -> None:
        """Report the error of a single stage. Of several, try each by itself, so that none fails because of another."""
        for member in members:
            if member.done.done():
                continue
            if len(members) == 1:
                member.done.set_exception(error)
            else:
                member.group, member.program = None, (member.stage.key,)
                self._waiting.append(member)
