"""Which stages go to the workers when, and which go together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

from clnp_core.runs.fold.stages import Stage

_GATHER_SECONDS = 0.01
_MOST_TOGETHER = 16


class _Group:
    """Stages that a worker computes together."""

    def __init__(self, members: list[_Waiting]) -> None:
        self.task: asyncio.Task[None]
        self._wanted = len(members)
        for member in members:
            member.group = self

    async def leave(self) -> None:
        """One of them is not wanted any more. When none is, stop the worker and wait until it is free."""
        self._wanted -= 1
        if not self._wanted:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


class _Waiting:
    """A stage at the desk."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.program = stage.program
        self.group: _Group | None = None
        self.done = asyncio.get_running_loop().create_future()


class Desk:
    """Sends stages to the workers: torch threads times workers stay within the places, one for each core.

    Stages are sent in the order in which they come, but a task's training alone last, for no other stage waits for it.
    Those of the same program that wait at the same moment are sent together, in as many parts as there is room for.

    Parameters
    ----------
    places : int
    send : callable
        Has a worker compute a list of stages.
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
        # In a moment and not now, because the rest of a grid comes in the same moment.
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
        """Tell it of a stage by itself. Of several, try each by itself, so that none fails for another's fault."""
        for member in members:
            if member.done.done():
                continue
            if len(members) == 1:
                member.done.set_exception(error)
            else:
                member.group, member.program = None, (member.stage.key,)
                self._waiting.append(member)
