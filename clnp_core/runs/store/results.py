"""What the engine alone writes into a store, and what comes from elsewhere ready-made."""

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
from clnp_core.runs.store.tables import LEARNED, PRUNED, RUN_NOTES, RUNS


class Results(Reading):
    """A store to write results into."""

    def requeue_interrupted(self) -> None:
        """Queue what an engine that is gone left running. For the engine that takes over."""
        with self.transaction() as connection:
            for wanted, state in (("run", "queued"), ("pause", "paused"), ("cancel", "cancelled")):
                left = (RUNS.c.state == "running", RUNS.c.wanted == wanted)
                connection.execute(RUNS.update().where(*left).values(state=state))

    def start(self, run: str) -> None:
        """Note that work on the run begins, or goes on."""
        with self.transaction() as connection:
            row = RUNS.c.id == run
            values = {"state": "running", "started": sql.func.coalesce(RUNS.c.started, time.time())}
            connection.execute(RUNS.update().where(row).values(**values))
            writing.note_event(connection, run, "work begins")

    def leave(self, run: str, state: str) -> None:
        """Note that work on the run stopped before its end."""
        self._update(run, f"work stops: {state}", state=state, seconds_left=None)

    def finish(self, run: str, summary: Summary) -> None:
        """Note that the run is done."""
        ended = {"finished": time.time(), "fraction": 1.0, "seconds_left": 0.0}
        self._update(run, "finished", state="finished", summary=summary, **ended)

    def fail(self, run: str, error: str, detail: str | None = None) -> None:
        """Note that the run ended with an error, in a sentence, with the last lines of a traceback if there is one."""
        ended = {"finished": time.time(), "seconds_left": None}
        self._update(run, f"failed: {error}", state="failed", error=error, detail=detail, **ended)

    def _update(self, run: str, event: str, **values: Any) -> None:
        with self.transaction() as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run).values(**values))
            writing.note_event(connection, run, event)

    def link(self, run: str, stage: Stage, candidate: int) -> None:
        """Note that the run consists of that stage, among others."""
        with self.transaction() as connection:
            writing.link(connection, run, stage, candidate)

    def finish_stage(self, stage: Stage, result: Result, computed: bool) -> None:
        """Take a stage's result in: its epochs and its network; `computed` if it has just been computed."""
        with self.transaction() as connection:
            writing.finish_stage(connection, stage, result, computed)

    def put_epochs(self, epochs: Iterable[tuple[str, Epoch]]) -> None:
        """Record epochs of stages; one that is there already, from before a crash, is replaced."""
        epochs = list(epochs)
        if epochs:
            with self.transaction() as connection:
                writing.put_epochs(connection, epochs)

    def put_progress(self, run: str, seconds: float, fraction: float, seconds_left: float | None) -> None:
        """Record how long a run has been worked on, and how far it is."""
        with self.transaction() as connection:
            values = {"seconds": seconds, "fraction": fraction, "seconds_left": seconds_left}
            connection.execute(RUNS.update().where(RUNS.c.id == run).values(**values))

    def put_learned(self, run: str, record: Record) -> None:
        """Record what learning a task came to."""
        with self.transaction() as connection:
            values = {"run": run, "task": record.task, "record": record}
            connection.execute(insert(LEARNED).prefix_with("OR REPLACE").values(**values))

    def put_pruned(self, stage: str, split: str, accuracies: Mapping[tuple[float, ...], float]) -> None:
        """Record how a candidate does when it is pruned: accuracy by θ of each hidden layer."""
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
        records: Sequence[Record],
        summary: Summary,
        parts: Iterable[tuple[Stage, int, Result]],
        tags: Sequence[str],
        note: str,
        event: str,
    ) -> None:
        """Take in a finished run that came from elsewhere, all of it or nothing. Its artifacts are here already.

        Parameters
        ----------
        run : str
            Its id, which no run here has.
        spec : RunSpec
        records : sequence of Record
            One per learned task, in order.
        summary : Summary
        parts : iterable of (Stage, int, Result)
            Its stages, each with the candidate's number and its result.
        tags, note
            As `describe`.
        event : str
            How it came here.
        """
        now = time.time()
        times = {"created": now, "finished": now, "seconds": summary.seconds, "seconds_left": 0.0}
        ended = {"state": "finished", "wanted": "run", "fraction": 1.0, "summary": summary}
        with self.transaction() as connection:
            connection.execute(RUNS.insert().values(id=run, spec=spec, **times, **ended))
            for stage, candidate, result in parts:
                writing.link(connection, run, stage, candidate)
                writing.finish_stage(connection, stage, result)
            rows = [{"run": run, "task": record.task, "record": record} for record in records]
            connection.execute(LEARNED.insert(), rows)
            connection.execute(RUN_NOTES.insert().values(run=run, tags=list(tags), note=note))
            writing.note_event(connection, run, event)

    def prune(self) -> int:
        """Delete what `unneeded` lists. Returns the bytes freed.

        Raises
        ------
        StoreError
            If an engine serves the store: it may be about to need them.
        """
        with self.hold_engine():
            self.artifacts.sweep()
            return sum(map(self.artifacts.remove, self.unneeded()))
