"""A copy of the project to which one file was added, as the worked examples ask of a reader; and clusters for tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"

Python = Callable[..., "subprocess.Popen[str]"]


def python_in_copy(folder: Path, example: str, place: str) -> Python:
    """Starts Python in a copy, made in that folder, with an example copied to its place."""
    for package in ("clnp_core", "dashboard"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(EXAMPLES / example, folder / place)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT)))}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)

    def start(*arguments: object, **variables: str) -> "subprocess.Popen[str]":
        command = [sys.executable, *map(str, arguments)]
        return subprocess.Popen(command, cwd=folder, env=environment | variables, text=True, **pipes)

    return start


@contextmanager
def address_of(cluster: "subprocess.Popen[str]") -> Iterator[str]:
    """Address of the Dask scheduler of `tests.cluster`, started in that process; it ends when the context does."""
    with cluster:
        try:
            address = cluster.stdout.readline().strip()
            assert address, "the Dask scheduler ended"
            yield address
        finally:
            cluster.stdin.close()
            cluster.wait(timeout=60)
