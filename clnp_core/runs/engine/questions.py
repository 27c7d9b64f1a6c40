"""Asks the engine for the accuracy of a trained candidate pruned at new thresholds. Imports no torch."""

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
"""File with the address of a store's engine: its port on loopback, and a token that only this user can read.

A question is a line of JSON, and so is its answer. A connection takes any number of questions, one after the other.
"""

MOST_THRESHOLDS = 200
"""Most thresholds in one question."""

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
    """Return the accuracy of a trained candidate pruned at each θ, fractions.

    Accuracies asked for before are in the store; a worker of the engine computes the others. If the θ ascend in all
    layers, several cost little more than one.

    Parameters
    ----------
    store : Store
    stage_key : str
        Key of the stage that trained the candidate.
    thetas : sequence of θ per hidden layer
    split : {"validation", "test"}
        The images to classify.
    timeout : float
        Seconds to wait.

    Raises
    ------
    StoreError
        If no engine serves the store, it does not answer in time, or it answers with an error.
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
    """Have the engine, if there is one, prepare for questions about a candidate. This returns at once."""
    with suppress(OSError, ValueError, KeyError, StoreError):
        _send(store, stage_key, [], split, _CONNECT_SECONDS).close()


def _answer(store: Store, stage_key: str, thetas: list[tuple[float, ...]], split: str, deadline: float) -> list[float]:
    try:
        with _connected(store, stage_key, thetas, split, deadline) as connection, connection.makefile() as lines:
            connection.settimeout(max(deadline - time.monotonic(), _RETRY_SECONDS))
            answer = json.loads(lines.readline())
    except TimeoutError as error:
        raise StoreError("The engine did not answer in time; it may be busy, try again.") from error
    except (OSError, ValueError) as error:
        raise StoreError("The engine ended before it answered; try again.") from error
    if "error" in answer:
        raise StoreError(answer["error"])
    accuracies: list[float] = answer["accuracies"]
    return accuracies


def _connected(
    store: Store, stage_key: str, thetas: list[tuple[float, ...]], split: str, deadline: float
) -> socket.socket:
    """Send the question and return the connection. This waits for an engine that is starting."""
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
    """Encode a question or an answer as a line."""
    return json.dumps(message).encode() + b"\n"
