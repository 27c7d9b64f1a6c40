"""Asks what a run's network makes of test images, for `analysis.examples`. Imports no torch."""

from __future__ import annotations

import numpy as np

from clnp_core.analysis.examples import Examples, Look
from clnp_core.runs.engine.questions import look
from clnp_core.runs.store import Store


def examples(store: Store, run: str, task: int) -> Examples:
    """Ask what the run answers to a learned task's test images now.

    Where the method is exact, that is what the network after the task answers, which never changes; else it is the last
    network that still answers for the task, as in `clnp_core.runs.views.classes.confusion`.

    Raises
    ------
    StoreError
        If the run does not exist, it has not learned the task, no engine answers, or an artifact is damaged.
    """
    spec = store.run(run).spec
    task, records = store.learned_task(run, task), store.learned(run)
    after = max((record.task for record in records if task in record.by_class), default=task)
    key, shape = store.settled(run)[after], spec.stream.image_shape
    permuted = store.drawn(run) if spec.stream.kind == "permuted" else None

    def read(images: np.ndarray) -> Look:
        told = look(store, key, task, images.tolist())
        pixels = told["pixels"]
        if permuted:
            seen = np.empty_like(pixels)
            seen[:, store.artifacts.array(permuted, "permutations")[task - 1]] = pixels
            pixels = seen
        activities = tuple(told[f"activity.{layer}"] for layer in range(sum(name[:8] == "activity" for name in told)))
        return Look(images, pixels.reshape(len(images), *shape), told["probabilities"], activities)

    told = look(store, key, task, [])
    labels = told["labels"], told["answers"], told["confidence"]
    return Examples(task, after, spec.labels_of(task), *labels, read)
