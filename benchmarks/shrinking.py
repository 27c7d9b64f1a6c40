"""What shrinking progressively costs and saves: `python -m benchmarks.shrinking [--json FILE]`.

The same tasks learned with `shrink` "exact" and "progressive", by turns, over several seeds: digits in ten tasks, and
the first task of permuted-mnist-quick. Differences are progressive less exact, with their standard error over seeds.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks import report
from benchmarks.setting import learn
from clnp_core.runs.spec import preset

MODES = ("exact", "progressive")


def measure(seeds: int) -> dict[str, Any]:
    """Learn with both; print a row per preset and mode, and the differences."""
    figures = []
    for name, tasks in (("digits", 10), ("permuted-mnist-quick", 1)):
        learned: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
        for seed in range(seeds):
            for mode in MODES:
                learned[mode].append(learn(preset(name, {"seed": seed, "shrink": mode, "stream.tasks": tasks})))
        rows = [
            {"preset": name, "shrink": mode}
            | {key: statistics.mean(each[key] for each in learned[mode]) for key in learned[mode][0]}
            for mode in MODES
        ]
        pairs = list(zip(learned["exact"], learned["progressive"], strict=True))
        differences = [after["accuracy"] - before["accuracy"] for before, after in pairs]
        error = statistics.stdev(differences) / math.sqrt(seeds)
        seconds = [after["seconds"] / before["seconds"] for before, after in pairs]
        report.table(rows)
        print(
            f"accuracy {100 * statistics.mean(differences):+.2f} ± {100 * error:.2f} points, "
            f"{statistics.median(seconds):.2f} of the time\n"
        )
        figures.append({"rows": rows, "differences": differences, "standard error": error, "time ratios": seconds})
    return {"presets": figures}


if __name__ == "__main__":
    report.main(__doc__, measure, seeds={"type": int, "default": 5})
