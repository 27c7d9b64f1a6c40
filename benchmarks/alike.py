"""Reuse and new neurons by how alike tasks are: `python -m benchmarks.alike [--json FILE] [--plot FILE]`.

Digits over seeds, by the share of the pixels that each task permutes, and by the degrees by which each turns the images
further. There is an output layer per task, so that every layer can be used again. Of each layer: neurons that task 1
claims, and a later one on average, and the share of the earlier tasks' neurons that a later one uses again; means over
seeds with their standard deviation. `--set` changes settings of all.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import report
from benchmarks.setting import learned
from clnp_core.analysis import figures
from clnp_core.analysis.transfer import by_similarity, over_runs
from clnp_core.runs.spec import RunSpec, parse_assignment, preset

AXES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "share": ({}, [0.0, 0.25, 0.5, 1.0]),
    "degrees": ({"stream.kind": "rotated"}, [0.0, 15.0, 45.0, 90.0]),
}
"""What makes tasks more or less alike: by setting of the stream, what else it takes, and values."""


def measure(over: list[str], tasks: int, seeds: int, set: list[str], plot: Path | None) -> dict[str, Any]:
    """Learn all sequences; print a row for each value and layer."""
    shared = {"stream.tasks": tasks, "head": "multi", **dict(map(parse_assignment, set))}
    rows = []
    for setting in over:
        kind, values = AXES[setting]
        tables = []
        for value in values:
            specs = [
                preset("digits", shared | kind | {f"stream.{setting}": value, "seed": seed}) for seed in range(seeds)
            ]
            summaries, reached = zip(*map(_learned, specs), strict=True)
            tables.append(by_similarity([(value, "", summary) for summary in summaries], setting))
            found = [_row(row, setting, statistics.mean(reached)) for row in over_runs(tables[-1]).to_dict("records")]
            report.table(found)
            rows += found
        if plot:
            drawn = figures.for_paper(figures.transfer(pd.concat(tables)))
            figures.save(drawn, plot.with_stem(f"{plot.stem}-{setting}"))
    return {"rows": rows}


def _learned(spec: RunSpec) -> tuple[dict[str, Any], float]:
    """Learn a sequence: its layers as in a summary, and its mean accuracy."""
    _, tasks, reached = learned(spec)
    layers = [
        {
            "name": layer.name,
            "claimed": [task.claimed[place] for task in tasks],
            "reused": [task.reused[place] for task in tasks],
        }
        for place, layer in enumerate(spec.architecture.hidden)
    ]
    return {"layers": layers}, statistics.mean(reached)


def _row(row: dict[Any, Any], setting: str, accuracy: float) -> dict[str, Any]:
    return {
        setting: row[setting],
        "layer": row["layer"],
        "task 1 claims": row["first"],
        "a later task claims": row["new"],
        "± claims": row["new std"],
        "used again": row["reused"],
        "± used again": row["reused std"],
        "mean accuracy": accuracy,
    }


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        over={"nargs": "+", "choices": list(AXES), "default": list(AXES)},
        tasks={"type": int, "default": 4},
        seeds={"type": int, "default": 3},
        set={"nargs": "*", "default": [], "metavar": "KEY=VALUE"},
        plot={"type": Path, "metavar": "FILE"},
    )
