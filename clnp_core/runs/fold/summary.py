"""What a run came to, and how long it takes, as every table and page says it. Imports no torch."""

import math
from collections.abc import Sequence
from typing import Any

from clnp_core.analysis.capacity import forecast
from clnp_core.analysis.metrics import backward_transfer, forgetting, forward_transfer, mean_accuracy
from clnp_core.bounds import Label
from clnp_core.methods import REFERENCE
from clnp_core.runs.fold.notes import imbalance_notes, task_notes
from clnp_core.runs.fold.results import ByClass, LayerSummary, Record, Summary
from clnp_core.runs.spec import RunSpec


def summarise(spec: RunSpec, records: Sequence[Record], seconds: float) -> Summary:
    """Bring the records of the learned tasks together.

    Parameters
    ----------
    spec : RunSpec
    records : sequence of Record
        One per learned task, in order, at least one; where all tasks are learned at once the last task's alone.
    seconds : float
        Wall time of the run.
    """
    matrix = accuracy_matrix(records)
    summary: dict[str, Any] = {
        "preset": spec.preset,
        "method": spec.method,
        "seed": spec.seed,
        "tasks": len(matrix),
        "accuracy": matrix,
        "mean_accuracy": mean_accuracy(matrix),
        "forgetting": _told(forgetting(matrix)),
        "backward_transfer": _told(backward_transfer(matrix)),
        "layers": layers(spec, records),
        "learning_rate": [record.learning_rate for record in records],
        "notes": _notes(spec, records),
        "seconds": round(seconds, 2),
        "classes": [spec.labels_of(task) for task in range(1, len(matrix) + 1)],
        "by_class": by_class(records),
        "measure": spec.measure,
    }
    if spec.exact:
        # A run whose fingerprints do not hold ends with an error: there is no summary of it.
        summary["identical_logits"] = not any(record.rounded for record in records)
    if spec.prunes:
        shared = spec.theta_mode == "shared" and not isinstance(spec.theta, tuple)
        summary["theta"] = [record.theta[0] if shared else record.theta for record in records]
        summary["lambda_"] = [record.lambda_ for record in records]
    if any(record.settings for record in records):
        summary["settings"] = [record.settings for record in records]
    if spec.for_comparison and records[-1].memory:
        summary |= {name: getattr(records[-1], name) for name in ("memory", "validation", "untold_accuracy")}
    if spec.trains_alone:
        alone = [record.single_task_accuracy for record in records]
        summary["single_task_accuracy"] = alone
        known = [accuracy for accuracy in alone if accuracy is not None]
        summary["forward_transfer"] = _told(forward_transfer(matrix, known)) if len(known) == len(alone) else None
    return Summary(**summary)


def accuracy_matrix(records: Sequence[Record]) -> list[list[float]]:
    """Test accuracies, fractions: row i after task i, empty where all tasks were learned at once at the end."""
    rows = {record.task: list(record.accuracy) for record in records}
    return [rows.get(task, []) for task in range(1, max(rows, default=0) + 1)]


def by_class(records: Sequence[Record]) -> dict[int, ByClass]:
    """Each task's images and answers by class, as they are now, by task; without those of earlier versions."""
    return {task: each for record in records for task, each in record.by_class.items()}


def settled(spec: RunSpec, records: Sequence[Record]) -> dict[int, int]:
    """Task → the candidate of the grid it settled on; where later tasks do not search, theirs is the only one."""
    return {record.task: _place(spec, record) for record in records if spec.fits(record.task) > 1}


def _place(spec: RunSpec, record: Record) -> int:
    """Find the first candidate that was trained as the record says; without pruning λ is not part of it."""
    return next(
        place
        for place, (l1, rate, own) in enumerate(spec.at(record.task).grid)
        if rate == record.learning_rate and own == record.settings and (not spec.prunes or l1 == record.lambda_)
    )


def layers(spec: RunSpec, records: Sequence[Record]) -> list[LayerSummary]:
    """The hidden layers of a method that partitions; none of another."""
    if not spec.partitions:
        return []
    now: list[dict[str, Any]] = [
        {
            "name": layer.name,
            "width": records[-1].widths[place] if records else layer.width,
            "claimed": [record.claimed[place] for record in records],
            "reused": [record.reused[place] for record in records],
            "free": records[-1].free[place] if records else layer.width,
            "free_after": [record.free[place] for record in records],
        }
        for place, layer in enumerate(spec.architecture.hidden)
    ]
    return [LayerSummary(**layer, tasks_left=left) for layer, left in zip(now, forecast(now), strict=True)]


def is_depleted(spec: RunSpec, records: Sequence[Record]) -> bool:
    """Whether a single head has nothing left to read: the last hidden layer is all claimed (section 2.1)."""
    return bool(spec.partitions and spec.head == "single" and records and records[-1].free[-1] == 0)


def _notes(spec: RunSpec, records: Sequence[Record]) -> list[str]:
    hidden = spec.architecture.hidden
    notes = _mixed_classes(spec, records[-1].task)
    noted: dict[str, list[int]] = {}
    for record in records:
        for task, those in task_notes(spec.at(record.task), record).items():
            for note in those:
                noted.setdefault(note, []).append(task)
        grown = [f"{layer.name} by {n}" for layer, n in zip(hidden, record.grown, strict=False) if n]
        if grown:
            notes.append(f"Before task {record.task} the network grew: {', '.join(grown)} neurons.")
    notes += [f"{_tasks(tasks)}: {note}" for note, tasks in noted.items()]
    notes += imbalance_notes(spec, by_class(records))
    if is_depleted(spec, records) and records[-1].task < spec.stream.tasks:
        notes.append(
            f"The network is full after task {records[-1].task} of {spec.stream.tasks}: no neuron of "
            f"{hidden[-1].name} is free, and a single head cannot learn without one."
        )
    return notes


def _mixed_classes(spec: RunSpec, tasks: int) -> list[str]:
    """Say so where tasks of own data share an output that means another class in each of them."""
    if spec.head == "multi" or spec.stream.kind != "own" or spec.method == REFERENCE:
        return []
    meanings: dict[int, tuple[Label, int]] = {}
    for task in range(1, tasks + 1):
        for output, label in enumerate(spec.labels_of(task)):
            first, where = meanings.setdefault(output, (label, task))
            if label != first:
                return [
                    f"All tasks share one head, whose outputs mean other classes from task to task: output {output} "
                    f"is {first!r} in task {where} and {label!r} in task {task}. head=multi gives each task its own."
                ]
    return []


def _tasks(numbers: Sequence[int]) -> str:
    """Name tasks by their numbers, ascending."""
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"Task {first}"
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"Tasks {first} to {last}"
    return f"Tasks {', '.join(map(str, numbers[:-1]))} and {last}"


def _told(measure: float) -> float | None:
    return None if math.isnan(measure) else measure


def seeds_of(spec: RunSpec) -> str:
    """Tell the seed, and that of the stream where it has one of its own: "0, stream 7"."""
    return str(spec.seed) if spec.stream.seed is None else f"{spec.seed}, stream {spec.stream.seed}"


def words_for(seconds_left: float | None) -> str:
    """Time left, in words; nothing where it is not known."""
    return "" if seconds_left is None else f"{duration(seconds_left)} left"


def duration(seconds: float) -> str:
    """A time in words, rounded.

    >>> duration(42.3), duration(200), duration(7300), duration(200_000)
    ('42 s', '3 min', '2.0 h', '2.3 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 129_600 else f"{seconds / 86_400:.1f} days"
