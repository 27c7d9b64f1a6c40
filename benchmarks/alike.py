"""Reuse and new neurons by how alike tasks are: `python -m benchmarks.alike [--json FILE] [--plot FILE]`.

Digits over seeds, as sweeps of whole sequences in a store of their own: over the share of the pixels that each task
permutes, and over the degrees by which each turns the images further. There is an output layer per task, so that every
layer can be used again. Of each layer: neurons that task 1 claims, and a later one on average, and the share of the
earlier tasks' neurons that a later one uses again; means over seeds with their standard deviation.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import report
from clnp_core.analysis import figures
from clnp_core.analysis.transfer import over_runs
from clnp_core.runs import sweep
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import parse_assignment
from clnp_core.runs.store import Store

AXES: dict[str, tuple[dict[str, Any], str, list[float]]] = {
    "share": ({}, "stream.share", [0.0, 0.25, 0.5, 1.0]),
    "degrees": ({"stream.kind": "rotated"}, "stream.degrees", [0.0, 15.0, 45.0, 90.0]),
}
"""What makes tasks more or less alike: settings of the stream, the one that is swept, and its values."""


def measure(tasks: int, seeds: int, set: list[str], plot: Path | None) -> dict[str, Any]:
    """Learn all sequences; print a row for each value and layer."""
    shared = {"stream.tasks": tasks, "head": "multi", "single_task": False, **dict(map(parse_assignment, set))}
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for name, (changes, path, values) in AXES.items():
            axes: sweep.Axes = {path: values, "seed": list(range(seeds))}
            asked = sweep.ask(store, axes, sweep.sequences("digits", shared | changes, axes))
            runs = [run.id for run in store.sweep_runs(asked).values()]
            asyncio.run(Engine(store).serve(until=runs))
            accuracy = sweep.table(store, asked).groupby(path)["mean_accuracy"].mean()
            table = RunHandle(store, runs[0]).transfer()
            assert table["run"].nunique() == len(runs)
            measured[name] = _rows(over_runs(table), accuracy)
            report.table(measured[name])
            if plot:
                target = plot.with_stem(f"{plot.stem}-{name}")
                figures.save(figures.for_paper(figures.transfer(table)), target)
    return {"rows": measured}


def _rows(means: pd.DataFrame, accuracy: Mapping[float, float]) -> Sequence[dict[str, Any]]:
    setting = means.columns[0]
    return [
        {
            setting: row[setting],
            "layer": row["layer"],
            "task 1 claims": row["first"],
            "a later task claims": row["new"],
            "± claims": row["new std"],
            "used again": row["reused"],
            "± used again": row["reused std"],
            "mean accuracy": accuracy[row[setting]],
        }
        for row in means.to_dict("records")
    ]


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        tasks={"type": int, "default": 4},
        seeds={"type": int, "default": 3},
        set={"nargs": "*", "default": [], "metavar": "KEY=VALUE"},
        plot={"type": Path, "metavar": "FILE"},
    )
