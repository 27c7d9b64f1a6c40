"""A copy of the project to which one file was added: what the worked examples of the documentation ask of a reader."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"

Python = Callable[..., "subprocess.Popen[str]"]


def python_in_copy(folder: Path, example: str, place: str) -> Python:
    """Starts Python in a copy, made in that folder, with an example copied to its place."""
    for package in ("clnp_core", "dashboard"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(EXAMPLES / example, folder / place)
    # Workers of its own: those that the tests share know nothing of the file.
    environment = {name: value for name, value in os.environ.items() if name != "CLNP_SCHEDULER"}

    def start(*arguments: object, **variables: str) -> "subprocess.Popen[str]":
        command = [sys.executable, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        own = environment | {"PYTHONPATH": str(folder)} | variables
        return subprocess.Popen(command, cwd=folder, env=own, **pipes)

    return start
