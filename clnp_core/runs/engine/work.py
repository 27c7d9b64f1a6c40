"""Carrying out a stage: the only part of `runs` that computes. Runs on the workers, and never opens the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from clnp_core.arithmetic import TOLERANCE, computing, kind, machine
from clnp_core.errors import DamagedError, DeviceError
from clnp_core.methods import METHODS
from clnp_core.methods.method import Candidate, Lesson, Method, Pruning, Settings, Tuning, place_of
from clnp_core.methods.training import Checkpoint, Epoch, Gradual, Hooks, Hyperparameters, accuracy
from clnp_core.networks import partition
from clnp_core.networks.fingerprint import Fingerprint, Taken, carry_over, check, take
from clnp_core.networks.network import Network, digest, grow, initial, to_tensors
from clnp_core.networks.subnetwork import Trainable
from clnp_core.runs.engine.at_end import measured_at_end
from clnp_core.runs.engine.candidates import candidate_of, tensors_of
from clnp_core.runs.engine.stored import stored_network, tensors_in
from clnp_core.runs.engine.tested import tests_so_far
from clnp_core.runs.fold import results
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.artifacts import Artifacts, metadata
from clnp_core.tasks.streams import Stream, open_stream

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
    checkpoint_pause, checkpoint_epochs : float, int
        Seconds between two checkpoints of a stage at least, and epochs, but where those take long.
    """

    artifacts: Artifacts
    pulse: Callable[[], None] = lambda: None
    report: Callable[[str, Epoch], None] = lambda key, epoch: None
    checkpoint_pause: float = _CHECKPOINT_PAUSE
    checkpoint_epochs: int = _CHECKPOINT_EPOCHS


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
        try:
            made = _made(alike, context)
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                "The GPU's memory is full; start the engine with fewer workers (--workers), since each takes some of "
                "it, or give a smaller batch_size, then resume the run: it goes on from its last checkpoint."
            ) from error
        told: dict[str, Any] = {"machine": machine()}
    told["seconds"] = (time.perf_counter() - start) / len(alike)
    for stage in alike:
        tensors, result = made[stage.key]
        assert isinstance(result, results.Result)  # only networks and logits are plain data
        made[stage.key] = tensors, result.model_copy(update=told)
    plain = {key: data if isinstance(data, dict) else data.to_json() for key, (_, data) in made.items()}
    return {key: safetensors.torch.save(tensors, metadata(plain[key])) for key, (tensors, _) in made.items()}


_Made = dict[str, tuple[dict[str, Tensor], results.Result | dict[str, Any]]]
"""By key: what stages come to, and plain data beside the networks and logits that they make."""


def _made(alike: Sequence[Stage], context: Context) -> _Made:
    match alike[0].kind:
        case "fit":
            return _fit(alike, context)
        case "alone":
            return _train_alone(alike, context)
        case "tune":
            return _tune(alike[0], context)
        case "settle":
            return _settle(alike[0], context)
        case "grow":
            return _grow(alike[0], context)
        case "stream":
            return _draw_stream(alike[0])
        case _:  # "measure"
            return {alike[0].key: ({}, measured_at_end(alike[0], context.artifacts, context.pulse))}


def _draw_stream(stage: Stage) -> _Made:
    drawn = _stream(stage, stage.inputs["tasks"]).drawn()
    return {stage.key: ({name: torch.from_numpy(array) for name, array in drawn.items()}, results.Result())}


def _fit(alike: Sequence[Stage], context: Context) -> _Made:
    epochs: dict[str, list[Epoch]] = {}
    jobs = []
    # Candidates that start alike share their task's data and the activations of frozen neurons.
    for _, group in groupby(alike, key=_start_of):
        stages = list(group)
        grid = [_hyperparameters(stage.inputs["hyperparameters"]) for stage in stages]
        hooks = [_hooks(stage, context, epochs) for stage in stages]
        jobs += _method(stages[0]).jobs(_lesson(stages[0], context), grid, hooks)
    candidates = _method(alike[0]).fit(jobs, context.pulse)
    return {
        stage.key: _candidate_artifact(stage, candidate, stage.inputs["hyperparameters"], epochs[stage.key])
        for stage, candidate in zip(alike, candidates, strict=True)
    }


def _start_of(stage: Stage) -> tuple[dict[str, Any], Settings]:
    """What trainings share that start alike: all but their hyper-parameters."""
    given = stage.inputs["hyperparameters"]
    return stage.inputs | {"hyperparameters": None}, own_settings(stage, given)


def _candidate_artifact(
    stage: Stage, candidate: Candidate, hyperparameters: dict[str, Any], epochs: list[Epoch]
) -> tuple[dict[str, Tensor], results.Candidate]:
    carried, curve = _method(stage).carries(own_settings(stage, hyperparameters)), candidate.curve
    return tensors_of(candidate, carried), results.Candidate(
        accuracy=None if curve.diverged else curve.accuracy,
        curve=tuple(curve.points),
        hyperparameters=hyperparameters,
        pruned=candidate.pruned,
        epochs=tuple(epochs),
    )


def _tune(stage: Stage, context: Context) -> _Made:
    """Choose among the candidates, prune the winner, and train what is left of it."""
    inputs = stage.inputs
    lesson = _lesson(stage, context)
    epochs: dict[str, list[Epoch]] = {}
    candidates = _candidates(stage, lesson, context)
    tuning = Tuning(round=inputs["round"], **inputs["hyperparameters"])
    hooks = _hooks(stage, context, epochs)
    tuned = _method(stage).tune(lesson, candidates, _pruning(stage), tuning, hooks, context.pulse)
    assert tuned.pruned is not None  # `tune` has pruned it
    winner = inputs["candidates"][place_of(tuned.pruned.candidate, candidates)]
    given = context.artifacts.read(winner, results.Candidate).hyperparameters
    return {stage.key: _candidate_artifact(stage, tuned, given, epochs[stage.key])}


def _settle(stage: Stage, context: Context) -> _Made:
    inputs, method = stage.inputs, _method(stage)
    lesson = _lesson(stage, context)
    number, stream = lesson.task, lesson.stream
    candidates = _candidates(stage, lesson, context)
    network, learned = method.settle(lesson, candidates, _pruning(stage), context.pulse)
    taken, rounded = [], []
    for earlier, expected in _promised(stage):
        context.pulse()
        taken.append(check(network, earlier, stream.test(earlier).x, expected, partial(_logits, expected, context)))
        if taken[-1].fingerprint != expected:
            rounded.append((earlier, expected))
    if method.exact:
        taken.append(take(network, number, stream.test(number).x))
    tests = tests_so_far(method, network, stream, number, context.pulse)
    # Where earlier tasks answer as they did, their own records tell of them.
    told = {number: tests[number]} if method.exact else tests
    content = digest(network)
    winner = inputs["candidates"][place_of(learned.candidate, candidates)]
    record = results.Record(
        task=number,
        validation_accuracy=learned.validation_accuracy,
        theta=learned.theta,
        claimed=learned.claimed,
        reused=learned.reused,
        notes=(*learned.notes, *_rounding_notes(rounded)),
        lambda_=learned.hyperparameters.l1,
        learning_rate=learned.hyperparameters.learning_rate,
        accuracy=(*(tests[n].accuracy if n in tests else inputs["measured"][n - 1] for n in range(1, number + 1)),),
        by_class={task: each.by_class for task, each in told.items()},
        widths=network.architecture.widths,
        free=tuple(partition.free_count(owner) for owner in network.owners) if method.partitions else (),
        fingerprint=taken[-1].fingerprint.logits if method.exact else None,
        rounded=tuple(earlier for earlier, _ in rounded),
    )
    settled = results.Settled(
        network=content,
        fingerprints=tuple(each.fingerprint for each in taken),
        candidate=learned.candidate,
        hyperparameters=context.artifacts.read(winner, results.Candidate).hyperparameters,
        record=record,
    )
    confusion = {f"confusion.{task}": each.confusion for task, each in told.items()}
    # The result last: where it is, all that it leads to is.
    return {content: to_tensors(network), **_new_logits(taken, context), stage.key: (confusion, settled)}


def _promised(stage: Stage) -> Iterator[tuple[int, Fingerprint]]:
    """The tasks learned before the stage, and the fingerprint that each must keep."""
    return enumerate(results.FINGERPRINTS.validate_python(stage.inputs["fingerprints"]), start=1)


def _logits(expected: Fingerprint, context: Context) -> Tensor:
    """The logits that a fingerprint is the digest of."""
    return torch.from_numpy(context.artifacts.array(expected.logits, "logits"))


def _new_logits(taken: list[Taken], context: Context) -> _Made:
    """The logits behind fingerprints, each as an artifact under its digest, but for those that are there and whole."""
    made: _Made = {}
    for each in taken:
        try:
            context.artifacts.check(each.fingerprint.logits)
        except DamagedError:
            made[each.fingerprint.logits] = {"logits": each.logits}, {}
    return made


def _rounding_notes(rounded: list[tuple[int, Fingerprint]]) -> Iterator[str]:
    for elsewhere, group in groupby(rounded, key=lambda each: each[1].kind):
        tasks = ", ".join(str(task) for task, _ in group)
        yield (
            f"Earlier tasks ({tasks}) were last checked on {elsewhere}; here, on {kind()}, their logits are the same "
            f"to {TOLERANCE:g} of the largest, as numbers round differently."
        )


def _grow(stage: Stage, context: Context) -> _Made:
    """Widen layers, and see that every learned task goes on answering as it did."""
    before, stream = _network(stage, context), _stream(stage, stage.inputs["task"])
    grown = grow(before, tuple(stage.inputs["neurons"]))
    carried = []
    for task, expected in _promised(stage):
        context.pulse()
        known = partial(_logits, expected, context)
        carried.append(carry_over(before, grown, task, stream.test(task).x, expected, known))
    content = digest(grown)
    result = results.Changed(network=content, fingerprints=tuple(each.fingerprint for each in carried))
    return {content: to_tensors(grown), **_new_logits(carried, context), stage.key: ({}, result)}


def _train_alone(alike: Sequence[Stage], context: Context) -> _Made:
    epochs: dict[str, list[Epoch]] = {}
    method, jobs = _method(alike[0]), []
    for stage in alike:
        grid = [_hyperparameters(stage.inputs["hyperparameters"])]
        jobs += method.jobs(_lesson(stage, context), grid, [_hooks(stage, context, epochs)])
    made: _Made = {}
    for stage, candidate in zip(alike, method.fit(jobs, context.pulse), strict=True):
        task = stage.inputs["task"]
        reached = accuracy(candidate.network, _stream(stage, task).test(task))
        made[stage.key] = {}, results.Alone(accuracy=reached, epochs=tuple(epochs[stage.key]))
    return made


def _hooks(stage: Stage, context: Context, epochs: dict[str, list[Epoch]]) -> Hooks:
    """Hooks that gather a stage's epochs under its key, besides what the context asks for."""
    own = epochs[stage.key] = []

    def on_epoch(epoch: Epoch) -> None:
        own.append(epoch)
        context.report(stage.key, epoch)

    return Hooks(on_epoch, _FileCheckpoint(stage.key, context))


def _device(stage: Stage) -> torch.device:
    """Where the stage is computed."""
    device = torch.device(stage.inputs["device"])
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "device = cuda is not possible here: the worker finds no CUDA device; give device=cpu, or start a worker "
            "with a CUDA build of torch on a machine that has one."
        )
    return device


def _method(stage: Stage) -> Method:
    return METHODS[stage.inputs["method"]]


def _lesson(stage: Stage, context: Context) -> Lesson:
    """What the stage is about, from where it starts."""
    task, seed, candidates = stage.inputs["task"], stage.inputs["seed"], stage.inputs.get("candidates")
    given = context.artifacts.data(candidates[0]) if candidates else stage.inputs
    own = own_settings(stage, given["hyperparameters"])
    return Lesson(_network(stage, context), _stream(stage, task), task, seed, _device(stage), own)


def own_settings(stage: Stage, hyperparameters: dict[str, Any]) -> Settings:
    """Of the stage's method, for a candidate: its hyper-parameters have the settings of which several are tried."""
    return _method(stage).Settings(**stage.inputs.get("settings", {}) | hyperparameters.get("settings", {}))


def _pruning(stage: Stage) -> Pruning:
    return Pruning(*(stage.inputs[name] for name in ("margin", "theta_mode", "theta", "layer_weights")))


def _hyperparameters(given: dict[str, Any]) -> Hyperparameters:
    shared = {name: value for name, value in given.items() if name != "settings"}
    tuples = {name: tuple(value) for name, value in shared.items() if isinstance(value, list)}
    gradual = {"gradual": Gradual(**shared["gradual"])} if "gradual" in shared else {}
    return Hyperparameters(**shared | tuples | gradual)


def _network(stage: Stage, context: Context) -> Network:
    """The network the stage starts from."""
    key = stage.inputs.get("network")
    return stored_network(context.artifacts, key) if key else initial(stage.architecture, stage.inputs["head"])


def trained(stage: Stage, context: Context) -> tuple[Candidate, Stream]:
    """The candidate that a stage has trained, on the processor wherever that was, and the stream its task is of."""
    task = stage.inputs["task"]
    start, stream = _network(stage, context), _stream(stage, task)
    own = own_settings(stage, stage.inputs["hyperparameters"])
    lesson = Lesson(start, stream, task, stage.inputs["seed"], settings=own)
    return _candidate(_method(stage).start(lesson), stage, stage.key, context), lesson.stream


def _candidates(stage: Stage, lesson: Lesson, context: Context) -> list[Candidate]:
    # What candidates could read but not train is cut out of the network anew; only what they trained is kept.
    cut = _method(stage).start(lesson)
    return [_candidate(cut, stage, key, context) for key in stage.inputs["candidates"]]


def _candidate(cut: Trainable, stage: Stage, key: str, context: Context) -> Candidate:
    tensors, result = tensors_in(context.artifacts.content(key)), context.artifacts.read(key, results.Candidate)
    own, given = own_settings(stage, result.hyperparameters), _hyperparameters(result.hyperparameters)
    return candidate_of(tensors, cut, result, given, own, _method(stage).carries(own))


def _stream(stage: Stage, tasks: int) -> Stream:
    return open_stream(stage.inputs["stream"], stage.inputs["seed"], tasks)


class _FileCheckpoint(Checkpoint):
    """Keeps a training's state in a file, every few epochs or every half minute, but not all the time."""

    def __init__(self, key: str, context: Context) -> None:
        self._key = key
        self._context = context
        self._saved = time.monotonic()
        self._epoch = 0

    def load(self) -> dict[str, Tensor] | None:
        content = self._context.artifacts.read_checkpoint(self._key)
        return None if content is None else tensors_in(content)

    def is_due(self, epoch: int) -> bool:
        since = time.monotonic() - self._saved
        pause, epochs = self._context.checkpoint_pause, self._context.checkpoint_epochs
        return since >= _CHECKPOINT_SECONDS or (epoch - self._epoch >= epochs and since >= pause)

    def save(self, epoch: int, tensors: dict[str, Tensor]) -> None:
        self._context.artifacts.write_checkpoint(self._key, safetensors.torch.save(tensors))
        self._epoch, self._saved = epoch, time.monotonic()
