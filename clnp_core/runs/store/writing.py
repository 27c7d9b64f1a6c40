"""Statements that several methods of a store use to write its tables."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.fold.results import Changed, Result, Trained
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec, of_archive
from clnp_core.runs.store.tables import EPOCHS, EVENTS, RUN_STAGES, RUNS, STAGES


def link(connection: sql.Connection, run: str, stage: Stage, candidate: int) -> None:
    described = {"key": stage.key, "kind": stage.kind, "inputs": stage.inputs, "computed": 0}
    part = {"run": run, "stage": stage.key, "task": stage.inputs.get("task"), "candidate": candidate}
    connection.execute(insert(STAGES).values(**described).on_conflict_do_nothing())
    connection.execute(insert(RUN_STAGES).values(**part).on_conflict_do_nothing())


def finish_stage(connection: sql.Connection, stage: Stage, result: Result, computed: bool = False) -> None:
    if isinstance(result, Trained):
        put_epochs(connection, [(stage.key, epoch) for epoch in result.epochs])
    values: dict[str, Any] = {
        "seconds": result.seconds,
        "network": result.network if isinstance(result, Changed) else None,
    }
    if computed:
        values["computed"] = STAGES.c.computed + 1
    connection.execute(STAGES.update().where(STAGES.c.key == stage.key).values(**values))


def put_epochs(connection: sql.Connection, epochs: Sequence[tuple[str, Epoch]]) -> None:
    rows = [
        {"stage": key, **vars(epoch), "loss": epoch.loss if math.isfinite(epoch.loss) else None}
        for key, epoch in epochs
    ]
    if rows:
        connection.execute(insert(EPOCHS).prefix_with("OR REPLACE"), rows)


def note_event(connection: sql.Connection, run: str, text: str) -> None:
    connection.execute(EVENTS.insert().values(run=run, time=time.time(), text=text))


def adopt(connection: sql.Connection) -> None:
    """Record of which run each fork is one, where that is not known and the run, or else the one before, is here.

    Neither an earlier version of the store nor an archive says it. Runs are known by their specifications, as they were
    before they were archived; of several the newest that is older than the fork counts.
    """
    known = sql.select(RUNS.c.id, RUNS.c.spec, RUNS.c.created, RUNS.c.parent).order_by(RUNS.c.created.desc())
    rows = connection.execute(known).all()
    orphans = [row for row in rows if row.spec.fork_of and row.parent is None]
    alike: dict[str, list[Any]] = {}
    for row in rows if orphans else ():
        alike.setdefault(_key(row.spec), []).append(row)
    for orphan in orphans:
        nearest = next(filter(None, (alike.get(_key(before)) for before in orphan.spec.earlier)), None)
        if nearest:
            parent = min(nearest, key=lambda row: row.created > orphan.created).id
            connection.execute(RUNS.update().where(RUNS.c.id == orphan.id).values(parent=parent))


def _key(spec: RunSpec) -> str:
    return json.dumps(of_archive(spec.to_json(), None), sort_keys=True)
