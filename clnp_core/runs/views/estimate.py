"""Estimates how long a run will take before it starts.

Measurements of the same network in this store come first, then those made elsewhere. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from clnp_core.machine import cores
from clnp_core.methods import METHODS, REFERENCE
from clnp_core.runs.fold.summary import duration
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import classes, training_images

# Seconds of `clnp run PRESET --seed 0` on two cores of an Intel Xeon, torch 2.13.0 (CPU), 2026-11-21 and 22; of
# permuted-mnist on an AMD EPYC, 2026-11-26. The wide network was not trained to the end: its training step of 64 images
# takes 2.3 s (`python -m benchmarks.convolutions`).
_MEASURED = {
    "digits": 15,
    "split-digits": 6,
    "split-digits-cnn": 15,
    "permuted-mnist-quick": 174,
    "permuted-mnist": 554,
    "permuted-mnist-paper": 2956,
    "split-cifar-quick": 1200,
    "split-cifar-wide": 60 * (45_000 + 10 * 4_500) * 2.3 / 64,
}
_MEASURED_CORES = 2
_START_SECONDS = 3  # until an engine's workers are there and the stream is drawn

_Pace = Callable[[str, int], float]
"""Seconds of training for an image, by method and task."""


@dataclass(frozen=True)
class Estimate:
    """The longest time a run takes. It takes less if training stops early or the store has some results already.

    Attributes
    ----------
    seconds : float
    here : bool
        Whether the speed was measured by runs of this store, rather than on the machine of docs/performance.md.
    """

    seconds: float
    here: bool

    def __str__(self) -> str:
        return f"about {duration(self.seconds)}"


def estimate(spec: RunSpec, store: Store | None = None, first_task: int = 1) -> Estimate | None:
    """Estimate how long a run takes on the cores of this machine.

    Independent trainings are divided among the cores, as the engine does. The tasks come one after another.

    Parameters
    ----------
    spec : RunSpec
    store : Store, optional
        Its runs tell the speed.
    first_task : int
        The first task to train, if the specification is a fork.

    Returns
    -------
    Estimate or None
        None if nothing comparable was measured: trainings with the same hidden layers and batch size, and for own data
        on the same data.
    """
    here = _pace_here(spec, store) if store else None
    pace = here or _pace_elsewhere(spec)
    if pace is None:
        return None
    return Estimate(_START_SECONDS + _seconds(spec, pace, cores(), first_task), here is not None)


def _pace_here(spec: RunSpec, store: Store) -> _Pace | None:
    """Measure the pace of the same method and the nearest task, as far as the store has them."""
    trainings = [
        {**training, "pace": training["seconds"] / _images(training["stream"], training["method"], training["task"])}
        for training in store.trainings_like(spec.architecture, spec.batch_size, spec.device)
        if training["stream"].get("name") == _own_name(spec)
    ]
    if not trainings:
        return None

    def pace(method: str, task: int) -> float:
        own = [training for training in trainings if training["method"] == method] or trainings
        # Epochs that prune get ever shorter.
        gradual = method == spec.method and spec.gradual_training is not None
        alike = [training for training in own if training["gradual"] == gradual] or own
        nearest = min(abs(training["task"] - task) for training in alike)
        middle: float = median(training["pace"] for training in alike if abs(training["task"] - task) == nearest)
        return middle

    return pace


def _pace_elsewhere(spec: RunSpec) -> _Pace | None:
    def comparable(given: RunSpec) -> tuple[Any, ...]:
        architecture = given.architecture
        return architecture.hidden, architecture.input_shape, given.batch_size, given.device, _own_name(given)

    def how_far(given: RunSpec) -> tuple[bool, float]:
        """Compare when neurons are pruned, then numbers of epochs: epochs get shorter as neurons leave the training."""
        return given.pruning != spec.pruning, abs(math.log(given.epochs[-1] / spec.epochs[-1]))

    alike = [given for given in map(preset, _MEASURED) if comparable(given) == comparable(spec)]
    if not alike:
        return None
    nearest = min(alike, key=how_far)
    seconds = _MEASURED[nearest.preset] - _START_SECONDS
    for_one = seconds / _seconds(nearest, lambda method, task: 1.0, _MEASURED_CORES)
    return lambda method, task: for_one


def _seconds(spec: RunSpec, pace: _Pace, places: int, first_task: int = 1) -> float:
    """Compute the seconds of training at a pace on a number of cores."""
    stream = spec.stream.model_dump(mode="json")
    at_once = max(1, places // spec.architecture.threads)
    in_turn = in_all = 0.0
    for task in spec.lessons:
        if task < first_task:
            continue
        own, images, candidates = spec.at(task), _images(stream, spec.method, task), spec.fits(task)
        fit = own.epochs_of(task) * images * pace(spec.method, task)
        tuned = own.tuning_rounds * own.fine_tuning.epochs * images * pace(spec.method, task) if own.fine_tuning else 0
        alone = own.epochs_of(task) * images * pace(REFERENCE, task) if spec.trains_alone else 0
        in_turn += math.ceil(candidates / at_once) * fit + tuned
        in_all += candidates * fit + tuned + alone
    return max(in_turn, in_all / at_once)


def _images(stream: Mapping[str, Any], method: str, task: int) -> float:
    """Return the training images per epoch; 1 for own data, for which the pace is per epoch."""
    if METHODS[method].at_once:
        return sum(_images(stream, REFERENCE, each) for each in range(1, task + 1))
    match stream.get("kind", "permuted"):
        case "permuted":
            images: float = training_images(stream["dataset"]) - stream["validation"]
            return images
        case "split":
            width = stream["classes_per_task"]
            order = stream.get("class_order")
            if isinstance(order, list):
                data = [name for name in stream["datasets"] for _ in range(classes(name))][order[width * (task - 1)]]
            else:
                data = [name for name in stream["datasets"] for _ in range(classes(name) // width)][task - 1]
            images = (1 - stream["validation"]) * training_images(data) * width / classes(data)
            return images
        case _:
            return 1.0


def _own_name(spec: RunSpec) -> str | None:
    """Return the name of own data, else None."""
    return getattr(spec.stream, "name", None)
