"""How fast a candidate answers at another θ: `python -m benchmarks.tradeoff [--json FILE]`.

One task of digits and of permuted MNIST on zenke-mlp (where CLNP_DATA_DIR names a folder with mnist.npz). An engine in
a process of its own with workers of its own is asked for the validation accuracy, over and over and never the same:

- cold: the workers are there, and the candidate is at hand in none of them; each time after another start;
- warm, with θ of each layer near the chosen one, at the mildest that cost neurons, and at the activity of any neuron;
- the same while two runs are training.

What the store answers without an engine (a shared θ, the margin rule, the front, the histograms) is timed as well:
read for the first time, and again.

Beside it, as a ratio, one evaluation of the full-width network in plain PyTorch on all cores.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from benchmarks import report
from benchmarks.plain import module
from benchmarks.setting import stream_of
from clnp_core.methods.training import accuracy
from clnp_core.runs.background import end_engine, ensure_engine
from clnp_core.runs.engine.questions import ask
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import data_directory

ONE_TASK = {"stream.tasks": 1, "single_task": False}
PRESETS = {"digits": {}, "permuted-mnist-quick": {"epochs": 4}}
LONG = {"epochs": 1000, "patience": 1000}
MILD = 0.02  # share of the neurons that fall, of those that are not dead

Draw = Callable[[], list[float]]


def measure(asks: int, starts: int) -> dict[str, Any]:
    """Time all of it; print a row for each kind of question."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        ensure_engine(store)
        try:
            other = _candidate(store, _spec("digits", {"seed": 9}))
            for name, changes in PRESETS.items():
                if name != "digits" and not (data_directory() / "mnist.npz").is_file():
                    print(f"{name} is left out: there is no mnist.npz in {data_directory()}; name its folder.")
                    continue
                rows += _of_preset(store, _spec(name, changes), other, asks, starts)
        finally:
            end_engine(store)
    report.table(rows)
    return {"rows": rows}


def _of_preset(store: Store, spec: RunSpec, other: str, asks: int, starts: int) -> list[dict[str, Any]]:
    key = _candidate(store, spec)
    draws = _draws(store, key)
    full = _full_width(spec, asks)
    first, *again = _read(store, asks)
    taken, runs = {("shared, first", "none"): [first], ("shared, again", "none"): again}, []
    for state in ("idle", "training"):
        if state == "training":
            runs = [store.add(_spec(spec.preset, {**LONG, "seed": seed})) for seed in (1, 2)]
        taken["cold", state] = [_cold(store, key, other, draws["anywhere"], runs) for _ in range(starts)]
        for name, draw in draws.items():
            taken[name, state] = _asked(store, key, [draw() for _ in range(asks + 1)])[1:]
    for run in runs:
        assert store.run(run).state == "running", store.run(run).error
        store.cancel(run)
    return [
        {
            "preset": spec.preset,
            "θ": name,
            "workers": state,
            "median ms": statistics.median(times),
            "p95 ms": float(np.quantile(times, 0.95)),
            "full-width evaluation ms": full,
            "median / evaluation": statistics.median(times) / full,
        }
        for (name, state), times in taken.items()
    ]


def _spec(name: str, changes: dict[str, Any]) -> RunSpec:
    return preset(name, {**ONE_TASK, **changes})


def _candidate(store: Store, spec: RunSpec) -> str:
    """Train it. Returns the key of its stage."""
    run = store.add(spec)
    RunHandle(store, run).wait()
    (candidate,) = store.candidates(run, 1)
    return candidate["key"]


def _draws(store: Store, key: str) -> dict[str, Draw]:
    """Ways of choosing θ: each gives another one every time."""
    dice = np.random.default_rng(0)
    tensors = safetensors.torch.load(store.artifacts.content(key))
    layers = [tensors[f"activity.{layer}"].numpy() for layer in range(sum("activity." in name for name in tensors))]
    alive = [layer[layer > 0] for layer in layers]
    (run,) = (run.id for run in store.runs() if any(stage["key"] == key for stage in store.stages(run.id)))
    chosen = store.learned(run)[0].theta
    return {
        "near the chosen": lambda: [theta * dice.uniform(0.8, 1.2) for theta in chosen],
        "mildest": lambda: [float(np.quantile(layer, dice.uniform(0, MILD))) for layer in alive],
        "anywhere": lambda: [float(np.quantile(layer, dice.uniform())) for layer in alive],
    }


def _asked(store: Store, key: str, thetas: list[list[float]]) -> list[float]:
    """Milliseconds of each question, asked one after the other by another process."""
    command = [sys.executable, "-m", "benchmarks.tradeoff_asker", str(store.location), key]
    questions = "".join(f"{json.dumps([theta])}\n" for theta in thetas)
    asker = subprocess.run(command, input=questions, stdout=subprocess.PIPE, text=True, check=True)
    return list(map(float, asker.stdout.split()))


def _read(store: Store, times: int) -> list[float]:
    """Milliseconds of what the store alone answers of its newest run, in another process."""
    command = [sys.executable, "-m", "benchmarks.tradeoff_reader", str(store.location), store.runs()[0].id, str(times)]
    return list(map(float, subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()))


def _cold(store: Store, key: str, other: str, draw: Draw, runs: list[str]) -> float:
    """Milliseconds of the first question about a candidate, where another has been asked about and runs are at work."""
    end_engine(store)
    ensure_engine(store)
    ask(store, other, [[draw()[0]] * 2])
    while any(store.run(run).state == "queued" for run in runs):
        time.sleep(0.1)
    before = len(_epochs(store, runs))
    while runs and len(_epochs(store, runs)) == before:
        time.sleep(0.1)
    return _asked(store, key, [draw()])[0]


def _epochs(store: Store, runs: list[str]) -> list[dict[str, Any]]:
    return [epoch for run in runs for epoch in store.epochs(run)]


def _full_width(spec: RunSpec, times: int) -> float:
    """Milliseconds of an evaluation on the validation images, the median."""
    network, validation, taken = module(spec.architecture).eval(), stream_of(spec).held_out(1), []
    for _ in range(times):
        start = time.perf_counter()
        accuracy(network, validation)
        taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken)


if __name__ == "__main__":
    report.main(__doc__, measure, asks={"type": int, "default": 40}, starts={"type": int, "default": 3})
