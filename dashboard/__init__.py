"""The Streamlit app. It draws and asks; it computes nothing itself and never imports torch."""

import os
import sys
from pathlib import Path
from typing import Any


def process(store: Path, port: int, opens_browser: bool) -> dict[str, Any]:
    """Give the app's process, as `subprocess.Popen` takes it.

    Parameters
    ----------
    store : Path
        Location of the store that it shows.
    port : int
        Of this machine, to listen on.
    """
    app = Path(__file__).parent / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
    # Every page is drawn in a thread of its own, and threads leave holes in as many arenas as glibc gives them: with
    # thirty visitors the process kept growing (`benchmarks.dashboard`). Two are enough, as one thread runs at a time.
    environment = {"MALLOC_ARENA_MAX": "2"} | os.environ | {"CLNP_STORE": str(store.absolute())}
    return {
        "args": [*command, f"--server.headless={str(not opens_browser).lower()}"],
        "cwd": app.parent,
        "env": environment,
    }
