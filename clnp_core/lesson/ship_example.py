"""`python -m clnp_core.lesson.ship_example [FOLDER] [--store DIR]`: compute the run of `clnp_core.lesson.example_run`.

So that the file is small, candidates that no task chose are without their dead neurons, which no θ keeps, and their
weights are rounded to those of bfloat16.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save

from clnp_core.lesson.example_run import FILE, TESTS
from clnp_core.methods.method import Candidate
from clnp_core.methods.sparsify import Prepared
from clnp_core.runs import archive
from clnp_core.runs.benchmark import wait_for
from clnp_core.runs.engine.candidates import tensors_of
from clnp_core.runs.engine.work import Context, trained
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store
from clnp_core.runs.store.artifacts import metadata
from clnp_core.runs.sweep import runs_of

_ROOM = 2**27  # bytes


def example() -> RunSpec:
    """Return what is asked for: the preset digits on a small network, with a grid of λ at every task."""
    hidden = [{"kind": "dense", "name": f"layer {number}", "width": 200} for number in (1, 2)]
    changes = {
        "preset": "example",
        "network": {"name": "digits-narrow", "input_shape": [1, 8, 8], "hidden": hidden, "outputs": 10},
        "lambda.1": [1e-4, 3e-4, 1e-3],
        "lambda.2": [3e-4, 1e-3, 3e-3],
        "search": "every-task",
        "epochs": 40,
        "pruning": "after",
    }
    return preset("digits", changes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clnp_core.lesson.ship_example", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent, metavar="FOLDER")
    parser.add_argument("--store", type=Path, metavar="DIR", help="use what is there; by default a store of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(options.store or Path(folder) / "store")
        [run] = runs_of(store, [example()])
        wait_for(store, [run])
        copy = Path(folder) / "copy"
        shutil.copytree(store.location, copy)
        tests = _made_small(Store(copy), run)
        archive.write(Store(copy), run, options.folder / FILE)
    (options.folder / TESTS).write_text(json.dumps(tests) + "\n", "utf-8")
    print(*(f"{name}: {(options.folder / name).stat().st_size:,} bytes" for name in (FILE, TESTS)), sep="\n")


def _made_small(store: Store, run: str) -> list[list[float]]:
    """Make candidates smaller, and return the test accuracy of each, as it is then, at every θ of its curve."""
    tests = []
    for record in store.learned(run):
        chosen = [*record.lambda_, record.learning_rate]
        for row in store.candidates(run, record.task):
            key, given = row["key"], row["hyperparameters"]
            candidate, stream = trained(store.stage(key), Context(store.artifacts))
            if [*given["l1"], given["learning_rate"]] != chosen:
                candidate = _small(candidate)
                store.artifacts.write(key, save(tensors_of(candidate, ()), metadata(store.artifacts.data(key))))
            assert candidate.activities is not None  # the method prunes
            prepared = Prepared(candidate.network, candidate.activities, stream.test(record.task), _ROOM)
            tests.append(prepared.accuracies([point.theta for point in candidate.curve.points]))
    return tests


def _small(candidate: Candidate) -> Candidate:
    activities = candidate.activities
    assert activities is not None
    alive = [activity > 0 for activity in activities.free]
    frees = tuple(activity[own] for activity, own in zip(activities.free, alive, strict=True))
    network = candidate.network.keep(alive).each(lambda weights: weights.bfloat16().float())
    return replace(candidate, network=network, activities=replace(activities, free=frees))


if __name__ == "__main__":
    main()
