"""Carrying out a stage: the only part of `runs` that computes. Runs on the workers, and never opens the database."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from clnp_core.arithmetic import computing
from clnp_core.errors import DataError
from clnp_core.methods import clnp, sparsify
from clnp_core.methods.graceful import Curve, ScanPoint
from clnp_core.methods.single import single_task_accuracy
from clnp_core.methods.training import Checkpoint, Epoch, Hooks, Hyperparameters, accuracy
from clnp_core.networks import partition
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.fingerprint import Fingerprint, check, fingerprint
from clnp_core.networks.network import Network, digest, from_tensors, initial, reinitialise_free, to_tensors
from clnp_core.networks.subnetwork import task_network, trainable
from clnp_core.runs.artifacts import Artifacts, metadata, write_whole
from clnp_core.runs.stages import Stage
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream

_CHECKPOINT_EPOCHS = 5
_CHECKPOINT_SECONDS = 30


class Stopped(Exception):
    """The stage was asked to stop; what it had reached is in its checkpoint."""


@dataclass(frozen=True)
class Context:
    """What a stage may use besides its inputs; none of it changes the result.

    Attributes
    ----------
    artifacts : Artifacts
        Where its inputs are and its checkpoint goes.
    pulse : callable
        Called often; raises `Stopped` if the stage is to stop.
    report : callable
        Told of every epoch.
    """

    artifacts: Artifacts
    pulse: Callable[[], None] = lambda: None
    report: Callable[[Epoch], None] = lambda epoch: None


def perform(stage: Stage, context: Context) -> dict[str, bytes]:
    """Carry out a stage. Returns the artifacts it makes, by key; the stage's own has its result as JSON.

    Raises
    ------
    Stopped
    ClnpError
        If the stage fails for a reason a person can understand.
    """
    work = {"stream": _draw_stream, "fit": _fit, "settle": _settle, "alone": _train_alone}[stage.kind]
    start = time.perf_counter()
    with computing(stage.threads):
        made = work(stage, context)
    tensors, data = made.pop(stage.key)
    made[stage.key] = tensors, data | {"seconds": time.perf_counter() - start}
    return {key: safetensors.torch.save(tensors, metadata(data)) for key, (tensors, data) in made.items()}


_Made = dict[str, tuple[dict[str, Tensor], dict[str, Any]]]


def _draw_stream(stage: Stage, context: Context) -> _Made:
    stream = _stream(stage, stage.inputs["tasks"])
    tensors = {
        "permutations": torch.from_numpy(stream.permutations),
        "order": torch.from_numpy(stream.order),
    }
    return {stage.key: (tensors, {})}


def _fit(stage: Stage, context: Context) -> _Made:
    epochs: list[Epoch] = []
    candidate = clnp.fit_candidate(
        _network(stage, context),
        _stream(stage, stage.inputs["task"]).task(stage.inputs["task"]),
        _hyperparameters(stage.inputs["hyperparameters"]),
        stage.inputs["seed"],
        _hooks(stage, context, epochs),
    )
    block, measured, curve = candidate.network, candidate.activities, candidate.curve
    tensors = _numbered(
        {
            "weight": block.weights,
            "bias": block.biases,
            "activity": map(torch.from_numpy, measured.free),
            "reused": map(torch.from_numpy, measured.reused),
        }
    )
    tensors["head_weight"] = block.head_weight
    if block.head_bias is not None:
        tensors["head_bias"] = block.head_bias
    data = {
        "accuracy": None if curve.diverged else curve.accuracy,
        "curve": [asdict(point) for point in curve.points],
        "hyperparameters": stage.inputs["hyperparameters"],
        "epochs": [asdict(epoch) for epoch in epochs],
    }
    return {stage.key: (tensors, data)}


def _settle(stage: Stage, context: Context) -> _Made:
    inputs = stage.inputs
    number = inputs["task"]
    stream = _stream(stage, number)
    task = stream.task(number)
    network = _network(stage, context)
    candidates = [_candidate(network, key, context) for key in inputs["candidates"]]
    theta = inputs["theta"]
    choice = clnp.choose_candidate(candidates, network, task, inputs["margin"], inputs["theta_mode"], theta)
    network, learned = clnp.prune_and_commit(network, candidates[choice.candidate], choice)
    for earlier, expected in enumerate(inputs["fingerprints"], start=1):
        context.pulse()
        check(network, earlier, stream.test(earlier).x, Fingerprint(tuple(expected["layers"]), expected["logits"]))
    taken = fingerprint(network, number, task.test.x)
    reached = []
    for earlier in range(1, number + 1):
        context.pulse()
        reached.append(accuracy(task_network(network, earlier), stream.test(earlier)))
    content = digest(network)
    data = {
        "network": content,
        "candidate": choice.candidate,
        "hyperparameters": asdict(learned.hyperparameters),
        "fingerprint": {"layers": list(taken.layers), "logits": taken.logits},
        "record": {
            "task": number,
            "accuracy": reached,
            "validation_accuracy": learned.validation_accuracy,
            "theta": learned.theta,
            "lambda": learned.hyperparameters.l1,
            "learning_rate": learned.hyperparameters.learning_rate,
            "claimed": learned.claimed,
            "reused": learned.reused,
            "free": [partition.free_count(owner) for owner in network.owners],
            "fingerprint": taken.logits,
            "notes": learned.notes,
        },
    }
    return {content: to_tensors(network), stage.key: ({}, data)}


def _train_alone(stage: Stage, context: Context) -> _Made:
    inputs = stage.inputs
    epochs: list[Epoch] = []
    reached = single_task_accuracy(
        ARCHITECTURES[inputs["architecture"]],
        inputs["head"],
        _stream(stage, inputs["task"]).task(inputs["task"]),
        _hyperparameters(stage.inputs["hyperparameters"]),
        inputs["seed"],
        _hooks(stage, context, epochs),
    )
    return {stage.key: ({}, {"accuracy": reached, "epochs": [asdict(epoch) for epoch in epochs]})}


def _hooks(stage: Stage, context: Context, epochs: list[Epoch]) -> Hooks:
    """Hooks that gather the epochs in a list, besides what the context asks for."""

    def on_epoch(epoch: Epoch) -> None:
        epochs.append(epoch)
        context.report(epoch)

    return Hooks(on_epoch, _FileCheckpoint(context.artifacts.checkpoint(stage.key)), context.pulse)


def _hyperparameters(given: dict[str, Any]) -> Hyperparameters:
    return Hyperparameters(**given | {"l1": tuple(given["l1"])})


def _network(stage: Stage, context: Context) -> Network:
    """The network the stage starts from."""
    if stage.inputs["network"] is None:
        return initial(ARCHITECTURES[stage.inputs["architecture"]], stage.inputs["head"])
    key = stage.inputs["network"]
    return from_tensors(_tensors(context.artifacts.path(key)), context.artifacts.data(key))


def _candidate(network: Network, key: str, context: Context) -> clnp.Candidate:
    tensors, data = _tensors(context.artifacts.path(key)), context.artifacts.data(key)
    # What the candidate could read but not train is cut out of the network anew; only what it trained is kept.
    cut = trainable(reinitialise_free(network, 0))
    layers = range(len(cut.weights))
    block = replace(
        cut,
        weights=tuple(tensors[f"weight.{layer}"] for layer in layers),
        biases=tuple(tensors[f"bias.{layer}"] for layer in layers),
        head_weight=tensors["head_weight"],
        head_bias=tensors.get("head_bias"),
    )
    measured = sparsify.Activities(
        free=tuple(tensors[f"activity.{layer}"].numpy() for layer in layers),
        reused=tuple(tensors[f"reused.{layer}"].numpy() for layer in layers),
    )
    points = [
        ScanPoint(tuple(point["theta"]), point["accuracy"], tuple(point["claimed"])) for point in data["curve"]
    ]
    return clnp.Candidate(
        hyperparameters=_hyperparameters(data["hyperparameters"]),
        network=block,
        activities=measured,
        curve=Curve(math.nan if data["accuracy"] is None else data["accuracy"], points),
    )


def _tensors(path: Path) -> dict[str, Tensor]:
    # Copies: a tensor inside a file's buffer may start anywhere, and a product's last bit may depend on where.
    return {name: tensor.clone() for name, tensor in safetensors.torch.load(path.read_bytes()).items()}


def _numbered(groups: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{name}.{place}": tensor for name, group in groups.items() for place, tensor in enumerate(group)}


def _stream(stage: Stage, tasks: int) -> PermutedStream:
    asked = stage.inputs["stream"]
    dataset = _dataset(asked["dataset"], asked["digest"])
    return PermutedStream(dataset, tasks, asked["validation"], stage.inputs["seed"], asked["identity_first"])


@lru_cache(maxsize=2)
def _dataset(name: str, digest: str) -> datasets.Dataset:
    loaded = datasets.load(name)
    if loaded.digest() != digest:
        raise DataError(f"The data set {name} on this worker is not the one the run was started with.")
    return loaded


class _FileCheckpoint(Checkpoint):
    """Keeps a training's state in a file, every few epochs or every half minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved = time.monotonic()
        self._epoch = 0

    def load(self) -> dict[str, Tensor] | None:
        return _tensors(self._path) if self._path.exists() else None

    def is_due(self, epoch: int) -> bool:
        return epoch - self._epoch >= _CHECKPOINT_EPOCHS or time.monotonic() - self._saved >= _CHECKPOINT_SECONDS

    def save(self, epoch: int, tensors: dict[str, Tensor]) -> None:
        write_whole(self._path, safetensors.torch.save(tensors))
        self._epoch, self._saved = epoch, time.monotonic()
