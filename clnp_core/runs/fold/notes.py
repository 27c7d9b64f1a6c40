"""What a person should know of a run besides its accuracies, a sentence each. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from clnp_core.bounds import Label
from clnp_core.methods.training.settings import Measure
from clnp_core.runs.fold.results import ByClass, Record
from clnp_core.runs.spec import RunSpec

_IMBALANCED = 2  # times as many training images of the most frequent class as of the rarest
_MOST_NAMED = 5  # classes of a task


def task_notes(spec: RunSpec, record: Record) -> dict[int, list[str]]:
    """What a record comes to, by task: of its own, and where all are learned at once of every one.

    It begins with what was noted while the task was learned.
    """
    told = sorted(record.by_class.items())
    notes = {task: list(_of_classes(each, spec.labels_of(task))) for task, each in told if spec.at_once}
    own = [*record.notes]
    if spec.partitions and not any(record.claimed):
        own.append("It claims no neuron of any layer.")
    if record.task in record.by_class:
        own += _of_classes(record.by_class[record.task], spec.labels_of(record.task))
    return notes | {record.task: own}


def imbalance_notes(spec: RunSpec, by_class: Mapping[int, ByClass]) -> list[str]:
    """By what a run chose whose classes are imbalanced; nothing where they are not."""
    counts = {task: each.training for task, each in by_class.items()}
    uneven = [task for task, each in sorted(counts.items()) if max(each) >= _IMBALANCED * min(each) and len(each) > 1]
    notes = []
    for measure, about in _CHOSEN_BY.items():
        tasks = [task for task in uneven if spec.at(task).measure == measure]
        if tasks:
            worst = max(tasks, key=lambda task: max(counts[task]) / max(1, min(counts[task])))
            images = f"{min(counts[worst])} to {max(counts[worst])} training images"
            more = f"; so are those of {len(tasks) - 1} more" if len(tasks) > 1 else ""
            notes.append(
                f"The classes of task {worst} are imbalanced, with {images}{more}. Epochs, candidates and θ were "
                f"chosen by {about}."
            )
    return notes


_CHOSEN_BY: dict[Measure, str] = {
    "accuracy": "accuracy, in which a rare class hardly counts; with measure=balanced every class counts alike",
    "balanced": "balanced accuracy, in which every class counts alike",
}


def _of_classes(counts: ByClass, labels: Sequence[Label]) -> Iterator[str]:
    names = [labels[place] for place in counts.classes]
    classes = dict(zip(names, zip(counts.training, counts.validation, strict=True), strict=True))
    if missing := [name for name, (trained, _) in classes.items() if not trained]:
        yield f"{_named(missing)} no training image: of that nothing can be learned."
    if missing := [name for name, (trained, held) in classes.items() if trained and not held]:
        yield f"{_named(missing)} no validation image: no choice takes that into account."
    if missing := [name for name, images in zip(names, counts.test, strict=True) if not images]:
        yield f"{_named(missing)} no test image: how much of that was learned is not known."
    tested = [images for images in counts.test if images]
    if len(counts.classes) == 1:
        yield f"It has a single class, {names[0]}: to be right, nothing needs to be learned."
    elif len(tested) > 1:
        answered = [name for name, images in zip(names, counts.answered, strict=True) if images]
        chance = 1 / len(tested)
        # Of what guesses: a mean over the classes, in each of which a share of 1/C is right.
        error = math.sqrt(chance * (1 - chance) * sum(1 / images for images in tested)) / len(tested)
        if len(answered) == 1 and sum(counts.answered) == sum(counts.test):
            yield f"It answers class {answered[0]} to every test image."
        elif counts.balanced <= chance + error:
            yield (
                f"It answers no better than chance: its balanced accuracy on the test images is {counts.balanced:.2%}, "
                f"and that of guessing among {len(tested)} classes {chance:.2%}."
            )


def _named(classes: Sequence[Label]) -> str:
    """Classes as what a sentence is about, and its verb."""
    if len(classes) == 1:
        return f"Class {classes[0]} has"
    if len(classes) > _MOST_NAMED:
        return f"{len(classes)} classes have"
    *most, last = map(str, classes)
    return f"Classes {', '.join(most)} and {last} have"
