"""Reads the network of a task from the store, to use in Python or as a file."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor, nn

from clnp_core.errors import StoreError
from clnp_core.files import write_whole
from clnp_core.networks.network import Network
from clnp_core.networks.portable import check_format, content, image_shape, to_module
from clnp_core.runs.store import Store
from clnp_core.runs.views.verify import last_network
from clnp_core.tasks.streams import open_stream


def network(store: Store, run: str, task: int) -> nn.Sequential:
    """See `clnp_core.runs.handle.RunHandle.network`."""
    return to_module(*_learned(store, run, task))


def test_set(store: Store, run: str, task: int) -> tuple[Tensor, Tensor]:
    """See `clnp_core.runs.handle.RunHandle.test_set`."""
    spec = store.run(run).spec
    task = store.learned_task(run, task)
    settled = next(each["key"] for each in store.stages(run) if each["kind"] == "settle" and each["task"] >= task)
    # The stage's stream has the digest of the data that was learned.
    test = open_stream(store.stage(settled).inputs["stream"], spec.seed, task).test(task)
    return test.x.unflatten(1, image_shape(spec.architecture)), test.y


def export(store: Store, run: str, task: int, path: Path) -> None:
    """See `clnp_core.runs.handle.RunHandle.export`."""
    check_format(path)
    spec = store.run(run).spec
    learned, task = _learned(store, run, task)
    labels = spec.labels_of(task)
    about: dict[str, str | int] = {"run": run, "preset": spec.preset, "task": task, "classes": len(labels)}
    about["labels"] = json.dumps(labels, ensure_ascii=False)
    write_whole(path, content(learned, task, path.suffix, about))


def _learned(store: Store, run: str, task: int) -> tuple[Network, int]:
    spec = store.run(run).spec
    if not spec.partitions:
        raise StoreError(f"The method {spec.method} does not prune: {run} has no network of a single task.")
    task = store.learned_task(run, task)
    return last_network(store, run), task
