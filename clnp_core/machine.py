"""Describes the machine a process runs on. Imports no torch until it is asked for CUDA."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from clnp_core import __version__
from clnp_core.errors import DeviceError
from clnp_core.lazy import torch


def cores() -> int:
    """Return the number of cores this process may use. On macOS it is the number there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_cuda() -> None:
    """Check that torch finds a CUDA device here.

    Raises
    ------
    DeviceError
        If it does not.
    """
    if not torch.cuda.is_available():
        raise DeviceError(
            "device = cuda is not possible: torch finds no CUDA device on this machine; give cpu, or the address of a "
            "Dask cluster that has one (--scheduler or CLNP_SCHEDULER)."
        )


def processor() -> str:
    """Return the processor's name as given by its maker, or its architecture if that is not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def environment() -> dict[str, str | int]:
    """Return what results depend on besides settings, as plain data: processor, cores, system and versions."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "clnp": __version__,
        **{name: version(name) for name in ("torch", "numpy")},
    }
