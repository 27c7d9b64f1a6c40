"""`python -m clnp_core.lesson [FILE]`: compute all runs of the lesson and write the results that it shows."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import datetime
import json
import tempfile
from pathlib import Path
from typing import Any

from clnp_core.arithmetic import kind
from clnp_core.lesson.parts import FILE, PARTS, measure
from clnp_core.lesson.runs import RUNS
from clnp_core.machine import environment
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clnp_core.lesson", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path(__file__).parent / FILE, metavar="FILE")
    path = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        runs = {name: store.add(spec) for name, spec in RUNS.items()}
        for name, run in runs.items():  # one at a time, so that each time is its own
            asyncio.run(Engine(store).serve(until=[run]))
            print(f"{name}: {store.run(run).state} after {store.run(run).seconds:.0f} s", flush=True)
        seconds = {
            part: round(sum(store.run(runs[name]).seconds for name in each.runs), 1) for part, each in PARTS.items()
        }
        parts = {part: measure(store, part, runs) for part in PARTS}
    path.write_text(json.dumps({"about": _about() | {"seconds": seconds}, "parts": parts}) + "\n", "utf-8")
    print(f"{path}: {path.stat().st_size:,} bytes")


def _about() -> dict[str, Any]:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": today, **environment(), "kind": dataclasses.asdict(kind()), "seed": RUNS["clnp"].seed}


if __name__ == "__main__":
    main()
