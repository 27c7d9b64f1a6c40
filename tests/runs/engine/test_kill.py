"""kill -9, twenty times, of workers and of the engine: every run ends as it would have."""

import random
import subprocess
import sys
import time

import psutil

from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.runs.conftest import files, serve

KILLS = 20
SECONDS = 200
CHANGES = {"stream.tasks": 4, "epochs": 15, "lambda.2": [5e-4, 1e-3, 2e-3], "search": "every-task"}


def start_engine(store: Store) -> psutil.Process:
    command = [sys.executable, "-m", "clnp_core.cli", "engine", "--store", str(store.location)]
    engine = psutil.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while store.engine() is None:
        assert engine.poll() is None
        time.sleep(0.02)
    return engine


def workers_of(engine: psutil.Process) -> list[psutil.Process]:
    """Its workers, without the helper process that multiprocessing keeps beside them."""
    return [child for child in engine.children(recursive=True) if is_worker(child)]


def is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_runs_end_as_they_would_have(tmp_path, scheduler):
    dice = random.Random(20)
    store = Store(tmp_path / "killed")
    specs, seen, killed = [], set(), {"worker": 0, "engine": 0}
    deadline = time.monotonic() + SECONDS
    engine = start_engine(store)
    try:
        while sum(killed.values()) < KILLS:
            assert time.monotonic() < deadline, f"only {killed} killed in {SECONDS} s"
            if not any(run.is_active for run in store.runs()):
                specs.append(preset("digits", CHANGES | {"seed": len(specs)}))
                store.add(specs[-1])
            victim = "worker" if dice.random() < 0.65 else "engine"
            while victim == "worker" and not workers_of(engine):
                assert time.monotonic() < deadline, f"no worker starts; {killed} killed"
                time.sleep(0.1)
            time.sleep(dice.uniform(0.1, 1.5))
            seen.update(engine.children(recursive=True))
            workers = workers_of(engine)
            if victim == "worker" and workers:
                dice.choice(workers).kill()
                killed["worker"] += 1
            else:
                engine.kill()
                engine.wait()
                killed["engine"] += 1
                engine = start_engine(store)
        while any(run.is_active for run in store.runs()):
            assert time.monotonic() < deadline, "the runs did not end"
            time.sleep(0.2)
        seen.update(engine.children(recursive=True))
    finally:
        engine.terminate()
        engine.wait(timeout=20)

    assert min(killed.values()) >= 3
    _, alive = psutil.wait_procs(seen, timeout=10)
    assert alive == []
    assert not [name for name in files(store.artifacts.folder) if name.endswith((".part", ".checkpoint"))]
    calm = Store(tmp_path / "calm")
    for spec in specs:
        (run,) = (run for run in store.runs() if run.spec == spec)
        assert run.state == "finished", run.error
        _, summary = serve(calm, spec, scheduler)
        assert run.summary | {"seconds": 0} == summary | {"seconds": 0}
