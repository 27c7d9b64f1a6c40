"""Writes results into a store: those of the engine, and those of imported runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.fold.results import Record, Result, Summary
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import writing
from clnp_core.runs.store.reading import Reading
from clnp_core.runs.store.tables import LEARNED, PRUNED, RUN_NOTES, RUN_STAGES, RUNS, STAGES

MENDED = "computed anew: "
"""How the event begins that says that a result was damaged or missing."""


STARTED = "workers are ready"
"""The event that ends `clnp_core.runs.store.reading.STARTING`."""


class Results(Reading):
    """The part of a store that takes results."""

    def requeue_interrupted(self) -> None:
        """Put runs that a dead engine left running back into the queue. The next engine calls this."""
        with self.transaction() as connection:
            for wanted, state in (("run", "queued"), ("pause", "paused"), ("cancel", "cancelled")):
                left = (RUNS.c.state == "running", RUNS.c.wanted == wanted)
                connection.execute(RUNS.update().where(*left).values(state=state))

    def start(self, run: str) -> None:
        """Record that work on the run starts or continues."""
        with self.transaction() as connection:
            row = RUNS.c.id == run
            values = {"state": "running", "started": sql.func.coalesce(RUNS.c.started, time.time())}
            connection.execute(RUNS.update().where(row).values(**values))
            writing.note_event(connection, run, "work begins")

    def leave(self, run: str, state: str) -> None:
        """Record that work on the run stopped before its end."""
        self._update(run, f"work stops: {state}", state=state, seconds_left=None)

    def finish(self, run: str, summary: Summary) -> None:
        """Record that the run is finished."""
        ended = {"finished": time.time(), "fraction": 1.0, "seconds_left": 0.0}
        self._update(run, "finished", state="finished", summary=summary, **ended)

    def fail(self, run: str, error: str, detail: str | None = None) -> None:
        """Record that the run failed with an error (one sentence) and the last lines of its traceback, if any."""
        ended = {"finished": time.time(), "seconds_left": None}
        self._update(run, f"failed: {error}", state="failed", error=error, detail=detail, **ended)

    def _update(self, run: str, event: str, **values: Any) -> None:
        with self.transaction() as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run).values(**values))
            writing.note_event(connection, run, event)

    def note(self, run: str, text: str) -> None:
        """Record an event of the run."""
        with self.transaction() as connection:
            writing.note_event(connection, run, text)

    def link(self, run: str, stage: Stage, candidate: int) -> bool:
        """Record that the stage is part of the run. Returns whether it was computed before for a run in the store."""
        linked = RUN_STAGES.join(STAGES, STAGES.c.key == RUN_STAGES.c.stage)
        known = (
            sql.select(STAGES.c.key).select_from(linked).where(STAGES.c.key == stage.key, STAGES.c.seconds.is_not(None))
        )
        with self.transaction() as connection:
            computed = connection.execute(known.limit(1)).first() is not None
            writing.link(connection, run, stage, candidate)
        return computed

    def finish_stage(self, stage: Stage, result: Result, computed: bool) -> None:
        """Record a stage's result: its epochs and its network. `computed` tells that it has just been computed."""
        with self.transaction() as connection:
            writing.finish_stage(connection, stage, result, computed)

    def put_epochs(self, epochs: Iterable[tuple[str, Epoch]]) -> None:
        """Record epochs of stages. Epochs recorded before, such as before a crash, are replaced."""
        epochs = list(epochs)
        if epochs:
            with self.transaction() as connection:
                writing.put_epochs(connection, epochs)

    def put_progress(self, run: str, seconds: float, fraction: float, seconds_left: float | None) -> None:
        """Record a run's seconds of work, its fraction done, and its estimated seconds left."""
        with self.transaction() as connection:
            values = {"seconds": seconds, "fraction": fraction, "seconds_left": seconds_left}
            connection.execute(RUNS.update().where(RUNS.c.id == run).values(**values))

    def put_learned(self, run: str, record: Record) -> None:
        """Record the results of a learned task."""
        with self.transaction() as connection:
            values = {"run": run, "task": record.task, "record": record}
            connection.execute(insert(LEARNED).prefix_with("OR REPLACE").values(**values))

    def put_pruned(self, stage: str, split: str, accuracies: Mapping[tuple[float, ...], float]) -> None:
        """Record accuracies of a pruned candidate by θ of each hidden layer."""
        rows = [
            {"stage": stage, "split": split, "theta": json.dumps(theta), "accuracy": accuracy}
            for theta, accuracy in accuracies.items()
        ]
        if rows:
            with self.transaction() as connection:
                connection.execute(insert(PRUNED).on_conflict_do_nothing(), rows)

    def add_imported(
        self,
        run: str,
        spec: RunSpec,
        data: str,
        records: Sequence[Record],
        summary: Summary,
        parts: Iterable[tuple[Stage, int, Result]],
        tags: Sequence[str],
        note: str,
        event: str,
        name: str = "",
    ) -> None:
        """Add a finished run from another store, all of it or nothing. Its artifacts must be here already.

        Parameters
        ----------
        run : str
            Id of the run, which no run here may have.
        spec : RunSpec
        data : str
            Digest of the data it was learned on.
        records : sequence of Record
            One per learned task, in order.
        summary : Summary
        parts : iterable of (Stage, int, Result)
            Stages of the run, each with the candidate's number and its result.
        tags, note
            As for `describe`.
        event : str
            Text of the event that records the import.
        name : str
            What it was called.
        """
        now = time.time()
        times = {"created": now, "finished": now, "seconds": summary.seconds, "seconds_left": 0.0}
        ended = {"state": "finished", "wanted": "run", "fraction": 1.0, "summary": summary, "data": data}
        with self.transaction() as connection:
            connection.execute(RUNS.insert().values(id=run, spec=spec, name=name or None, **times, **ended))
            for stage, candidate, result in parts:
                writing.link(connection, run, stage, candidate)
                writing.finish_stage(connection, stage, result)
            rows = [{"run": run, "task": record.task, "record": record} for record in records]
            connection.execute(LEARNED.insert(), rows)
            connection.execute(RUN_NOTES.insert().values(run=run, tags=list(tags), note=note))
            writing.note_event(connection, run, event)
            writing.adopt(connection)

    def prune(self) -> int:
        """Delete the artifacts that `unneeded` lists, and return the bytes freed.

        Raises
        ------
        StoreError
            If an engine serves the store, because it may be about to need them.
        """
        with self.hold_engine():
            self.artifacts.sweep()
            return sum(map(self.artifacts.remove, self.unneeded()))
