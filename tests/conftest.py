"""What several tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine is doing.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture
def mnist_directory() -> Path:
    """The folder of the real MNIST; skips the test where CLNP_DATA_DIR does not name one."""
    folder = Path(os.environ.get("CLNP_DATA_DIR", ""))
    if not os.environ.get("CLNP_DATA_DIR") or not (folder / "mnist.npz").is_file():
        pytest.skip("the real MNIST is not here: name the folder of mnist.npz in CLNP_DATA_DIR")
    return folder
