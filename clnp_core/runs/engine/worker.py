"""The door between engine and workers: what is sent to a Dask worker, and what it tells while it works.

The engine imports this module without torch; a worker imports torch when it is made ready.
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
"""Dask topic on which workers tell of epochs: a list of (key of the stage, epoch)."""

TOKEN_FILE = "engine.token"  # noqa: S105 - a file name
"""A worker that reads the engine's token in the artifact folder has the same folder before it."""

_LOOK_SECONDS = 0.5
_TELL_SECONDS = 0.2


class NotShared(Exception):
    """The worker does not see the engine's artifact folder: artifacts have to travel through the scheduler."""


def stop_flag(key: str) -> str:
    """Name of the Dask event that asks a stage to stop."""
    return f"clnp-stop-{key}"


def perform_on_worker(
    alike: list[Stage], flag: str, folder: str, token: str, carried: dict[str, bytes] | None
) -> dict[str, bytes]:
    """Carry out stages of the same program on the worker this runs on.

    Parameters
    ----------
    alike : list of Stage
    flag : str
        Name of the event that asks to stop.
    folder, token : str
        The engine's artifact folder, and what its token file must hold if this is the same folder.
    carried : dict or None
        The artifacts needed, where there is no shared folder; None to read and write them in `folder`.

    Returns
    -------
    dict of the artifacts made, by key, where there is no shared folder; else empty.

    Raises
    ------
    NotShared
    Stopped
    ClnpError
    """
    from clnp_core.runs.engine import work

    report, pulse = _reporter(), _pulse(flag)
    with artifacts_here(folder, token, carried) as artifacts:
        made = work.perform(alike, work.Context(artifacts, pulse, report))
        if carried is not None:
            return made
        for key, content in made.items():
            artifacts.write(key, content)
        for stage in alike:
            artifacts.checkpoint(stage.key).unlink(missing_ok=True)
        _give_memory_back()
        return {}


@contextmanager
def artifacts_here(folder: str, token: str, carried: dict[str, bytes] | None) -> Iterator[Artifacts]:
    """The artifacts as this worker sees them: in the engine's folder, or those carried, in one that does not stay.

    Parameters
    ----------
    folder, token, carried
        As `perform_on_worker`.

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
    """Between stages, memory that is not in use belongs to the other workers. Only glibc has to be asked."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _reporter() -> Callable[[str, Epoch], None]:
    """Tell of epochs, several at a time where they are short. The last ones come with the result anyway."""
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
    """Look at the flag now and then: asking the scheduler costs milliseconds, a training step may cost less."""
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
