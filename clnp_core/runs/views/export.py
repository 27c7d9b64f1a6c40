"""Reads the network of a task from the store, to use in Python or as a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from clnp_core.errors import StoreError
from clnp_core.files import write_whole
from clnp_core.networks.network import Network
from clnp_core.networks.pixels import Pixels
from clnp_core.networks.portable import check_format, content, image_shape, to_module
from clnp_core.runs.spec.stream import OwnSpec, RotatedSpec, SplitSpec
from clnp_core.runs.store import Store
from clnp_core.runs.views.verify import last_network
from clnp_core.tasks.content import loaded
from clnp_core.tasks.datasets import white
from clnp_core.tasks.rotation import angle
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
    suffix = check_format(path)
    asked = store.run(run)
    spec = asked.spec
    learned, task = _learned(store, run, task)
    data, pixels = _pixels(store, run, task)
    records, labels = store.learned(run), spec.labels_of(task)
    scale = f"raw pixels from 0 to {pixels.white}" if pixels.type == "uint8" else "values as the data has them"
    if isinstance(spec.stream, RotatedSpec) and (turned := angle(spec.stream.degrees, task)):
        scale += f", rotated counterclockwise by {turned:g} degrees as by clnp_core.tasks.rotation.rotated"
    about: dict[str, str | int | float] = {
        "run": run,
        "preset": spec.preset,
        "task": task,
        "data": data,
        "layout": f"{pixels.type} [batch, channels, height, width] = [batch, {str(pixels.shape)[1:-1]}], {scale}",
        "classes": len(labels),
        "labels": json.dumps(labels, ensure_ascii=False),
        "accuracy": records[-1].accuracy[task - 1],
    }
    if asked.name:
        about["name"] = asked.name
    if taken := records[task - 1].fingerprint:  # which an earlier version did not take
        about["fingerprint"] = taken
    write_whole(path, content(learned, task, suffix, pixels, about))


def _pixels(store: Store, run: str, task: int) -> tuple[str, Pixels]:
    """The name of a task's data set, and what its images are there."""
    spec = store.run(run).spec
    stream, shape = spec.stream, spec.stream.image_shape
    drawn = store.drawn(run)
    match stream:
        case OwnSpec():
            asked = store.stage(drawn).inputs["stream"]
            open_stream(asked, spec.seed, task)  # sees that the data is the one that was learned
            images = loaded(asked)[0][task - 1]
            return stream.name, Pixels(shape, "uint8" if images.x_test.dtype == np.uint8 else "float32", images.white)
        case SplitSpec():
            name = stream.dataset_of(task, spec.seed)
            return name, Pixels(shape, "uint8", white(name))
        case RotatedSpec():
            return stream.dataset, Pixels(shape, "uint8", white(stream.dataset))
        case _:
            order = store.artifacts.array(drawn, "permutations")[task - 1]
            return stream.dataset, Pixels(shape, "uint8", white(stream.dataset), order)


def _learned(store: Store, run: str, task: int) -> tuple[Network, int]:
    spec = store.run(run).spec
    if not spec.partitions:
        raise StoreError(f"The method {spec.method} does not prune: {run} has no network of a single task.")
    task = store.learned_task(run, task)
    return last_network(store, run), task
