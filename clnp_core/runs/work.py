"""Carrying out a stage: the only part of `runs` that computes. Runs on the workers, and never opens the database."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from clnp_core.arithmetic import computing
from clnp_core.errors import DataError, DeviceError
from clnp_core.methods import clnp, sparsify
from clnp_core.methods.graceful import Curve, ScanPoint
from clnp_core.methods.single import single_task_accuracies, single_task_job
from clnp_core.methods.training import Checkpoint, Epoch, Hooks, Hyperparameters, accuracy
from clnp_core.networks import partition
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.fingerprint import Fingerprint, check, fingerprint
from clnp_core.networks.network import Network, digest, from_tensors, initial, reinitialise_free, to_tensors
from clnp_core.networks.subnetwork import Trainable, task_network, trainable
from clnp_core.runs.artifacts import Artifacts, metadata, write_whole
from clnp_core.runs.stages import Stage
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream

_CHECKPOINT_EPOCHS = 5
_CHECKPOINT_SECONDS = 30
_CHECKPOINT_PAUSE = 1.0


class Stopped(Exception):
    """The stage was asked to stop; what it had reached is in its checkpoint."""


@dataclass(frozen=True)
class Context:
    """What stages may use besides their inputs; none of it changes the result.

    Attributes
    ----------
    artifacts : Artifacts
        Where their inputs are and their checkpoints go.
    pulse : callable
        Called often; raises `Stopped` if the work is to stop.
    report : callable
        Told of every epoch of every stage: its key, and the epoch.
    checkpoint_pause : float
        Seconds between two checkpoints of a stage at least.
    """

    artifacts: Artifacts
    pulse: Callable[[], None] = lambda: None
    report: Callable[[str, Epoch], None] = lambda key, epoch: None
    checkpoint_pause: float = _CHECKPOINT_PAUSE


def perform(alike: Sequence[Stage], context: Context) -> dict[str, bytes]:
    """Carry out stages of the same `program`, or a single one.

    Returns the artifacts they make, by key; a stage's own has its result as JSON.

    Raises
    ------
    Stopped
    ClnpError
        If a stage fails for a reason a person can understand.
    """
    start = time.perf_counter()
    with computing(alike[0].threads):
        match alike[0].kind:
            case "fit":
                made = _fit(alike, context)
            case "alone":
                made = _train_alone(alike, context)
            case "settle":
                made = _settle(*alike, context)
            case "stream":
                made = _draw_stream(*alike)
    seconds = (time.perf_counter() - start) / len(alike)
    for stage in alike:
        tensors, data = made[stage.key]
        made[stage.key] = tensors, data | {"seconds": seconds}
    return {key: safetensors.torch.save(tensors, metadata(data)) for key, (tensors, data) in made.items()}


_Made = dict[str, tuple[dict[str, Tensor], dict[str, Any]]]


def _draw_stream(stage: Stage) -> _Made:
    stream = _stream(stage, stage.inputs["tasks"])
    tensors = {
        "permutations": torch.from_numpy(stream.permutations),
        "order": torch.from_numpy(stream.order),
    }
    return {stage.key: (tensors, {})}


def _fit(alike: Sequence[Stage], context: Context) -> _Made:
    epochs: dict[str, list[Epoch]] = {}
    jobs = []
    # Candidates that start alike share their task's data and the activations of frozen neurons.
    for _, group in groupby(alike, key=lambda stage: stage.inputs | {"hyperparameters": None}):
        stages = list(group)
        first = stages[0]
        task = _stream(first, first.inputs["task"]).task(first.inputs["task"]).to(_device(first))
        grid = [_hyperparameters(stage.inputs["hyperparameters"]) for stage in stages]
        hooks = [_hooks(stage, context, epochs) for stage in stages]
        jobs += clnp.candidate_jobs(_network(first, context), task, grid, first.inputs["seed"], hooks)
    candidates = clnp.fit_candidates(jobs, context.pulse)
    return {
        stage.key: _candidate_artifact(candidate, stage, epochs[stage.key])
        for stage, candidate in zip(alike, candidates, strict=True)
    }


def _candidate_artifact(
    candidate: clnp.Candidate, stage: Stage, epochs: list[Epoch]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    block, measured, curve = candidate.network, candidate.activities, candidate.curve
    tensors = _numbered(
        {
            "free": map(torch.from_numpy, block.free),
            "weight": block.weights,
            "bias": block.biases,
            "activity": map(torch.from_numpy, measured.free),
            "reused": map(torch.from_numpy, measured.reused),
        }
    )
    tensors["head_weight"] = block.head_weight
    if block.head_bias is not None:
        tensors["head_bias"] = block.head_bias
    return tensors, {
        "accuracy": None if curve.diverged else curve.accuracy,
        "curve": [asdict(point) for point in curve.points],
        "hyperparameters": stage.inputs["hyperparameters"],
        "epochs": [asdict(epoch) for epoch in epochs],
    }


def _settle(stage: Stage, context: Context) -> _Made:
    inputs = stage.inputs
    number = inputs["task"]
    stream = _stream(stage, number)
    network = _network(stage, context)
    # What candidates could read but not train is cut out of the network anew; only what they trained is kept.
    cut = trainable(reinitialise_free(network, 0))
    candidates = [_candidate(cut, key, context) for key in inputs["candidates"]]
    theta = inputs["theta"]
    held_out = stream.held_out(number)
    choice = clnp.choose_candidate(candidates, network, held_out, inputs["margin"], inputs["theta_mode"], theta)
    network, learned = clnp.prune_and_commit(network, candidates[choice.candidate], choice)
    for earlier, expected in enumerate(inputs["fingerprints"], start=1):
        context.pulse()
        check(network, earlier, stream.test(earlier).x, Fingerprint(tuple(expected["layers"]), expected["logits"]))
    taken = fingerprint(network, number, stream.test(number).x)
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


def _train_alone(alike: Sequence[Stage], context: Context) -> _Made:
    epochs: dict[str, list[Epoch]] = {}
    jobs = [
        single_task_job(
            ARCHITECTURES[stage.inputs["architecture"]],
            stage.inputs["head"],
            _stream(stage, stage.inputs["task"]).task(stage.inputs["task"]).to(_device(stage)),
            _hyperparameters(stage.inputs["hyperparameters"]),
            stage.inputs["seed"],
            _hooks(stage, context, epochs),
        )
        for stage in alike
    ]
    return {
        stage.key: ({}, {"accuracy": reached, "epochs": [asdict(epoch) for epoch in epochs[stage.key]]})
        for stage, reached in zip(alike, single_task_accuracies(jobs, context.pulse), strict=True)
    }


def _hooks(stage: Stage, context: Context, epochs: dict[str, list[Epoch]]) -> Hooks:
    """Hooks that gather a stage's epochs under its key, besides what the context asks for."""
    own = epochs[stage.key] = []

    def on_epoch(epoch: Epoch) -> None:
        own.append(epoch)
        context.report(stage.key, epoch)

    path = context.artifacts.checkpoint(stage.key)
    return Hooks(on_epoch, _FileCheckpoint(path, context.checkpoint_pause))


def _device(stage: Stage) -> torch.device:
    """Where the stage is computed."""
    device = torch.device(stage.inputs["device"])
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "device = cuda is not possible here: the worker finds no CUDA device; give device=cpu, or start a worker "
            "with a CUDA build of torch on a machine that has one."
        )
    return device


def _hyperparameters(given: dict[str, Any]) -> Hyperparameters:
    return Hyperparameters(**given | {"l1": tuple(given["l1"])})


def _network(stage: Stage, context: Context) -> Network:
    """The network the stage starts from."""
    if stage.inputs["network"] is None:
        return initial(ARCHITECTURES[stage.inputs["architecture"]], stage.inputs["head"])
    key = stage.inputs["network"]
    return from_tensors(_tensors(context.artifacts.path(key)), context.artifacts.data(key))


def _candidate(cut: Trainable, key: str, context: Context) -> clnp.Candidate:
    tensors, data = _tensors(context.artifacts.path(key)), context.artifacts.data(key)
    layers = range(len(cut.weights))
    block = replace(
        cut,
        free=tuple(tensors[f"free.{layer}"].numpy() for layer in layers),
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
    """Keeps a training's state in a file, every few epochs or every half minute, but not all the time."""

    def __init__(self, path: Path, pause: float) -> None:
        self._path = path
        self._pause = pause
        self._saved = time.monotonic()
        self._epoch = 0

    def load(self) -> dict[str, Tensor] | None:
        return _tensors(self._path) if self._path.exists() else None

    def is_due(self, epoch: int) -> bool:
        since = time.monotonic() - self._saved
        return since >= _CHECKPOINT_SECONDS or (epoch - self._epoch >= _CHECKPOINT_EPOCHS and since >= self._pause)

    def save(self, epoch: int, tensors: dict[str, Tensor]) -> None:
        write_whole(self._path, safetensors.torch.save(tensors))
        self._epoch, self._saved = epoch, time.monotonic()
