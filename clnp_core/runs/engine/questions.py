"""Asks the engine for what takes a forward pass: accuracies at new thresholds, and single images. Imports no torch."""

from __future__ import annotations

import json
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from clnp_core.errors import StoreError
from clnp_core.runs.store import Store

ADDRESS_FILE = "engine.address"
"""File with the address of a store's engine: its port on loopback, and a token that only this user can read.

A question is a line of JSON, and so is its answer. A connection takes any number of questions, one after the other.
"""

MOST_THRESHOLDS = 200
"""Most thresholds in one question."""

MOST_IMAGES = 100
"""Most images in one question."""

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
        question = {"stage": stage_key, "split": split, "thetas": part}
        known |= zip(part, _answer(store, question, deadline)["accuracies"], strict=True)
    return [known[theta] for theta in wanted]


def look(
    store: Store, stage_key: str, task: int, images: Sequence[int], timeout: float = _TIMEOUT
) -> dict[str, np.ndarray]:
    """Return what a network makes of a task's test images.

    Parameters
    ----------
    store : Store
    stage_key : str
        Key of the stage that settled on the network.
    task : int
    images : sequence of int
        Places of those to look at among the task's test images.
    timeout : float
        Seconds to wait.

    Returns
    -------
    dict of arrays
        Of all N test images: labels and answers, int64 [N], and confidence, the probability of the answer, [N]. Of the
        k images asked for: pixels [k, inputs] as the network takes them, probabilities [k, outputs], and where the
        method claims neurons activity.0, ... [k, N_l]: each hidden neuron's activation, of a channel its mean over the
        image; 0 for neurons that the task's network does not have.

    Raises
    ------
    StoreError
        As for `ask`.
    """
    told: dict[str, np.ndarray] = {}
    deadline = time.monotonic() + timeout
    for start in range(0, max(len(images), 1), MOST_IMAGES):
        question = {"stage": stage_key, "task": task, "images": [*map(int, images[start : start + MOST_IMAGES])]}
        part = {name: unpacked(each) for name, each in _answer(store, question, deadline)["arrays"].items()}
        of_all = ("labels", "answers", "confidence")
        told |= {
            name: each if name in of_all or name not in told else np.concatenate((told[name], each))
            for name, each in part.items()
        }
    return told


def prepare(store: Store, stage_key: str, split: str = "validation") -> None:
    """Have the engine, if there is one, prepare for questions about a candidate. This returns at once."""
    with suppress(OSError, ValueError, KeyError, StoreError):
        _send(store, {"stage": stage_key, "split": split, "thetas": []}, _CONNECT_SECONDS).close()


def _answer(store: Store, question: Mapping[str, Any], deadline: float) -> dict[str, Any]:
    try:
        with _connected(store, question, deadline) as connection, connection.makefile() as lines:
            connection.settimeout(max(deadline - time.monotonic(), _RETRY_SECONDS))
            answer: dict[str, Any] = json.loads(lines.readline())
    except TimeoutError as error:
        raise StoreError("The engine did not answer in time; it may be busy, try again.") from error
    except (OSError, ValueError) as error:
        raise StoreError("The engine ended before it answered; try again.") from error
    if "error" in answer:
        raise StoreError(answer["error"])
    return answer


def _connected(store: Store, question: Mapping[str, Any], deadline: float) -> socket.socket:
    """Send the question and return the connection. This waits for an engine that is starting."""
    while True:
        if store.engine() is None:
            raise StoreError(f"No engine serves the store {store.location}; start one with: clnp engine")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return _send(store, question, left)
        except (OSError, ValueError, KeyError):
            time.sleep(_RETRY_SECONDS)


def _send(store: Store, question: Mapping[str, Any], timeout: float) -> socket.socket:
    address = json.loads((store.location / ADDRESS_FILE).read_text("utf-8"))
    connection = socket.create_connection(("127.0.0.1", address["port"]), timeout)
    try:
        connection.sendall(line({"token": address["token"], **question}))
    except OSError:
        connection.close()
        raise
    return connection


def line(message: dict[str, Any]) -> bytes:
    """Encode a question or an answer as a line."""
    return json.dumps(message).encode() + b"\n"


def packed(array: np.ndarray) -> dict[str, Any]:
    """Turn an array of int64 or float32 into JSON."""
    content = b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
    return {"type": array.dtype.name, "shape": array.shape, "content": content}


def unpacked(told: Mapping[str, Any]) -> np.ndarray:
    """Turn JSON from `packed` back into the array."""
    kind = np.dtype(told["type"])
    array = np.frombuffer(b64decode(told["content"]), kind.newbyteorder("<")).astype(kind)
    return array.reshape(told["shape"])
