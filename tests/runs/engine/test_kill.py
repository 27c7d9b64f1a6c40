"""kill -9 of workers and of the engine, at every kind of moment: every run ends as it would have."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store
from tests.runs.conftest import files, serve, workers_of

LOOK_SECONDS = 0.1
MOST_SECONDS_LATER = 0.3

Condition = Callable[[], bool]


def run_number(number: int) -> RunSpec:
    """Each of another seed, and longer than the one before: on a fast machine, too, one comes to a checkpoint."""
    short = {"stream.tasks": 3, "batch_size": 16, "patience": None, "single_task": False}
    return preset("digits", {**short, "epochs": [30 * (1 + number), 6], "lambda.2": [5e-4, 2e-3], "seed": number})


def start_engine(store: Store) -> psutil.Process:
    command = [sys.executable, "-m", "clnp_core.cli", "engine", "--store", str(store.location)]
    engine = psutil.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while store.engine() is None:
        assert engine.poll() is None
        time.sleep(LOOK_SECONDS)
    return engine


def kills(store: Store) -> list[tuple[str, Callable[[psutil.Process], Condition]]]:
    """Who is killed when: for each, from an engine to whether the moment has come since.

    The moments are: workers start, a training has begun, a training has a checkpoint, a task is learned.
    """

    def learned() -> int:
        return sum(len(store.learned(run.id)) for run in store.runs())

    def told() -> int:
        return sum(len(store.epochs(run.id)) for run in store.runs())

    def more(count: Callable[[], int]) -> Condition:
        before = count()
        return lambda: count() > before

    def has_checkpoint() -> bool:
        return any(store.artifacts.folder.rglob("*.checkpoint"))

    return [
        ("worker", lambda engine: lambda: bool(workers_of(engine))),
        ("engine", lambda engine: lambda: bool(workers_of(engine))),
        ("worker", lambda engine: more(told)),
        ("worker", lambda engine: has_checkpoint),
        ("engine", lambda engine: has_checkpoint),
        ("worker", lambda engine: more(learned)),
        ("engine", lambda engine: more(learned)),
    ]


@pytest.mark.timeout(1500)  # an engine and its workers start four times, each time as others need the machine
def test_runs_end_as_they_would_have(tmp_path, scheduler):
    dice = random.Random(20)
    store = Store(tmp_path / "killed")
    specs: list[RunSpec] = []
    seen: set[psutil.Process] = set()
    engine = start_engine(store)

    def go_on() -> None:
        """A run that has ended is followed by another one."""
        assert engine.poll() is None
        if not any(run.is_active for run in store.runs()):
            specs.append(run_number(len(specs)))
            store.add(specs[-1])
        time.sleep(LOOK_SECONDS)

    def a_worker() -> psutil.Process:
        while not (workers := workers_of(engine)):
            go_on()
        return dice.choice(workers)

    try:
        for victim, moment in kills(store):
            has_come = moment(engine)
            while not has_come():
                go_on()
            time.sleep(dice.uniform(0, MOST_SECONDS_LATER))
            seen.update(engine.children(recursive=True))
            if victim == "worker":
                with suppress(psutil.NoSuchProcess):  # it has just ended by itself
                    a_worker().kill()
            else:
                engine.kill()
                engine.wait()
                engine = start_engine(store)
        while any(run.is_active for run in store.runs()):
            assert engine.poll() is None
            time.sleep(LOOK_SECONDS)
        seen.update(engine.children(recursive=True))
    finally:
        engine.terminate()
        engine.wait(timeout=60)

    _, alive = psutil.wait_procs(seen, timeout=60)
    assert alive == []
    assert not [name for name in files(store.artifacts.folder) if name.endswith((".part", ".checkpoint"))]
    calm = Store(tmp_path / "calm")
    for spec in specs:
        (run,) = (run for run in store.runs() if run.spec == spec)
        assert run.state == "finished", run.error
        _, summary = serve(calm, spec, scheduler)
        assert run.summary.to_json() | {"seconds": 0} == summary | {"seconds": 0}
