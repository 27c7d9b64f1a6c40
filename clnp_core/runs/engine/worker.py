"""The interface between engine and workers: the function that a Dask worker runs, and its reports meanwhile.

The engine imports this module without torch; a worker imports torch when it is prepared.
"""

from __future__ import annotations

import ctypes
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distributed import Event, get_worker

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.artifacts import Artifacts

EPOCHS_TOPIC = "clnp-epochs"
"""Dask topic on which workers report epochs, as lists of (key of the stage, epoch)."""

TOKEN_FILE = "engine.token"  # noqa: S105 - a file name
"""File in the artifact folder with the engine's token. A worker that reads this token shares the folder."""

_LOOK_SECONDS = 0.5
_TELL_SECONDS = 0.2


class NotShared(Exception):
    """The worker cannot read the engine's artifact folder, so artifacts must go through the scheduler."""


def stop_flag(key: str) -> str:
    """Return the name of the Dask event that asks a stage to stop."""
    return f"clnp-stop-{key}"


def perform_on_worker(
    alike: list[Stage], flag: str, folder: str, token: str, carried: dict[str, bytes] | None
) -> dict[str, bytes]:
    """Compute stages of the same program on this worker.

    Parameters
    ----------
    alike : list of Stage
    flag : str
        Name of the event that asks the stages to stop.
    folder, token : str
        The engine's artifact folder, and the content of its token file if this worker shares the folder.
    carried : dict or None
        The artifacts needed, if the folder is not shared; None to read and write them in `folder`.

    Returns
    -------
    dict of the artifacts made, by key, if the folder is not shared; else empty.

    Raises
    ------
    NotShared
    Stopped
    ClnpError
    """
    from clnp_core.runs.engine import work

    report, pulse = _reporter(), _pulse(flag)
    with artifacts_here(folder, token, carried) as artifacts:
        try:
            made = work.perform(alike, work.Context(artifacts, pulse, report))
        finally:
            _give_memory_back()
        if carried is not None:
            return made
        for key, content in made.items():
            artifacts.write(key, content)
        for stage in alike:
            artifacts.checkpoint(stage.key).unlink(missing_ok=True)
        return {}


@contextmanager
def artifacts_here(folder: str, token: str, carried: dict[str, bytes] | None) -> Iterator[Artifacts]:
    """Provide artifacts on this worker: in the engine's folder, or those carried, in a temporary folder.

    Parameters
    ----------
    folder, token, carried
        As for `perform_on_worker`.

    Raises
    ------
    NotShared
    """
    if carried is None:
        try:
            shared = (Path(folder) / TOKEN_FILE).read_text("utf-8") == token
        except OSError:
            shared = False
        if not shared:
            raise NotShared(folder)
        yield Artifacts(Path(folder))
        return
    with tempfile.TemporaryDirectory(prefix="clnp-") as scratch:
        artifacts = Artifacts(Path(scratch))
        for key, content in carried.items():
            artifacts.write(key, content)
        yield artifacts


def _give_memory_back() -> None:
    """Return unused memory to the system and to the accelerator between stages, for the other workers.

    Of the C libraries only glibc needs this. torch keeps an accelerator's until the process ends.
    """
    import torch

    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _reporter() -> Callable[[str, Epoch], None]:
    """Make a function that reports epochs, several at a time if they are short. The result includes the last ones."""
    worker = get_worker()
    waiting: list[tuple[str, dict[str, Any]]] = []
    told = time.monotonic()

    def report(key: str, epoch: Epoch) -> None:
        nonlocal told
        waiting.append((key, asdict(epoch)))
        if time.monotonic() - told >= _TELL_SECONDS:
            worker.log_event(EPOCHS_TOPIC, waiting.copy())
            waiting.clear()
            told = time.monotonic()

    return report


def _pulse(flag: str) -> Callable[[], None]:
    """Make a function that checks the stop flag now and then: a check takes milliseconds, often more than a step."""
    from clnp_core.runs.engine.work import Stopped

    event = Event(flag)
    looked = time.monotonic()

    def pulse() -> None:
        nonlocal looked
        if time.monotonic() - looked >= _LOOK_SECONDS:
            if event.is_set():
                raise Stopped
            looked = time.monotonic()

    return pulse
