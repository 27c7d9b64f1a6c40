"""The store that a page is tested on: what a module has `learned` once, a copy of it for each test."""

import shutil
from pathlib import Path

import pytest

from clnp_core.runs import background
from clnp_core.runs.store import Store


@pytest.fixture
def store(learned: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of its own for each test; no engine is started for it."""
    folder = tmp_path / "store"
    shutil.copytree(learned[0], folder)
    monkeypatch.setenv("CLNP_STORE", str(folder))
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    return Store(folder)


@pytest.fixture
def runs(learned: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """By name, the ids of the runs there are."""
    return learned[1]
