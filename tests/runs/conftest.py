"""Runs, short ones, that the tests ask for."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.verify import verify


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def learn(store: Store, scheduler: str) -> Callable[..., tuple[str, dict[str, Any] | None]]:
    """Carry out a short digits run with some settings changed: its id and its summary."""

    def learn(changes: dict[str, Any], into: Store = store) -> tuple[str, dict[str, Any] | None]:
        short = {"stream.tasks": 3, "epochs": 3, "single_task": False}
        return serve(into, preset("digits", short | changes), scheduler)

    return learn


def serve(store: Store, spec: RunSpec, scheduler: str | None) -> tuple[str, dict[str, Any] | None]:
    """Ask for a run and work on it until it has ended: its id, and its summary as JSON."""
    run = store.add(spec)
    asyncio.run(Engine(store, scheduler).serve(until=[run]))
    summary = store.run(run).summary
    return run, summary and summary.to_json()


def identical(store: Store, run: str) -> list[int]:
    """The tasks that verify finds identical to the bit; it raises where one is not even alike."""
    return [task for task, elsewhere in verify(store, run) if elsewhere is None]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def workers_of(engine: psutil.Process) -> list[psutil.Process]:
    """Its workers. They are forks of a process that it has beside itself."""
    return [child for child in engine.children(recursive=True) if is_fork(child, engine)]


def is_fork(child: psutil.Process, engine: psutil.Process) -> bool:
    try:
        return child.ppid() != engine.pid
    except psutil.NoSuchProcess:
        return False
