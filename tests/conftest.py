"""What several tests share."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from clnp_core.runs.engine.cluster import DASK_SETTINGS

# How long an example takes depends on what else the machine is doing.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

START_SECONDS = 60

# Until something computes with as many threads as it says itself, as in a worker of an engine: on arrays as small as
# those of tests, threads mostly wait for each other, and that takes ten times as long. Said before torch is imported.
for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")


@pytest.fixture
def mnist_directory() -> Path:
    """The folder of the real MNIST; skips the test where CLNP_DATA_DIR does not name one."""
    folder = Path(os.environ.get("CLNP_DATA_DIR", ""))
    if not os.environ.get("CLNP_DATA_DIR") or not (folder / "mnist.npz").is_file():
        pytest.skip("the real MNIST is not here: name the folder of mnist.npz in CLNP_DATA_DIR")
    return folder


@pytest.fixture(scope="session")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Dask scheduler on loopback with two workers: real processes, started once for all tests."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    here = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    # What they have to say goes nowhere: a pipe that nobody reads would be full one day, and stop them.
    start = partial(subprocess.Popen, stderr=subprocess.DEVNULL, env=os.environ | _dask_settings())
    processes = [start([*dask, "scheduler", *here, "--port", "0"])]
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (address := _address(file)):
            assert processes[0].poll() is None, "the Dask scheduler ended"
            assert time.monotonic() < deadline, f"no Dask scheduler after {START_SECONDS} s"
            time.sleep(0.1)
        worker = [*dask, "worker", *here, "--nthreads", "1"]
        processes += [start(worker) for _ in range(2)]
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(timeout=20)


def _dask_settings() -> dict[str, str]:
    """Those of an engine's own workers, as Dask reads them: with its own, each process is busy with nothing to do."""
    return {
        f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(value) for name, value in DASK_SETTINGS.items()
    }


def _address(scheduler_file: Path) -> str | None:
    try:
        return json.loads(scheduler_file.read_text())["address"]
    except (FileNotFoundError, json.JSONDecodeError):  # not there, or not whole
        return None
