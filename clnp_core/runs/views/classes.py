"""What a run gets right class by class, and what it takes images for, as tables. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clnp_core.errors import StoreError
from clnp_core.runs.fold.results import ByClass
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store

_COUNTS = ("training", "validation", "test", "answered", "right")


def class_table(spec: RunSpec, by_class: Mapping[int, ByClass]) -> pd.DataFrame:
    """Tabulate the classes of each task: task, class, training, validation, test, answered, right, accuracy, output.

    A class is the label or name that it was given with; output is its number in the network's outputs. For the counts
    see `ByClass`; accuracy is that on the class's test images, a fraction, nan where there are none.
    """
    columns = ["task", "class", *_COUNTS, "accuracy", "output"]
    rows: list[tuple[Any, ...]] = []
    for task, told in sorted(by_class.items()):
        labels, counts = spec.labels_of(task), (getattr(told, name) for name in _COUNTS)
        each = zip(told.classes, *counts, told.accuracy, strict=True)
        rows += ((task, labels[output], *told_of, output) for output, *told_of in each)
    return pd.DataFrame(rows, columns=columns).astype({"accuracy": float})


def confusion(store: Store, run: str, task: int) -> pd.DataFrame:
    """Tabulate what a learned task's test images are taken for now.

    Returns
    -------
    DataFrame
        One row per pair that occurs: label (of the image), answer, both as they were given, and the number of images.

    Raises
    ------
    StoreError
        If the run does not exist, it has not learned the task, an earlier version learned it, or an artifact is
        missing or damaged.
    """
    spec = store.run(run).spec
    task, records = store.learned_task(run, task), store.learned(run)
    last = max((record.task for record in records if task in record.by_class), default=None)
    if last is None:
        raise StoreError(f"The run {run} was learned by a version that did not keep what images are taken for.")
    label, answer, images = store.artifacts.array(store.settled(run)[last], f"confusion.{task}")
    given = spec.labels_of(task)
    label, answer = ([given[output] for output in each] for each in (label, answer))
    return pd.DataFrame({"label": label, "answer": answer, "images": images})
