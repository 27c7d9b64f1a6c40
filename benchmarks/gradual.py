"""What pruning while training costs and saves: `python -m benchmarks.gradual [--json FILE]`.

The same tasks learned with `pruning` "after" and "gradual", by turns, over several seeds: mean test accuracy, free
share of each layer at the end, seconds, and the share of them that scans took. `--set` changes settings of both.
"""

from __future__ import annotations

import statistics
import time
from typing import Any
from unittest import mock

from benchmarks import report
from benchmarks.setting import learn
from clnp_core.methods.gradual import GradualPruner
from clnp_core.runs.spec import parse_assignment, preset

SETTINGS: dict[str, tuple[dict[str, Any], int]] = {
    "digits": ({}, 5),
    "split-digits-cnn": ({}, 4),
    "permuted-mnist": ({"stream.tasks": 3, "epochs": 40}, 1),
}
"""By preset: settings that are changed, and seeds."""


def measure(presets: list[str], modes: list[str], seeds: list[int] | None, set: list[str]) -> dict[str, Any]:
    """Learn with each; print a row per preset and mode, means over the seeds."""
    rows = []
    for name in presets:
        changes, count = SETTINGS.get(name, ({}, 1))
        changes = changes | dict(map(parse_assignment, set))
        learned: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
        for seed in seeds or range(count):
            for mode in modes:
                learned[mode].append(_learned(name, changes | {"seed": seed, "pruning": mode}))
        for mode, each in learned.items():
            means = {key: statistics.mean(one[key] for one in each) for key in each[0]}
            spread = statistics.stdev(one["accuracy"] for one in each) if len(each) > 1 else 0.0
            rows.append({"preset": name, "pruning": mode, "seeds": len(each), "sd": spread} | means)
            report.table(rows[-1:])
    return {"rows": rows}


def _learned(name: str, changes: dict[str, Any]) -> dict[str, float]:
    spent = 0.0
    scan = GradualPruner.survivors

    def timed(*given: Any) -> Any:
        nonlocal spent
        start = time.perf_counter()
        found = scan(*given)
        spent += time.perf_counter() - start
        return found

    with mock.patch.object(GradualPruner, "survivors", timed):
        result = learn(preset(name, changes))
    return result | {"scans": spent / result["seconds"]}


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        presets={"nargs": "+", "default": list(SETTINGS)},
        modes={"nargs": "+", "choices": ("after", "gradual"), "default": ["after", "gradual"]},
        seeds={"type": int, "nargs": "+"},
        set={"nargs": "*", "default": [], "metavar": "KEY=VALUE"},
    )
