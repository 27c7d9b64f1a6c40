"""The engine's side of `clnp_core.runs.engine.questions`: checks questions and has workers answer each once.

Imports no torch, because workers compute the answers.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import secrets
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import numpy as np

from clnp_core.errors import ClnpError, SpecError, StoreError
from clnp_core.files import write_whole
from clnp_core.methods import METHODS
from clnp_core.runs.engine.evaluate import Theta
from clnp_core.runs.engine.questions import ADDRESS_FILE, MOST_IMAGES, MOST_THRESHOLDS, line, packed
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store import Store

_MAX_LINE_BYTES = 2**20


class Answers:
    """A server on loopback that answers questions, from `open` to `close`.

    A wrong question is answered with a sentence. If the same question is asked twice at once, it is computed once.

    Parameters
    ----------
    store : Store
        The store that keeps the answers.
    evaluate : callable
        Computes the accuracies of a candidate's stage on a split at several θ.
    look : callable
        Computes what the network of a settle stage makes of a task's test images, as `questions.look` returns it.
    """

    def __init__(
        self,
        store: Store,
        evaluate: Callable[[Stage, str, list[Theta]], Coroutine[Any, Any, list[float]]],
        look: Callable[[Stage, int, list[int]], Coroutine[Any, Any, dict[str, np.ndarray]]],
    ) -> None:
        self._store = store
        self._evaluate = evaluate
        self._look = look
        self._token = secrets.token_hex(16)
        self._file = store.location / ADDRESS_FILE
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._flights: dict[tuple[str, str, Theta], asyncio.Task[dict[Theta, float]]] = {}
        self._at_work = 0
        self._last = -math.inf

    @property
    def last(self) -> float:
        """The last time a question was being answered, by `time.monotonic`."""
        return time.monotonic() if self._at_work else self._last

    async def open(self) -> None:
        """Start to listen, and write the address to the store's folder."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_LINE_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        write_whole(self._file, line({"port": port, "token": self._token}), secret=True)

    async def close(self) -> None:
        """Stop listening. Questions in progress get no answer."""
        if self._server:
            self._file.unlink(missing_ok=True)
            self._server.close()
        tasks = {*self._connections, *self._flights.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the questions of one connection."""
        task = asyncio.current_task()
        assert task is not None  # this one
        self._connections.add(task)
        try:
            with suppress(ConnectionError):
                while question := await _line_of(reader):
                    writer.write(line(await self._answer(question)))
                    await writer.drain()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, question: bytes) -> dict[str, Any]:
        self._at_work += 1
        try:
            asked = self._admitted(question)
            if "thetas" in asked:
                return {"accuracies": await self._accuracies(*self._checked(asked))}
            arrays = await self._look(*self._checked_images(asked))
            return {"arrays": {name: packed(each) for name, each in arrays.items()}}
        except ClnpError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": f"The engine failed to answer, {type(error).__name__}: {error}"}
        finally:
            self._at_work -= 1
            self._last = time.monotonic()

    def _admitted(self, question: bytes) -> dict[str, Any]:
        """Read a question, if it has the engine's token."""
        with suppress(ValueError, RecursionError):
            asked = json.loads(question)
            kinds = ({"token", "stage", "split", "thetas"}, {"token", "stage", "task", "images"})
            if isinstance(asked, dict) and asked.keys() in kinds:
                token = asked["token"]
                if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self._token.encode()):
                    raise SpecError(f"The token is not the one in {ADDRESS_FILE}.")
                return asked
        raise SpecError("A question is a line of JSON with token and stage, and split and thetas, or task and images.")

    def _checked(self, asked: dict[str, Any]) -> tuple[Stage, str, list[Theta]]:
        key, split, thetas = (asked[name] for name in ("stage", "split", "thetas"))
        if split not in ("validation", "test"):
            raise SpecError("split: it should be 'validation' or 'test'.")
        stage = self._stage(key, "fit")
        if stage is None:
            raise SpecError(f"stage: the store has no trained candidate {str(key)[:64]!r}.")
        if not METHODS[stage.inputs["method"]].prunes:
            raise SpecError(f"stage: the method {stage.inputs['method']} does not prune.")
        if not isinstance(thetas, list) or len(thetas) > MOST_THRESHOLDS:
            raise SpecError(f"thetas: it should be a list of at most {MOST_THRESHOLDS}.")
        layers = len(stage.architecture.hidden)
        if not all(_is_theta(theta, layers) for theta in thetas):
            raise SpecError(f"thetas: each should be {layers} numbers from 0 up, one for each hidden layer.")
        return stage, split, [tuple(map(float, theta)) for theta in thetas]

    def _checked_images(self, asked: dict[str, Any]) -> tuple[Stage, int, list[int]]:
        key, task, images = (asked[name] for name in ("stage", "task", "images"))
        stage = self._stage(key, "settle")
        if stage is None:
            raise SpecError(f"stage: the store has no learned network {str(key)[:64]!r}.")
        if type(task) is not int or not 0 < task <= stage.inputs["task"]:
            raise SpecError(f"task: it should be a number from 1 to {stage.inputs['task']}.")
        if not isinstance(images, list) or len(images) > MOST_IMAGES:
            raise SpecError(f"images: it should be a list of at most {MOST_IMAGES}.")
        if not all(type(each) is int and each >= 0 for each in images):
            raise SpecError("images: each should be a whole number from 0 up.")
        return stage, task, images

    def _stage(self, key: Any, kind: str) -> Stage | None:
        """Find a stage of that kind whose result is in the store."""
        if not isinstance(key, str):
            return None
        with suppress(StoreError):
            stage = self._store.stage(key)
            if stage.kind == kind and key in self._store.artifacts:
                return stage
        return None

    async def _accuracies(self, stage: Stage, split: str, thetas: list[Theta]) -> list[float]:
        """Find accuracies in the store, wait for those that another question computes, and compute the rest."""
        if not thetas:
            await self._evaluate(stage, split, [])
            return []
        known = self._store.pruned_accuracies(stage.key, split)
        places = {theta: (stage.key, split, theta) for theta in thetas if theta not in known}
        new = [theta for theta, place in places.items() if place not in self._flights]
        if new:
            flight = asyncio.create_task(self._compute(stage, split, new))
            self._flights |= dict.fromkeys((places[theta] for theta in new), flight)
        flights = {self._flights[place] for place in places.values()}
        for computed in await asyncio.gather(*map(asyncio.shield, flights)):
            known |= computed
        return [known[theta] for theta in thetas]

    async def _compute(self, stage: Stage, split: str, thetas: list[Theta]) -> dict[Theta, float]:
        try:
            accuracies = dict(zip(thetas, await self._evaluate(stage, split, thetas), strict=True))
            self._store.put_pruned(stage.key, split, accuracies)
            return accuracies
        finally:
            for theta in thetas:
                del self._flights[stage.key, split, theta]


async def _line_of(reader: asyncio.StreamReader) -> bytes:
    """Read the next line; empty at the end. A line that is too long is replaced by text that is no question."""
    try:
        return await reader.readline()
    except ValueError:
        return b"too long"


def _is_theta(theta: Any, layers: int) -> bool:
    return (
        isinstance(theta, list)
        and len(theta) == layers
        and all(type(each) in (int, float) and 0 <= each <= sys.float_info.max for each in theta)
    )
