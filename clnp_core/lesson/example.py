"""All methods compared on the digits: an example that ships, for the page Compare of a store without runs.

`python -m clnp_core.lesson.example [FILE] [--store DIR]` computes it anew. Imports no torch.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tempfile
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from clnp_core.analysis.compare import Compared, Group, grouped
from clnp_core.machine import environment
from clnp_core.runs import benchmark
from clnp_core.runs.comparison import comparison
from clnp_core.runs.store import Store

FILE = "example.json"
SEEDS = 5

_PRESET = "digits"
# Of no use on the page, and seconds depend on what else the machine did.
_LEFT_OUT = (
    *("by_class", "classes", "notes", "environment", "theta", "lambda", "learning_rate"),
    *("seconds", "seconds_per_task"),
)


@cache
def groups() -> list[Group]:
    """Return the runs of the example, a group for each method."""
    return grouped([Compared(**run) for run in _file()["runs"]])


@cache
def about() -> dict[str, Any]:
    """Return when and on what machine it was computed."""
    told: dict[str, Any] = _file()["about"]
    return told


@cache
def _file() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((resources.files("clnp_core.lesson") / FILE).read_text("utf-8"))
    return data


def _written(run: Compared) -> dict[str, Any]:
    """What the page shows of a run."""
    summary = {name: value for name, value in run.summary.items() if name not in _LEFT_OUT}
    layers = [{name: layer[name] for name in ("width", "free")} for layer in run.summary["layers"]]
    return {"run": run.run, "spec": run.spec, "summary": summary | {"layers": layers}, "data": run.data}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clnp_core.lesson.example", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path(__file__).parent / FILE, metavar="FILE")
    parser.add_argument("--store", type=Path, metavar="DIR", help="use what is there; by default a store of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(options.store or Path(folder))
        wait = partial(benchmark.wait_for, store)
        entered = benchmark.carry_out(store, benchmark.plan(_PRESET, seeds=SEEDS), wait)
        compared = comparison(store, [run for each in entered for run in each.runs])
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    content = {
        "about": {"date": today, **environment()},
        "runs": [_written(run) for group in compared for run in group.runs],
    }
    options.file.write_text(json.dumps(content) + "\n", "utf-8")
    print(f"{options.file}: {options.file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
