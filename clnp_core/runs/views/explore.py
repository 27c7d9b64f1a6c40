"""Reads a task's candidates from the store, for `analysis.tradeoff`. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clnp_core.analysis.candidates import Before, Split, Theta, Trained
from clnp_core.analysis.tradeoff import TradeOff
from clnp_core.errors import StoreError
from clnp_core.runs.engine.questions import ask
from clnp_core.runs.fold.results import Candidate, Record
from clnp_core.runs.spec import RunSpec, fork
from clnp_core.runs.store import Store
from clnp_core.runs.store.artifacts import Artifacts

_KEPT = 256  # candidates; with two layers of 2000 neurons each takes some 100 KB
_KEPT_TASKS = 32


def explorable(spec: RunSpec, records: Sequence[Record]) -> list[int]:
    """List the learned tasks whose candidates can be pruned at another θ; none if the method does not prune."""
    return [record.task for record in records] if spec.prunes else []


def trade_off(store: Store, run: str, task: int) -> TradeOff:
    """Read the trade-off of a learned task.

    Its candidates are those of the run, in the order of its grid, then those that other runs in the store trained from
    the same network on the same task with another λ or learning rate.

    Raises
    ------
    StoreError
        If the run does not exist, it has not learned the task, its method does not prune, or an artifact is damaged.
    """
    spec, records = store.run(run).spec, store.learned(run)
    if not spec.prunes:
        raise StoreError(f"The method {spec.method} does not prune: there is no θ or m to move in {run}.")
    task = store.learned_task(run, task)
    folder = store.artifacts.folder
    candidates = tuple(_read(folder, row["key"], row["seconds"]) for row in store.candidates(run, task))
    return _assembled(_before(spec, records[:task]), candidates, _StoredAnswers(store))


@lru_cache(_KEPT_TASKS)
def _assembled(before: Before, candidates: tuple[Trained, ...], answers: _StoredAnswers) -> TradeOff:
    """Make a trade-off, or return the cached one with the same candidates."""
    return TradeOff(before, candidates, answers)


def _before(spec: RunSpec, records: Sequence[Record]) -> Before:
    """Describe the network before the task, from the records of the tasks up to it."""
    *earlier, record = records
    layers = range(len(record.widths))
    return Before(
        task=record.task,
        names=tuple(layer.name for layer in spec.architecture.hidden),
        widths=record.widths,
        free=tuple(record.free[layer] + record.claimed[layer] for layer in layers),
        claimed=tuple(tuple(before.claimed[layer] for before in earlier) for layer in layers),
        kept=record.claimed,
        kept_l1=record.lambda_,
        kept_accuracy=record.validation_accuracy,
        measure=spec.at(record.task).measure,
    )


@lru_cache(_KEPT)
def _read(folder: Path, key: str, seconds: float) -> Trained:
    """Read a candidate's artifact, except for its weights. It never changes under its key."""
    artifacts = Artifacts(folder)
    candidate = artifacts.read(key, Candidate)
    return Trained(
        key=key,
        l1=tuple(candidate.hyperparameters["l1"]),
        learning_rate=candidate.hyperparameters["learning_rate"],
        curve=candidate.scanned,
        free=tuple(artifacts.arrays(key, "activity")),
        reused=tuple(artifacts.arrays(key, "reused")),
        seconds=seconds,
        epochs=candidate.epochs if "gradual" in candidate.hyperparameters else (),
    )


@dataclass(frozen=True)
class _StoredAnswers:
    """Answers from the store, or from the engine if the store has none."""

    store: Store

    def known(self, candidate: Trained, split: Split) -> Mapping[Theta, float]:
        return self.store.pruned_accuracies(candidate.key, split)

    def ask(self, candidate: Trained, thetas: Sequence[Theta], split: Split) -> list[float]:
        return ask(self.store, candidate.key, thetas, split)


def training_fork(spec: RunSpec, task: int, axes: Mapping[str, Sequence[float]], learning_rate: float) -> RunSpec:
    """Specify a run that trains more candidates for a task that a run has learned, and then ends.

    Parameters
    ----------
    spec : RunSpec
        Specification of the run.
    task : int
    axes : mapping
        Values of λ by layer ("1", "2", ..., "output"), at least one each; their product is trained. Candidates in the
        store are not trained again.
    learning_rate : float

    Raises
    ------
    SpecError
        If a value is impossible.
    """
    beside = {"single_task": False, "for_comparison": False}
    only_fit = {"stream.tasks": task, **beside, "theta": None, "fine_tuning": None}
    grid = {f"lambda.{layer}": list(values) for layer, values in axes.items()}
    return fork(spec.at(task), task, {**only_fit, **grid, "learning_rate": learning_rate})


def committing_fork(
    spec: RunSpec,
    task: int,
    candidate: Trained,
    theta: float | Theta,
    margin: float,
    fine_tuning: Mapping[str, Any] | None,
) -> RunSpec:
    """Specify a run that continues from a task with another candidate, pruned at another θ.

    Later tasks keep the candidate's λ, unless every task searches the grid. They are pruned at the highest θ that the
    margin allows: one for all layers if `theta` is a single one, else one for each.

    Parameters
    ----------
    spec : RunSpec
        Specification of the run.
    task : int
    candidate : Trained
    theta : float or tuple of float
        One for all hidden layers, or one for each.
    margin : float
        m, a fraction.
    fine_tuning : mapping or None
        As `RunSpec.fine_tuning`.

    Raises
    ------
    SpecError
        If a setting is impossible.
    """
    base, tasks = spec.at(task), spec.stream.tasks
    shared = not isinstance(theta, tuple)
    chosen = dict(zip((f"lambda.{key}" for key in base.layer_keys), candidate.l1, strict=True))
    chosen["learning_rate"] = candidate.learning_rate
    pruning = {
        "theta": list(theta) if isinstance(theta, tuple) else theta,
        "theta_mode": "shared" if shared else "per-layer",
        "margin": margin,
        "fine_tuning": fine_tuning,
    }
    here = fork(base, task, {"stream.tasks": tasks, **chosen, **pruning})
    if task == tasks:
        return here
    searched = {}
    if base.search == "every-task":
        given = base.to_json()
        searched = {name: given[name] for name in ("lambda", "learning_rate")}
    return fork(here, task + 1, {"theta": None, **searched})
