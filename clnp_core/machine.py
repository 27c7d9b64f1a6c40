"""The machine a process runs on. Imports no torch."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from clnp_core import __version__


def cores() -> int:
    """Cores this process may use; macOS knows only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """What kind of processor this is, as its maker calls it; where that cannot be found out, its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def environment() -> dict[str, str | int]:
    """What results depend on beside their settings: kind of processor, cores, system and versions, as plain data."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "clnp": __version__,
        **{name: version(name) for name in ("torch", "numpy")},
    }
