"""What a store's rows are to the rest: a run, a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from clnp_core.runs.fold.results import Summary
from clnp_core.runs.spec import RunSpec


@dataclass(frozen=True)
class Run:
    """One row of the list of runs.

    Attributes
    ----------
    id : str
    spec : RunSpec
    state : {"queued", "running", "paused", "cancelled", "finished", "failed", "interrupted"}
        Interrupted: it was running, and the engine that ran it is gone.
    wanted : {"run", "pause", "cancel"}
        What was last asked of it.
    created, started, finished : float or None
        Seconds since 1970.
    seconds : float
        How long it has been worked on.
    fraction : float
        Share of the work that is done, 0 to 1.
    seconds_left : float or None
        Estimate from the speed so far.
    error, detail : str or None
        A sentence when it failed; and, for whoever mends the program, the last lines of the traceback if there was one.
    summary : Summary or None
        Once finished; as JSON, what `clnp run --json` writes.
    tags : tuple of str
    note : str
        What people wrote to it.
    """

    id: str
    spec: RunSpec
    state: str
    wanted: str
    created: float
    started: float | None
    finished: float | None
    seconds: float
    fraction: float
    seconds_left: float | None
    error: str | None
    detail: str | None
    summary: Summary | None
    tags: tuple[str, ...]
    note: str

    @property
    def is_active(self) -> bool:
        """Whether it is at work, or waiting for its turn."""
        return self.state in ("queued", "running")


@dataclass(frozen=True)
class Sweep:
    """A grid over whole sequences, as it was asked for.

    Attributes
    ----------
    id : str
    over : dict
        The axes: dotted path of a setting → its values. The sequences are their product, the last axis fastest.
    created : float
        Seconds since 1970.
    """

    id: str
    over: dict[str, list[Any]]
    created: float


def as_run(row: sql.Row, served: bool) -> Run:
    values = row._asdict()
    values["tags"] = tuple(row.tags or ())
    values["note"] = row.note or ""
    if row.state == "running" and not served:
        values["state"] = "interrupted"
    return Run(**values)
