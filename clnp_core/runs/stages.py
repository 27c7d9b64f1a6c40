"""Learning as a fold of pure stages: what each stage is, and the key it is found by. Imports no torch.

    state 0 ──(task 1: fit candidates → settle)──▶ state 1 ──(task 2: …)──▶ state 2 …

A stage is a pure function of its inputs. Its key is the hash of exactly those, its result an artifact under that key.
A learned network goes by the hash of its content, so that two ways of arriving at the same network lead on to the same
stages.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clnp_core.runs.spec import RunSpec

VERSION = 2
"""Part of every key. To be raised when the same inputs no longer give the same result."""


@dataclass(frozen=True)
class Stage:
    """One pure step of a run.

    Attributes
    ----------
    kind : {"fit", "settle", "alone", "stream"}
        Train one candidate and scan its thresholds; choose among candidates, prune, commit, check and measure; train
        a task by itself for comparison; draw everything random of a stream.
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
        network = self.inputs.get("network")
        return [*self.inputs.get("candidates", []), *([network] if network else [])]

    @property
    def program(self) -> tuple:
        """Stages of equal program are computed faster together than one by one, and to the same bits.

        So it is with trainings of a network small enough for one thread, whose steps cost little more than the calls.
        """
        if self.kind not in ("fit", "alone") or self.threads > 1:
            return (self.key,)
        common = [self.inputs[name] for name in ("architecture", "head", "stream", "device")]
        return self.kind, self.inputs["hyperparameters"]["batch_size"], json.dumps(common, sort_keys=True)

    @property
    def threads(self) -> int:
        """Threads it is computed with."""
        return self.inputs["threads"]

    @property
    def describes(self) -> str:
        """What it is, for a person."""
        what = {"fit": "training of a candidate", "settle": "choosing and pruning", "alone": "training alone"}
        task = self.inputs.get("task")
        return "drawing the stream" if task is None else f"{what[self.kind]}, task {task}"


def digest_of(data: Any) -> str:
    """SHA-256 of plain data, hexadecimal; the order of a dictionary's keys does not matter."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _common(spec: RunSpec, dataset_digest: str) -> dict[str, Any]:
    """What every stage of a run depends on. Not the number of tasks: a longer run shares the shorter one's stages."""
    stream = spec.stream.model_dump(mode="json", exclude={"tasks"}) | {"digest": dataset_digest}
    return {
        "stream": stream,
        "architecture": spec.network,
        "head": spec.head,
        "seed": spec.seed,
        "device": spec.device,
        "threads": spec.architecture.threads,
    }


def _hyperparameters(spec: RunSpec, l1: tuple[float, ...], rate: float) -> dict[str, Any]:
    return {
        "l1": list(l1),
        "learning_rate": rate,
        "cooldown": spec.cooldown,
        "batch_size": spec.batch_size,
        "epochs": spec.epochs,
        "patience": spec.patience,
        "shrink": spec.shrink,
        "cache_mb": spec.cache_mb,
    }


def stream_stage(spec: RunSpec, dataset_digest: str) -> Stage:
    """Draw the permutations and the validation split, to be kept with the run."""
    common = _common(spec, dataset_digest)
    inputs = {"stream": common["stream"], "seed": spec.seed, "tasks": spec.stream.tasks, "threads": 1}
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
        Hyper-parameters to keep; None to search the grid.
    """
    points = [settled] if settled else [_hyperparameters(spec, *point) for point in spec.grid]
    common = _common(spec, dataset_digest)
    return [
        Stage("fit", {**common, "task": task, "network": network, "hyperparameters": point}) for point in points
    ]


def settle_stage(
    spec: RunSpec,
    dataset_digest: str,
    task: int,
    network: str | None,
    candidates: list[Stage],
    fingerprints: list[dict[str, Any]],
) -> Stage:
    """Choose among the candidates, prune and commit; check the earlier tasks against their fingerprints; measure."""
    theta = list(spec.theta) if isinstance(spec.theta, tuple) else spec.theta
    return Stage(
        "settle",
        {
            **_common(spec, dataset_digest),
            "task": task,
            "network": network,
            "candidates": [stage.key for stage in candidates],
            "margin": spec.margin,
            "theta_mode": spec.theta_mode,
            "theta": theta,
            "fingerprints": fingerprints,
        },
    )


def alone_stage(spec: RunSpec, dataset_digest: str, task: int, hyperparameters: dict[str, Any]) -> Stage:
    """Train the task by itself on the whole network, without L1 and pruning, for comparison."""
    plain = hyperparameters | {"l1": [0.0] * len(hyperparameters["l1"])}
    return Stage("alone", {**_common(spec, dataset_digest), "task": task, "hyperparameters": plain})
