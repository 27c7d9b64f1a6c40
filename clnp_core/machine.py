"""Describes the machine a process runs on. Imports no torch until it is asked for CUDA."""

import math
import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from clnp_core import __version__
from clnp_core.errors import DeviceError
from clnp_core.lazy import torch

_WORKER_BYTES = 512 * 2**20  # about twice what a worker takes before it has data
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Return the number of cores this process may use, in a container no more than it is given.

    On macOS it is the number there are.
    """
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([visible, *(max(1, math.ceil(share)) for share in _processor_limits())])


def workers() -> int:
    """Return the number of workers that this process has room for: one for each core, as far as memory allows."""
    memory = min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_memory_limits()])
    return max(1, min(cores(), memory // _WORKER_BYTES))


def _processor_limits() -> Iterator[float]:
    for group in _groups("cpu"):
        # Of version 2, else of version 1: microseconds of work in a period, and its microseconds.
        given = _words(group / "cpu.max") or _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
        if len(given) == 2 and given[0] not in ("max", "-1"):
            yield int(given[0]) / int(given[1])


def _memory_limits() -> Iterator[int]:
    for group in _groups("memory"):
        for given in _words(group / "memory.max") or _words(group / "memory.limit_in_bytes"):
            if given != "max":
                yield int(given)


def _groups(controller: str) -> Iterator[Path]:
    """List the folders of the control groups that this process is in; each limits those below it.

    In a container a group may have another path than the kernel tells. Its root is there in any case.
    """
    for line in _lines(_OWN_GROUPS):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _GROUPS / controller if controllers else _GROUPS
        own = root / path.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root))


def _words(file: Path) -> list[str]:
    return [word for line in _lines(file) for word in line.split()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except OSError:
        return []


def user_folder(find: Callable[[str], Path]) -> Path | None:
    """Return this program's folder of the user, as a function of platformdirs finds it; None if there is no home.

    In a container a user may have none.
    """
    try:
        found = find("clnp")
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # earlier versions leave ~ as it is


def check_device(device: str, scheduler: str | None) -> None:
    """Check that this machine has a device, unless workers of a cluster compute: only they know theirs.

    Raises
    ------
    DeviceError
        If it is "cuda", and torch finds none here.
    """
    if device == "cuda" and not scheduler and not torch.cuda.is_available():
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


def environment(device: str = "cpu") -> dict[str, str | int]:
    """Return what results depend on besides settings, as plain data: processor, cores, system and versions.

    Of training on "cuda" also the accelerator's name; where only workers of a cluster have one, just "cuda".
    """
    accelerator = {}
    if device == "cuda":
        accelerator["accelerator"] = torch.cuda.get_device_name() if torch.cuda.is_available() else device
    return {
        "processor": processor(),
        "cores": cores(),
        **accelerator,
        "system": platform.system(),
        "python": platform.python_version(),
        "clnp": __version__,
        **{name: version(name) for name in ("torch", "numpy")},
    }
