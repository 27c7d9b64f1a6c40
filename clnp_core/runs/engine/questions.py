"""Asking the engine how a trained candidate does, pruned at thresholds that nobody tried. Imports no torch."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from clnp_core.errors import StoreError
from clnp_core.runs.store import Store

ADDRESS_FILE = "engine.address"
"""Where an engine that serves a store is asked: its port on loopback, and a token that only this user can read.

A question is a line of JSON, the answer another; one connection takes any number of them, one after the other.
"""

MOST_THRESHOLDS = 200
"""Thresholds that one question may ask for."""

_TIMEOUT = 60.0
_CONNECT_SECONDS = 1.0
_RETRY_SECONDS = 0.05


def ask(
    store: Store,
    stage_key: str,
    thetas: Sequence[Sequence[float]],
    split: str = "validation",
    timeout: float = _TIMEOUT,
) -> list[float]:
    """Accuracy of a trained candidate pruned at each θ, fractions.

    What was asked before is in the store; for the rest a worker of the engine computes the pruned network's answers.
    Higher θ after lower ones, in all layers, cost little more than a single one.

    Parameters
    ----------
    store : Store
    stage_key : str
        Of the stage that trained the candidate.
    thetas : sequence of θ per hidden layer
    split : {"validation", "test"}
        The images that it answers for.
    timeout : float
        Seconds to wait.

    Raises
    ------
    StoreError
        If no engine serves the store, it gives no answer in time, or says why there is none.
    """
    wanted = [tuple(map(float, theta)) for theta in thetas]
    known = store.pruned_accuracies(stage_key, split)
    missing = list(dict.fromkeys(theta for theta in wanted if theta not in known))
    deadline = time.monotonic() + timeout
    for start in range(0, len(missing), MOST_THRESHOLDS):
        part = missing[start : start + MOST_THRESHOLDS]
        known |= zip(part, _answer(store, stage_key, part, split, deadline), strict=True)
    return [known[theta] for theta in wanted]


def prepare(store: Store, stage_key: str, split: str = "validation") -> None:
    """Have the engine, if there is one, make ready for questions about a candidate. Returns at once."""
    with suppress(OSError, ValueError, KeyError, StoreError):
        _send(store, stage_key, [], split, _CONNECT_SECONDS).close()


def _answer(store: Store, stage_key: str, thetas: list[tuple[float, ...]], split: str, deadline: float) -> list[float]:
    try:
        with _connected(store, stage_key, thetas, split, deadline) as connection, connection.makefile() as lines:
            connection.settimeout(max(deadline - time.monotonic(), _RETRY_SECONDS))
            answer = json.loads(lines.readline())
    except TimeoutError as error:
        raise StoreError("The engine gave no answer in time; it may be busy, try again.") from error
    except (OSError, ValueError) as error:
        raise StoreError("The engine went away before it answered; try again.") from error
    if "error" in answer:
        raise StoreError(answer["error"])
    accuracies: list[float] = answer["accuracies"]
    return accuracies


def _connected(
    store: Store, stage_key: str, thetas: list[tuple[float, ...]], split: str, deadline: float
) -> socket.socket:
    """A connection over which the question has been sent. An engine that just begins to serve is waited for."""
    while True:
        if store.engine() is None:
            raise StoreError(f"No engine serves the store {store.location}; start one with: clnp engine")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return _send(store, stage_key, thetas, split, left)
        except (OSError, ValueError, KeyError):
            time.sleep(_RETRY_SECONDS)


def _send(store: Store, stage_key: str, thetas: list[tuple[float, ...]], split: str, timeout: float) -> socket.socket:
    address = json.loads((store.location / ADDRESS_FILE).read_text("utf-8"))
    question = {"token": address["token"], "stage": stage_key, "split": split, "thetas": thetas}
    connection = socket.create_connection(("127.0.0.1", address["port"]), timeout)
    try:
        connection.sendall(line(question))
    except OSError:
        connection.close()
        raise
    return connection


def line(message: dict[str, Any]) -> bytes:
    """A question or an answer, as it is sent."""
    return json.dumps(message).encode() + b"\n"
