"""The runs behind the lesson, on permuted digits; each takes seconds. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Run, Store

TASKS = 5
LAMBDAS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Values of λ of layer 2 tried for task 1."""
MARGINS = (0.0, 0.01, 0.03, 0.06)
"""Margins m, one for each network that is filled until it is full."""
SHARES_PERMUTED = (0.0, 0.25, 0.5, 1.0)
"""Shares of the pixels that tasks permute, from tasks that are all the same to tasks that have nothing in common."""
ALIKE = tuple(f"alike-{100 * share:g}" for share in SHARES_PERMUTED)
"""The runs with these, with an output layer for each task."""

_NARROW = 200
_MOST_TASKS = 20


def _spec(name: str, changes: Mapping[str, Any], base: str = "digits") -> RunSpec:
    # Task 1 sees the digits unpermuted.
    shared = {"preset": f"lesson-{name}", "stream.identity_first": True, "stream.tasks": TASKS, "single_task": False}
    return preset(base, {**shared, "pruning": "after", **changes})


def _filling(margin: float) -> RunSpec:
    hidden = [{"kind": "dense", "name": f"layer {number}", "width": _NARROW} for number in (1, 2)]
    network = {"name": "digits-narrow", "input_shape": [1, 8, 8], "hidden": hidden, "outputs": 10}
    changes = {"margin": margin, "network": network, "stream.tasks": _MOST_TASKS}
    return _spec(f"full-{100 * margin:g}", changes)


RUNS = {
    "finetune": _spec("finetune", {"method": "finetune"}),
    "ewc": _spec("ewc", {"method": "ewc", "ewc.strength": 1000}),
    "si": _spec("si", {"method": "si", "si.c": 10}),
    "clnp": _spec("clnp", {"single_task": True}),
    "multihead": _spec("multihead", {}, "digits-multihead"),
    "interference": _spec(
        "interference", {"margin": 0.05, "stream.tasks": 6, "lambda.1": 0, "lambda.2": 0, "lambda.output": 0}
    ),
    "sparsity": _spec("sparsity", {"stream.tasks": 1, "lambda.2": list(LAMBDAS)}),
    "gradual": _spec("gradual", {"pruning": "gradual"}),
    **{
        name: _spec(name, {"stream.share": share}, "digits-multihead")
        for name, share in zip(ALIKE, SHARES_PERMUTED, strict=True)
    },
    **{f"full-{100 * margin:g}": _filling(margin) for margin in MARGINS},
}
"""Specifications by name."""


def find(runs: Sequence[Run], name: str) -> Run | None:
    """Find the run with exactly that specification: a finished one, else the newest that may still finish."""
    alike = [run for run in runs if run.spec == RUNS[name] and run.state not in ("failed", "cancelled")]
    return next((run for run in alike if run.state == "finished"), alike[0] if alike else None)


def ask(store: Store, name: str) -> str:
    """Request the run of that name unless the store has it, and return its id."""
    run = find(store.runs(), name)
    if run and run.state in ("paused", "interrupted"):
        store.resume(run.id)
    return run.id if run else store.add(RUNS[name])
