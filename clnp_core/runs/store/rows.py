"""Runs and sweeps, as read from a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean
from typing import Any, cast

import sqlalchemy as sql

from clnp_core.runs.fold.results import Summary
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store.tables import as_data


@dataclass(frozen=True)
class Run:
    """A run in a store.

    Attributes
    ----------
    id : str
    spec : RunSpec
    state : {"queued", "running", "paused", "cancelled", "finished", "failed", "interrupted"}
        "interrupted": it was running, and its engine has ended.
    wanted : {"run", "pause", "cancel"}
        The last request.
    created, started, finished : float or None
        Seconds since 1970.
    seconds : float
        Duration of the work on it so far.
    fraction : float
        Share of the work that is done, 0 to 1.
    seconds_left : float or None
        Estimate: until a few epochs are measured, that of before the start; then from them.
    error, detail : str or None
        If it failed, a sentence for the user, and the last lines of the traceback, if any, for developers.
    told : str or None
        Its summary, as it is stored.
    data : str or None
        SHA-256 of the data that it learns, as `clnp_core.tasks.content.content_digest` computes it; None before its
        first stage. With other data it does not go on.
    tags : tuple of str
    note : str
        The user's tags and note.
    name : str
        What the user calls it; empty where it has only its id.
    parent : str or None
        Id of the run that it was forked from, where that is known; it may have been removed since.
    owner : str or None
        The student of a class whose run it is; None for the local user, who is the lecturer.
    shared : bool
        Whether all of a class see it; see `clnp_core.runs.classroom.student`.
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
    told: str | None = field(repr=False)
    data: str | None
    tags: tuple[str, ...]
    note: str
    name: str
    parent: str | None
    owner: str | None
    shared: bool

    @property
    def summary(self) -> Summary | None:
        """Its results once it is finished; as JSON, what `clnp run --json` writes."""
        return None if self.told is None else cast(Summary, as_data(Summary, self.told))

    @property
    def title(self) -> str:
        """What it is called: its name, or else its id."""
        return self.name or self.id

    @property
    def called(self) -> str:
        """Its id, after its name if it has one."""
        return f"{self.name} ({self.id})" if self.name else self.id

    @property
    def is_active(self) -> bool:
        """Whether it is queued or running."""
        return self.state in ("queued", "running")

    def to_json(self) -> dict[str, Any]:
        """Convert to plain data, ready for `json.dumps`: the attributes, and the specification and summary as JSON."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "told"}
        summary = self.summary.to_json() if self.summary else None
        return values | {"tags": list(self.tags), "spec": self.spec.to_json(), "summary": summary}

    @property
    def goes_on(self) -> bool:
        """Whether it is active or interrupted: the next engine, too, goes on with it."""
        return self.is_active or self.state == "interrupted"


@dataclass(frozen=True)
class Reached:
    """What a run has reached so far.

    Attributes
    ----------
    accuracy : float
        Mean test accuracy over the tasks it has learned, a fraction.
    used : float or None
        Share of the neurons that tasks have claimed, mean over the hidden layers, where the method partitions.
    """

    accuracy: float
    used: float | None


@dataclass(frozen=True)
class Sweep:
    """A requested grid over whole sequences.

    Attributes
    ----------
    id : str
    over : dict
        The axes: dotted path of a setting → its values. The sequences are their product, the last axis fastest.
    created : float
        Seconds since 1970.
    owner : str or None
        As of a run.
    """

    id: str
    over: dict[str, list[Any]]
    created: float
    owner: str | None


def as_run(row: sql.Row[Any], served: bool) -> Run:
    values = row._asdict()
    values["tags"] = tuple(row.tags or ())
    values["note"], values["name"] = row.note or "", row.name or ""
    if row.state == "running" and not served:
        values["state"] = "interrupted"
    return Run(**values)


def reached(accuracy: Sequence[float], free: Sequence[int], widths: Sequence[int]) -> Reached:
    # What does not partition its neurons tells of none that are free.
    used = [1 - left / width for left, width in zip(free, widths, strict=False)]
    return Reached(fmean(accuracy), fmean(used) if used else None)
