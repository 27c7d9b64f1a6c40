"""A Dask cluster of real processes, started by hand, that the tests share."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clnp_core.runs.engine import Engine
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a Dask scheduler on loopback with two workers."""
    dask = [sys.executable, "-m", "dask"]
    command = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        address = next(
            found[0] for line in process.stderr if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line))
        )
        worker = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        workers = [subprocess.Popen(worker, stderr=subprocess.DEVNULL) for _ in range(2)]
        yield address
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=20)
        process.terminate()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def learn(store: Store, scheduler: str) -> Callable[..., tuple[str, dict[str, Any] | None]]:
    """Carry out a short digits run with some settings changed: its id and its summary."""

    def learn(changes: dict[str, Any], into: Store = store) -> tuple[str, dict[str, Any] | None]:
        short = {"stream.tasks": 3, "epochs": 6, "single_task": False}
        return serve(into, preset("digits", short | changes), scheduler)

    return learn


def serve(store: Store, spec: RunSpec, scheduler: str | None) -> tuple[str, dict[str, Any] | None]:
    """Ask for a run and work on it until it has ended."""
    run = store.add(spec)
    asyncio.run(Engine(store, scheduler).serve(only=[run]))
    return run, store.run(run).summary


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}
