"""Where the tests of data find it, and where they put their own."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def cifar_directory() -> Path:
    """The folder of the real CIFAR-10 and CIFAR-100; skips the test where CLNP_DATA_DIR does not name one."""
    folder = Path(os.environ.get("CLNP_DATA_DIR", ""))
    names = ("cifar10.npz", "cifar100.npz")
    if not os.environ.get("CLNP_DATA_DIR") or not all((folder / name).is_file() for name in names):
        pytest.skip("the real CIFAR is not here: name the folder of cifar10.npz and cifar100.npz in CLNP_DATA_DIR")
    return folder


@pytest.fixture
def data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data directory of the test's own."""
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path))
    return tmp_path
