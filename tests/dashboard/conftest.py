"""The store that a page is tested on: what a module has `learned` once, a copy of it for each test."""

import shutil
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit import config
from streamlit.components.v2 import manifest_scanner

import dashboard
from clnp_core.runs import background
from clnp_core.runs.store import Store


@pytest.fixture(scope="session", autouse=True)
def as_served() -> Iterator[None]:
    """Have an AppTest do no more than the app's server does: the rest takes up to half of its time.

    It would collect garbage after each run, count what is called, and look through all installed packages for
    components each time a page is opened.
    """
    settings = tomllib.loads((Path(dashboard.__file__).parent / ".streamlit" / "config.toml").read_text("utf-8"))
    for section in ("browser", "runner"):
        for name, value in settings[section].items():
            config.set_option(f"{section}.{name}", value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


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
