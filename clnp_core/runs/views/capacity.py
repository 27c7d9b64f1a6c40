"""Plans how wide a run's layers have to be for more tasks, and the run that has them. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from clnp_core.analysis import capacity
from clnp_core.analysis.capacity import Plan
from clnp_core.errors import SpecError, StoreError
from clnp_core.networks.architectures import Architecture, architecture_data
from clnp_core.runs.fold.summary import layers
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.spec.changes import fitted, from_first_task
from clnp_core.runs.store import Run, Store


def plan(store: Store, run: str, tasks: int) -> Plan:
    """Plan the widths for a number of tasks from a run and those of the store that differ in their seeds alone.

    Raises
    ------
    SpecError
        As `clnp_core.analysis.capacity.plan`.
    StoreError
        If there is no such run, or its method claims no neurons.
    """
    first = store.run(run)
    if not first.spec.partitions:
        raise StoreError(f"There is no plan for {run}: {first.spec.method} claims no neurons.")
    own, *others = (
        [layer.to_json() for layer in layers(first.spec, store.learned(each.id))]
        for each in [first, *_siblings(store, first)]
    )
    return capacity.plan([own, *filter(_tells, others)], tasks)


def _tells(hidden: list[dict[str, Any]]) -> bool:
    """Whether a plan can be made from a run by itself."""
    with suppress(SpecError):
        return bool(capacity.plan([hidden], 1))
    return False


def _siblings(store: Store, run: Run) -> list[Run]:
    """List the other finished runs on the same data that differ from a run in their seeds alone, the newest first."""
    by_seeds = {(run.spec.seed, run.spec.stream.seed): run}
    for other in alike(store, run):
        by_seeds.setdefault((other.spec.seed, other.spec.stream.seed), other)
    return list(by_seeds.values())[1:]


def alike(store: Store, run: Run, *varied: str) -> Iterator[Run]:
    """List the finished runs on the same data with the settings of a run, the newest first, and it among them.

    Their seeds may differ, and those settings of the stream that are `varied`.
    """
    leave_out = dict.fromkeys(varied, 0.0)
    own = without_seeds(run.spec, **leave_out)
    for other in store.runs():
        if other.state != "finished" or other.data != run.data or other.spec.method != run.spec.method:
            continue
        same_kind = other.spec.stream.kind == run.spec.stream.kind  # another has not these settings
        if same_kind and without_seeds(other.spec, **leave_out) == own:
            yield other


def without_seeds(spec: RunSpec, **of_stream: float) -> RunSpec:
    """Leave out the seeds, and what has no effect on what is claimed; settings of the stream can be given."""
    earlier = spec.fork_of and without_seeds(spec.fork_of, **of_stream)
    stream = spec.stream.model_copy(update={"seed": None, **of_stream})
    told = {"preset": "", "about": "", "seed": 0, "single_task": False, "for_comparison": False}
    return spec.model_copy(update={**told, "stream": stream, "fork_of": earlier})


def planned(spec: RunSpec, widths: Sequence[int], tasks: int) -> RunSpec:
    """Specify a run like another, from its first task on, with such widths and so many tasks.

    Raises
    ------
    SpecError
        If the stream has not so many tasks, or the network would be too large.
    """
    network, told = architecture_data(_with_widths(spec.architecture, widths)), from_first_task(spec)
    return fitted(parse(told | {"network": network, "stream": told["stream"] | {"tasks": tasks}}))


def weights(spec: RunSpec, widths: Sequence[int]) -> float:
    """Count the weights of a specification's network with such widths; infinite if there can be no such network."""
    try:
        return sum(map(math.prod, _with_widths(spec.architecture, widths).weight_shapes))
    except SpecError:
        return math.inf


def _with_widths(architecture: Architecture, widths: Sequence[int]) -> Architecture:
    """The same network with other widths, which its name then tells."""
    hidden = [replace(layer, width=width) for layer, width in zip(architecture.hidden, widths, strict=True)]
    name = f"{architecture.name.split(' ')[0]} {'-'.join(map(str, widths))}"[:60]
    return replace(architecture, name=name, hidden=tuple(hidden), task_outputs=())
