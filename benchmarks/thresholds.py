"""One θ for all layers against one for each: `python -m benchmarks.thresholds [--json FILE]`.

The same tasks learned at the same margin with `theta_mode` "shared", as in the paper, and "per-layer", over seeds.
What counts is the share of neurons still free at the end, of each layer and of all, and the test accuracy beside it.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks import report
from benchmarks.setting import learn
from clnp_core.runs.spec import preset

MODES = ("shared", "per-layer")


def measure(presets: list[str], tasks: int, seeds: int) -> dict[str, Any]:
    """Learn with both; print a row per preset and mode, and the differences."""
    figures = []
    for name in presets:
        learned: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
        for seed in range(seeds):
            for mode in MODES:
                spec = preset(name, {"seed": seed, "theta_mode": mode, "stream.tasks": tasks})
                each = learn(spec)
                widths = spec.architecture.widths
                free = sum(each[f"free {number}"] * width for number, width in enumerate(widths, start=1))
                learned[mode].append(each | {"free": free / sum(widths)})
        rows = [
            {"preset": name, "θ": mode}
            | {key: statistics.mean(each[key] for each in learned[mode]) for key in learned[mode][0]}
            for mode in MODES
        ]
        report.table(rows)
        differences = {
            key: [after[key] - before[key] for before, after in zip(*(learned[mode] for mode in MODES), strict=True)]
            for key in ("accuracy", "free")
        }
        for key, values in differences.items():
            error = f" ± {100 * statistics.stdev(values) / math.sqrt(seeds):.2f}" if seeds > 1 else ""
            print(f"{key}, per layer less shared: {100 * statistics.mean(values):+.2f}{error} points")
        figures.append({"rows": rows, "differences": differences})
    return {"presets": figures}


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        presets={"nargs": "+", "default": ["digits"]},
        tasks={"type": int, "default": 3},
        seeds={"type": int, "default": 5},
    )
