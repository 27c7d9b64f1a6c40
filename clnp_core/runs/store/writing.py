"""Statements that several methods of a store use to write its tables."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.fold.results import Changed, Result, Trained
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.tables import EPOCHS, EVENTS, RUN_STAGES, STAGES


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
