"""Estimates how long a run will take before it starts.

Measurements of the same network in this store come first, then those made elsewhere. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, median
from typing import Any

from clnp_core.machine import cores
from clnp_core.methods import METHODS, REFERENCE
from clnp_core.runs.fold.summary import duration
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Run, Store
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
START_SECONDS = 3
"""Until an engine's workers are there and the stream is drawn."""

_ByTask = Callable[[str, int], float]
"""A number by method and task, such as seconds of training for an image."""


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


@dataclass(frozen=True)
class Work:
    """The seconds that what belongs to a task takes, each by itself.

    Attributes
    ----------
    fits : tuple of float
        The trainings of its candidates.
    then : float
        What follows them: fine-tuning, choosing.
    alone : float
        Training it alone, beside the tasks after it.
    """

    fits: tuple[float, ...]
    then: float
    alone: float


def in_all(works: Iterable[Work], at_once: int) -> float:
    """Add up the seconds of tasks that come one after another, where so many trainings are done at once."""
    in_turn = together = longest = 0.0
    for work in works:
        wanted = [each for each in work.fits if each > 0]
        in_turn += math.ceil(len(wanted) / at_once) * sum(wanted) / max(1, len(wanted)) + work.then
        together += sum(wanted) + work.then + work.alone
        longest = max(longest, work.alone)
    return max(in_turn, together / at_once, longest)


@dataclass(frozen=True)
class Speed:
    """How fast a run's epochs are expected to be.

    Attributes
    ----------
    images : callable
        Training images of an epoch, by method and task; 1 for own data.
    epoch : callable or None
        Seconds of an epoch, by method and task; None if nothing comparable was measured.
    here : bool
        As in `Estimate`.
    """

    images: _ByTask
    epoch: _ByTask | None
    here: bool


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
    speed = expected_speed(spec, store)
    if speed.epoch is None:
        return None
    return Estimate(START_SECONDS + _seconds(spec, speed.epoch, cores(), first_task), speed.here)


def seconds_left(runs: Sequence[Run]) -> float | None:
    """Estimate when all runs have ended, from what is known of those at work; None if that is nothing.

    Those that wait take as long as the others, and take turns with them.
    """
    lefts = [run.seconds_left for run in runs if run.goes_on and run.seconds_left is not None]
    if not lefts:
        return None
    waiting = sum(run.goes_on and run.seconds_left is None for run in runs)
    wholes = [run.seconds + run.seconds_left for run in runs if run.seconds_left is not None]
    return max(*lefts, (sum(lefts) + waiting * fmean(wholes)) / len(lefts))


def expected_speed(spec: RunSpec, store: Store | None = None) -> Speed:
    """Look up how fast a run's epochs are expected to be; parameters as for `estimate`."""
    here = _pace_here(spec, store) if store else None
    pace = here or _pace_elsewhere(spec)
    images = cache(_images_of(spec))
    epoch = None if pace is None else cache(lambda method, task: images(method, task) * pace(method, task))
    return Speed(images, epoch, here is not None)


def _pace_here(spec: RunSpec, store: Store) -> _ByTask | None:
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


def _pace_elsewhere(spec: RunSpec) -> _ByTask | None:
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
    seconds = _MEASURED[nearest.preset] - START_SECONDS
    for_one = seconds / _seconds(nearest, _images_of(nearest), _MEASURED_CORES)
    return lambda method, task: for_one


def _seconds(spec: RunSpec, epoch: _ByTask, places: int, first_task: int = 1) -> float:
    """Compute the seconds of training on a number of cores, given those of an epoch."""
    works = []
    for task in spec.lessons:
        if task < first_task:
            continue
        own, each = spec.at(task), epoch(spec.method, task)
        fit = own.epochs_of(task) * each
        tuned = own.tuning_rounds * own.fine_tuning.epochs * each if own.fine_tuning else 0
        alone = own.epochs_of(task) * epoch(REFERENCE, task) if spec.trains_alone else 0
        works.append(Work((fit,) * spec.fits(task), tuned, alone))
    return in_all(works, max(1, places // spec.architecture.threads))


def _images_of(spec: RunSpec) -> _ByTask:
    stream = spec.stream.model_dump(mode="json")
    return lambda method, task: _images(stream, method, task)


def _images(stream: Mapping[str, Any], method: str, task: int) -> float:
    """Return the training images per epoch; 1 for own data, for which the pace is per epoch."""
    if METHODS[method].at_once:
        return sum(_images(stream, REFERENCE, each) for each in range(1, task + 1))
    match stream.get("kind", "permuted"):
        case "permuted" | "rotated":
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
