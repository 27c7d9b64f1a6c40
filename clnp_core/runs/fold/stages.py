"""Learning as a fold of pure stages: what each stage is, and the key it is found by. Imports no torch.

    state 0 ──(task 1: fit candidates → settle)──▶ state 1 ──(task 2: …)──▶ state 2 …

Between fit and settle a candidate may be chosen, pruned and fine-tuned, and between two tasks the network may grow.

A stage is a pure function of its inputs. Its key is the hash of exactly those, its result an artifact under that key.
A learned network goes by the hash of its content, so that two ways of arriving at the same network lead on to the same
stages. What came in an archive says so among its inputs: no stage of one's own has such a key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from clnp_core.methods import REFERENCE
from clnp_core.networks.architectures import Architecture, architecture_data, as_architecture
from clnp_core.networks.fingerprint import Fingerprint
from clnp_core.runs.fold.results import FINGERPRINTS
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.spec.run import Point

VERSION = 5
"""Part of every key. To be raised when the same inputs no longer give the same result."""


@dataclass(frozen=True)
class Stage:
    """One pure step of a run.

    Attributes
    ----------
    kind : {"fit", "tune", "settle", "grow", "alone", "stream", "measure"}
        Train one candidate and scan its thresholds; choose among candidates, prune and fine-tune; settle on one,
        commit, check and measure; widen layers and check; train a task by itself for comparison; draw everything
        random of a stream; measure what methods are compared by.
    inputs : dict
        All that the result depends on, as plain data.
    """

    kind: str
    inputs: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """SHA-256 of the kind and the inputs, hexadecimal."""
        return digest_of({"version": VERSION, "kind": self.kind, "inputs": self.inputs})

    @property
    def needs(self) -> list[str]:
        """Keys of the artifacts it reads."""
        network, promised = self.inputs.get("network"), self.inputs.get("fingerprints", [])
        logits = [fingerprint["logits"] for fingerprint in promised]
        networks = [*([network] if network else []), *self.inputs.get("networks", {}).values()]
        return [*self.inputs.get("candidates", []), *networks, *logits]

    @property
    def program(self) -> tuple[Any, ...]:
        """Stages of equal program are computed faster together than one by one, and to the same bits.

        So it is with trainings of a network small enough for one thread, whose steps cost little more than the calls.
        """
        if self.kind not in ("fit", "alone") or self.threads > 1 or not self.architecture.is_plain:
            return (self.key,)
        common = [self.inputs[name] for name in ("architecture", "head", "stream", "device")]
        about = (self.inputs.get("method"), self.inputs["hyperparameters"]["batch_size"])
        return self.kind, *about, json.dumps(common, sort_keys=True)

    @property
    def architecture(self) -> Architecture:
        """The network it starts from, before anything grew."""
        return as_architecture(self.inputs["architecture"])

    @property
    def threads(self) -> int:
        """Threads it is computed with."""
        threads: int = self.inputs["threads"]
        return threads

    @property
    def describes(self) -> str:
        """What it is, for a person."""
        what = {
            "fit": "training of a candidate",
            "tune": "pruning and fine-tuning",
            "settle": "choosing and pruning",
            "grow": "growing before it",
            "alone": "training alone",
            "measure": "measuring for a comparison",
        }
        task = self.inputs.get("task")
        return "drawing the stream" if task is None else f"{what[self.kind]}, task {task}"


def digest_of(data: Any) -> str:
    """SHA-256 of plain data, hexadecimal; the order of a dictionary's keys does not matter."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _common(spec: RunSpec, dataset_digest: str) -> dict[str, Any]:
    """What every stage of a run depends on.

    Not the number of tasks: a longer run shares the shorter one's stages. Nor what classes are called: how many each
    task has is part of the architecture.
    """
    # A seed of the stream that is the run's as well draws the same as none.
    apart = {"tasks", "labels"} | ({"seed"} if spec.stream.seed == spec.seed else set())
    stream = spec.stream.model_dump(mode="json", exclude=apart) | {"digest": dataset_digest}
    return {
        "stream": stream,
        "architecture": architecture_data(spec.architecture),
        "head": spec.head,
        "seed": spec.seed,
        "device": spec.device,
        "threads": spec.architecture.threads,
        **_origin(spec),
    }


def _origin(spec: RunSpec) -> dict[str, str]:
    return {"imported": spec.imported} if spec.imported else {}


def _method(spec: RunSpec) -> dict[str, Any]:
    own = spec.method_settings
    return {"method": spec.method, **({"settings": own} if own else {})}


def _hyperparameters(spec: RunSpec, task: int, point: Point) -> dict[str, Any]:
    return {
        "l1": list(point.l1),
        "learning_rate": point.learning_rate,
        "cooldown": spec.cooldown,
        "batch_size": spec.batch_size,
        "epochs": spec.epochs_of(task),
        "patience": spec.patience,
        "shrink": spec.shrink,
        "cache_mb": spec.cache_mb,
        **({"settings": point.settings} if point.settings else {}),
        **({"gradual": asdict(gradual)} if (gradual := spec.gradual_training) else {}),
        **({"measure": spec.measure} if spec.measure != "accuracy" else {}),
    }


def stream_stage(spec: RunSpec, dataset_digest: str) -> Stage:
    """Draw the permutations and the validation split, to be kept with the run."""
    stream = _common(spec, dataset_digest)["stream"]
    seed = stream.get("seed", spec.seed)  # what is drawn for a stream of its own seed is the same for every training
    inputs = {"stream": stream, "seed": seed, "tasks": spec.stream.tasks, "threads": 1, **_origin(spec)}
    return Stage("stream", inputs)


def fit_stages(
    spec: RunSpec, dataset_digest: str, task: int, network: str | None, settled: dict[str, Any] | None
) -> list[Stage]:
    """The candidates of a task.

    Parameters
    ----------
    network : str or None
        Content hash of the network after the task before; None for the first task.
    settled : dict or None
        Hyper-parameters to keep, with the method's own of which several were tried, but for the number of epochs; None
        to search the grid.
    """
    points = [_hyperparameters(spec, task, point) for point in spec.grid]
    if settled:
        points = [settled | {"epochs": spec.epochs_of(task)}]
    common = {**_common(spec, dataset_digest), **_method(spec), "task": task, "network": network}
    return [Stage("fit", common | {"hyperparameters": point}) for point in points]


def tune_stages(
    spec: RunSpec, dataset_digest: str, task: int, network: str | None, candidates: list[Stage]
) -> list[Stage]:
    """The rounds of fine-tuning, if any: each prunes what the one before it leaves, and trains on."""
    given = spec.fine_tuning
    if given is None:
        return []
    rounds: list[Stage] = []
    for number in range(1, spec.tuning_rounds + 1):
        tuning = {
            "round": number,
            "hyperparameters": {"learning_rate": given.learning_rate, "epochs": given.epochs},
            "candidates": [stage.key for stage in rounds[-1:] or candidates],
        }
        rounds.append(Stage("tune", {**_settling(spec, dataset_digest, task, network), **tuning}))
    return rounds


def grow_stage(
    spec: RunSpec,
    dataset_digest: str,
    task: int,
    network: str,
    fingerprints: tuple[Fingerprint, ...],
    neurons: tuple[int, ...],
) -> Stage:
    """Widen the hidden layers by so many neurons before that task; carry the fingerprints over."""
    inputs = {"task": task, "network": network, "fingerprints": _plain(fingerprints), "neurons": list(neurons)}
    return Stage("grow", {**_common(spec, dataset_digest), **inputs})


def _plain(fingerprints: tuple[Fingerprint, ...]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = FINGERPRINTS.dump_python(fingerprints, mode="json")
    return plain


def _settling(spec: RunSpec, dataset_digest: str, task: int, network: str | None) -> dict[str, Any]:
    """What choosing among candidates and pruning depend on besides them."""
    weights = spec.layer_weights
    return {
        **_common(spec, dataset_digest),
        **_method(spec),
        "task": task,
        "network": network,
        "margin": spec.margin,
        "theta_mode": spec.theta_mode,
        "theta": list(spec.theta) if isinstance(spec.theta, tuple) else spec.theta,
        "layer_weights": weights and [weights[key] for key in spec.layer_keys[:-1]],
    }


def settle_stage(
    spec: RunSpec,
    dataset_digest: str,
    task: int,
    network: str | None,
    candidates: list[Stage],
    fingerprints: tuple[Fingerprint, ...],
    measured: Sequence[float],
) -> Stage:
    """Choose among the candidates, prune and commit; check the earlier tasks against their fingerprints; measure.

    `measured` is the test accuracy on the earlier tasks, for methods that cannot answer for them any more.
    """
    inputs = {
        "candidates": [stage.key for stage in candidates],
        "fingerprints": _plain(fingerprints),
        "measured": list(measured),
    }
    return Stage("settle", {**_settling(spec, dataset_digest, task, network), **inputs})


def alone_stage(spec: RunSpec, dataset_digest: str, task: int, hyperparameters: dict[str, Any]) -> Stage:
    """Train the task by itself on the whole network, without L1 and pruning, for comparison."""
    shared = {name: value for name, value in hyperparameters.items() if name not in ("settings", "gradual")}
    plain = shared | {"l1": [0.0] * len(shared["l1"]), "epochs": spec.epochs_of(task)}
    common = {**_common(spec, dataset_digest), "method": REFERENCE, "task": task}
    return Stage("alone", common | {"hyperparameters": plain})


def measure_stage(spec: RunSpec, dataset_digest: str, networks: Mapping[int, str]) -> Stage:
    """Measure what methods are compared by, when the last task is learned.

    `networks` are the content hashes of the networks after each lesson, by task.
    """
    last = max(networks)
    inputs = {
        "method": spec.method,
        "task": last,
        "networks": {str(task): network for task, network in networks.items()},
        "classes": [_classes(spec, task) for task in range(1, last + 1)],
        "measure": spec.measure,
    }
    return Stage("measure", {**_common(spec, dataset_digest), **inputs})


def _classes(spec: RunSpec, task: int) -> list[str]:
    """Name the classes of a task, in the order of its outputs; the same name is the same class in every task."""
    stream = spec.stream
    source = f"{stream.dataset_of(task, spec.seed)} " if stream.kind == "split" else ""
    return [f"{source}{label!r}" for label in spec.labels_of(task)]
