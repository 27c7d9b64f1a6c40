"""The store: what was asked for and what came of it, in one SQLite file with artifact files beside it.

The engine alone writes results. Everyone else reads, and writes requests: a new run, pause, resume, cancel, remove.
Imports no torch: the dashboard and the listing commands read it.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from clnp_core.errors import StoreError
from clnp_core.networks.architectures import Architecture, architecture_data
from clnp_core.runs.artifacts import Artifacts
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.stages import Stage

SCHEMA_VERSION = 5

_EXTENDED = 3  # this format lacks tables, but what it has is as it was

ALONE = -1
"""Stands for a candidate's number where a task is trained alone, for comparison."""

TUNED = -2
"""The same, where what is left of the winner is fine-tuned."""

_BUSY_SECONDS = 10
_MOST_TAG_LETTERS = 40
_MOST_NOTE_LETTERS = 4000
_MOST_TRAININGS = 200


@lru_cache(maxsize=1024)
def _parsed(text: str) -> RunSpec:
    """Each once: pages that follow runs read all of them again and again."""
    return parse(json.loads(text))


class _Specification(sql.types.TypeDecorator):
    impl = sql.String
    cache_ok = True

    def process_bind_param(self, value: RunSpec, dialect: Any) -> str:
        return json.dumps(value.to_json())

    def process_result_value(self, value: str, dialect: Any) -> RunSpec:
        return _parsed(value)


_tables = sql.MetaData()
_runs = sql.Table(
    "runs",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("spec", _Specification, nullable=False),
    sql.Column("state", sql.String, nullable=False, index=True),
    sql.Column("wanted", sql.String, nullable=False),
    sql.Column("created", sql.Float, nullable=False),
    sql.Column("started", sql.Float),
    sql.Column("finished", sql.Float),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("fraction", sql.Float, nullable=False),
    sql.Column("seconds_left", sql.Float),
    sql.Column("error", sql.String),
    sql.Column("detail", sql.String),
    sql.Column("summary", sql.JSON(none_as_null=True)),
)
_stages = sql.Table(
    "stages",
    _tables,
    sql.Column("key", sql.String, primary_key=True),
    sql.Column("kind", sql.String, nullable=False),
    sql.Column("inputs", sql.JSON, nullable=False),
    sql.Column("computed", sql.Integer, nullable=False),  # how often: 1 however many runs share it
    sql.Column("seconds", sql.Float),
    sql.Column("network", sql.String),  # the artifact of the network it committed
)
# What is equal of candidates that differ by nothing but λ and learning rate. An index on it finds a candidate's rivals
# among thousands of stages, if a query repeats it to the letter.
_FAMILY = sql.literal_column("json_remove(inputs, '$.hyperparameters.l1', '$.hyperparameters.learning_rate')")
_IS_FIT = sql.literal_column("kind = 'fit'")
_FAMILIES = f"CREATE INDEX IF NOT EXISTS ix_stages_family ON stages ({_FAMILY}) WHERE {_IS_FIT}"
_run_stages = sql.Table(
    "run_stages",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sql.Column("stage", sql.ForeignKey("stages.key"), nullable=False),
    sql.Column("task", sql.Integer),
    sql.Column("candidate", sql.Integer, nullable=False),
    sql.UniqueConstraint("run", "stage"),
)
_epochs = sql.Table(
    "epochs",
    _tables,
    sql.Column("stage", sql.ForeignKey("stages.key"), primary_key=True),
    sql.Column("epoch", sql.Integer, primary_key=True),
    sql.Column("loss", sql.Float),  # none where it left the numbers
    sql.Column("validation_accuracy", sql.Float, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
)
_learned = sql.Table(
    "learned",
    _tables,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("task", sql.Integer, primary_key=True),
    sql.Column("record", sql.JSON, nullable=False),
)
_events = sql.Table(
    "events",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    sql.Column("time", sql.Float, nullable=False),
    sql.Column("text", sql.String, nullable=False),
)

_pruned = sql.Table(
    "pruned",
    _tables,
    sql.Column("stage", sql.ForeignKey("stages.key"), primary_key=True),
    sql.Column("split", sql.String, primary_key=True),
    sql.Column("theta", sql.String, primary_key=True),  # of each hidden layer, as JSON
    sql.Column("accuracy", sql.Float, nullable=False),
)
_sweeps = sql.Table(
    "sweeps",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("over", sql.JSON, nullable=False),
    sql.Column("created", sql.Float, nullable=False),
)
_sweep_runs = sql.Table(
    "sweep_runs",
    _tables,
    sql.Column("sweep", sql.ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("place", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
)
_run_notes = sql.Table(
    "run_notes",
    _tables,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("tags", sql.JSON, nullable=False),
    sql.Column("note", sql.String, nullable=False),
)
_baseline = sql.Table(
    "baseline",
    _tables,
    sql.Column("place", sql.Integer, primary_key=True),  # always 1: there is one at most
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
)
_described_runs = sql.select(_runs, _run_notes.c.tags, _run_notes.c.note).outerjoin(_run_notes)


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
    summary : dict or None
        What `clnp run --json` writes, once finished.
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
    summary: dict[str, Any] | None
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


def default_location() -> Path:
    """`CLNP_STORE`, else this user's data directory."""
    named = os.environ.get("CLNP_STORE")
    return Path(named) if named else platformdirs.user_data_path("clnp") / "store"


class Store:
    """Runs and their results in a directory.

    Parameters
    ----------
    location : Path, optional
        A directory, made if it is not there; `default_location()` if not given.

    Attributes
    ----------
    location : Path
    artifacts : Artifacts
        Results of stages.

    Raises
    ------
    StoreError
        If the directory or the database cannot be opened, is damaged, or was written by a newer version.
    """

    def __init__(self, location: Path | None = None) -> None:
        self.location = Path(location) if location else default_location()
        self.artifacts = Artifacts(self.location / "artifacts")
        try:
            self.location.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The store {self.location} cannot be made: {error.strerror}.") from error
        self._file = self.location / "clnp.sqlite"
        self._database = sql.create_engine(f"sqlite:///{self._file}", connect_args={"timeout": _BUSY_SECONDS})
        sql.event.listen(self._database, "connect", _set_up_connection)
        with self._transaction() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"The store {self.location} was written by a newer version (its format is {version}, "
                    f"this one knows {SCHEMA_VERSION}); update, or name another folder."
                )
            if 0 < version < _EXTENDED:
                raise StoreError(
                    f"The store {self.location} was written by an early version (its format is {version}, this one "
                    f"knows {SCHEMA_VERSION}); name another folder."
                )
            if version < SCHEMA_VERSION:
                _tables.create_all(connection)
                connection.exec_driver_sql(_FAMILIES)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sql.Connection]:
        try:
            with self._database.begin() as connection:
                yield connection
        except sql.exc.DatabaseError as error:
            raise StoreError(f"The store {self._file} cannot be used: {error.orig}.") from error

    # Requests: what anyone may write.

    def add(self, spec: RunSpec) -> str:
        """Ask for a run. Returns its id."""
        run = f"{spec.preset}-{secrets.token_hex(3)}"
        asked = {"id": run, "spec": spec, "state": "queued", "wanted": "run", "created": time.time()}
        with self._transaction() as connection:
            connection.execute(_runs.insert().values(seconds=0.0, fraction=0.0, **asked))
        return run

    def add_imported(
        self,
        run: str,
        spec: RunSpec,
        records: Sequence[dict[str, Any]],
        summary: dict[str, Any],
        parts: Iterable[tuple[Stage, int, dict[str, Any]]],
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
        records : sequence of dict
            One per learned task, in order.
        summary : dict
        parts : iterable of (Stage, int, dict)
            Its stages, each with the candidate's number and its result.
        tags, note
            As `describe`.
        event : str
            How it came here.
        """
        now = time.time()
        times = {"created": now, "finished": now, "seconds": summary["seconds"], "seconds_left": 0.0}
        ended = {"state": "finished", "wanted": "run", "fraction": 1.0, "summary": summary}
        with self._transaction() as connection:
            connection.execute(_runs.insert().values(id=run, spec=spec, **times, **ended))
            for stage, candidate, data in parts:
                _link(connection, run, stage, candidate)
                _put_epochs(connection, [(stage.key, epoch) for epoch in data.get("epochs", ())])
                _finish_stage(connection, stage, data)
            rows = [{"run": run, "task": record["task"], "record": record} for record in records]
            connection.execute(_learned.insert(), rows)
            connection.execute(_run_notes.insert().values(run=run, tags=list(tags), note=note))
            _note(connection, run, event)

    def pause(self, run: str) -> None:
        """Ask a run to stop where it is; `resume` lets it go on.

        Raises
        ------
        StoreError
            If there is no such run, or it is over.
        """
        self._ask(run, "pause", "paused", ("queued", "running", "interrupted"))

    def cancel(self, run: str) -> None:
        """Ask a run to stop for good. What is finished is kept.

        Raises
        ------
        StoreError
            If there is no such run, or it is over.
        """
        self._ask(run, "cancel", "cancelled", ("queued", "running", "interrupted", "paused"))

    def resume(self, run: str) -> None:
        """Put a paused, interrupted, cancelled or failed run into the queue again; its finished stages are kept.

        Raises
        ------
        StoreError
            If there is no such run, or it is finished or at work.
        """
        self._ask(run, "run", "queued", ("paused", "interrupted", "cancelled", "failed"))

    def _ask(self, run: str, wanted: str, state: str, possible: tuple[str, ...]) -> None:
        now = self.run(run).state
        if now not in possible:
            verb = "resumed" if wanted == "run" else {"pause": "paused", "cancel": "cancelled"}[wanted]
            raise StoreError(f"The run {run} cannot be {verb}: it is {now}.")
        values = {"wanted": wanted}
        if now != "running":
            values |= {"state": state, "finished": None, "error": None, "detail": None}
        with self._transaction() as connection:
            # If an engine took it up in between, its state is the engine's to change.
            known = "running" if now == "interrupted" else now
            changed = connection.execute(
                _runs.update().where(_runs.c.id == run, _runs.c.state == known).values(**values)
            )
            if not changed.rowcount:
                connection.execute(_runs.update().where(_runs.c.id == run).values(wanted=wanted))
            _note(connection, run, f"asked to {wanted}" if wanted != "run" else "asked to go on")

    def remove(self, run: str) -> None:
        """Forget a run. Artifacts that no other run needs are freed by `prune`.

        Raises
        ------
        StoreError
            If there is no such run, or it is at work.
        """
        at_work = sql.and_(_runs.c.state == "running", self.run(run).state != "interrupted")
        with self._transaction() as connection:
            removed = connection.execute(_runs.delete().where(_runs.c.id == run, sql.not_(at_work)))
        if not removed.rowcount:
            raise StoreError(f"The run {run} is running; cancel it before it is removed.")

    def describe(self, run: str, tags: Sequence[str], note: str) -> None:
        """Replace the tags and the note of a run; tags are stripped, and each is kept once.

        Raises
        ------
        StoreError
            If there is no such run, or a tag or the note is too long.
        """
        kept = list(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags))))
        if too_long := [tag for tag in kept if len(tag) > _MOST_TAG_LETTERS]:
            raise StoreError(f"The tag {too_long[0]!r} is too long; give at most {_MOST_TAG_LETTERS} letters.")
        if len(note) > _MOST_NOTE_LETTERS:
            raise StoreError(f"The note has {len(note)} letters; at most {_MOST_NOTE_LETTERS} are kept.")
        self.run(run)
        values = {"run": run, "tags": kept, "note": note.strip()}
        with self._transaction() as connection:
            connection.execute(insert(_run_notes).prefix_with("OR REPLACE").values(**values))

    def pin(self, run: str | None) -> None:
        """Make a run the baseline, that others are compared with; None for no baseline.

        Raises
        ------
        StoreError
            If there is no such run.
        """
        if run is not None:
            self.run(run)
        with self._transaction() as connection:
            connection.execute(_baseline.delete())
            if run is not None:
                connection.execute(_baseline.insert().values(place=1, run=run))

    def add_sweep(self, name: str, over: dict[str, list[Any]], runs: Sequence[str]) -> str:
        """Note that those runs, in the order of the grid's points, make up a sweep. Returns its id."""
        sweep = f"{name}-{secrets.token_hex(3)}"
        places = [{"sweep": sweep, "place": place, "run": run} for place, run in enumerate(runs)]
        with self._transaction() as connection:
            connection.execute(_sweeps.insert().values(id=sweep, over=over, created=time.time()))
            connection.execute(_sweep_runs.insert(), places)
        return sweep

    def remove_sweep(self, sweep: str) -> None:
        """Forget that runs were asked for together. They themselves are kept."""
        with self._transaction() as connection:
            connection.execute(_sweeps.delete().where(_sweeps.c.id == sweep))

    # Reading.

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        with self._transaction() as connection:
            rows = connection.execute(_described_runs.order_by(_runs.c.created.desc())).all()
        served = self.engine() is not None
        return [_run(row, served) for row in rows]

    def run(self, run: str) -> Run:
        """One run.

        Raises
        ------
        StoreError
            If there is none of that id.
        """
        with self._transaction() as connection:
            row = connection.execute(_described_runs.where(_runs.c.id == run)).one_or_none()
        if row is None:
            raise StoreError(f"There is no run {run!r} in {self.location}.")
        return _run(row, self.engine() is not None)

    def baseline(self) -> str | None:
        """The run that others are compared with, if one is pinned."""
        with self._transaction() as connection:
            return connection.execute(sql.select(_baseline.c.run)).scalar_one_or_none()

    def unfinished(self, spec: RunSpec) -> Run | None:
        """The newest run of exactly that specification that is not over, if there is one."""
        over = ("finished", "failed", "cancelled")
        return next((run for run in self.runs() if run.state not in over and run.spec == spec), None)

    def sweeps(self) -> list[Sweep]:
        """All sweeps, the newest first."""
        with self._transaction() as connection:
            rows = connection.execute(_sweeps.select().order_by(_sweeps.c.created.desc())).all()
        return [Sweep(**row._asdict()) for row in rows]

    def sweep(self, sweep: str) -> Sweep:
        """One sweep.

        Raises
        ------
        StoreError
            If there is none of that id.
        """
        with self._transaction() as connection:
            row = connection.execute(_sweeps.select().where(_sweeps.c.id == sweep)).one_or_none()
        if row is None:
            raise StoreError(f"There is no sweep {sweep!r} in {self.location}.")
        return Sweep(**row._asdict())

    def sweep_runs(self, sweep: str) -> dict[int, Run]:
        """The runs of a sweep by their places in its grid, 0 for the first, in order; not those that were removed."""
        query = sql.select(_sweep_runs.c.place, _sweep_runs.c.run).where(_sweep_runs.c.sweep == sweep)
        with self._transaction() as connection:
            places = connection.execute(query.order_by(_sweep_runs.c.place)).all()
            rows = connection.execute(_described_runs.where(_runs.c.id.in_({run for _, run in places}))).all()
        served = self.engine() is not None
        runs = {row.id: _run(row, served) for row in rows}
        return {place: runs[run] for place, run in places}

    def epochs(self, run: str) -> list[dict[str, Any]]:
        """Every epoch of the run so far: task, candidate, epoch, loss, validation_accuracy, seconds.

        Candidate by candidate, in the order they were begun.
        """
        query = (
            sql.select(_run_stages.c.task, _run_stages.c.candidate, _epochs)
            .join(_epochs, _epochs.c.stage == _run_stages.c.stage)
            .where(_run_stages.c.run == run)
            .order_by(_run_stages.c.id, _epochs.c.epoch)
        )
        with self._transaction() as connection:
            rows = connection.execute(query)
            names = list(rows.keys())
            return [dict(zip(names, row, strict=True)) for row in rows]

    def last_epochs(self, run: str) -> list[dict[str, Any]]:
        """How far each training of the run is, in the order they were begun: task, candidate, epoch (its last)."""
        query = (
            sql.select(_run_stages.c.task, _run_stages.c.candidate, sql.func.max(_epochs.c.epoch).label("epoch"))
            .join(_epochs, _epochs.c.stage == _run_stages.c.stage)
            .where(_run_stages.c.run == run)
            .group_by(_run_stages.c.id)
            .order_by(_run_stages.c.id)
        )
        with self._transaction() as connection:
            return [row._asdict() for row in connection.execute(query)]

    def learned(self, run: str) -> list[dict[str, Any]]:
        """The records of the tasks learned so far, in order."""
        query = sql.select(_learned.c.record).where(_learned.c.run == run).order_by(_learned.c.task)
        with self._transaction() as connection:
            return list(connection.execute(query).scalars())

    def learned_tasks(self) -> dict[str, int]:
        """The last task learned so far, of every run that has learned one."""
        query = sql.select(_learned.c.run, sql.func.max(_learned.c.task)).group_by(_learned.c.run)
        with self._transaction() as connection:
            return dict(map(tuple, connection.execute(query)))

    def events(self, run: str) -> list[tuple[float, str]]:
        """What happened to the run, with the time in seconds since 1970."""
        query = sql.select(_events.c.time, _events.c.text).where(_events.c.run == run).order_by(_events.c.id)
        with self._transaction() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def stages(self, run: str) -> list[dict[str, Any]]:
        """The stages of the run: key, kind, task, candidate, how often computed, seconds, network."""
        columns = [_stages.c[name] for name in ("key", "kind", "computed", "seconds", "network")]
        query = (
            sql.select(*columns, _run_stages.c.task, _run_stages.c.candidate)
            .join(_run_stages, _run_stages.c.stage == _stages.c.key)
            .where(_run_stages.c.run == run)
            .order_by(_run_stages.c.id)
        )
        with self._transaction() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def stage(self, key: str) -> Stage | None:
        """The stage of that key, if a run in the store has or had it."""
        query = sql.select(_stages.c.kind, _stages.c.inputs).where(_stages.c.key == key)
        with self._transaction() as connection:
            row = connection.execute(query).one_or_none()
        return row and Stage(*row)

    def candidates(self, run: str, task: int) -> list[dict[str, Any]]:
        """The candidates for a task that the run trained or found, and those that other runs add to them.

        These are all that the store has and that differ from one of the run's by nothing but λ and learning rate.

        Returns
        -------
        list of dict
            key; candidate, the place in the run's grid, None if only other runs trained it; hyperparameters; seconds of
            its training. The run's own come first, in the order of its grid.
        """
        of_run = sql.and_(_run_stages.c.stage == _stages.c.key, _run_stages.c.run == run)
        families = sql.select(_FAMILY).select_from(_stages).join(_run_stages, of_run)
        own = (_IS_FIT, _run_stages.c.task == task)
        # What is trained here for a run that was imported is not of its archive; the other way round it is kept out.
        here = sql.select(sql.func.json_remove(_FAMILY, "$.imported")).select_from(_stages).join(_run_stages, of_run)
        alike = families.where(*own).union(here.where(*own))
        query = (
            sql.select(_stages.c.key, _run_stages.c.candidate, _stages.c.inputs, _stages.c.seconds)
            .select_from(_stages)
            .outerjoin(_run_stages, of_run)
            .where(_IS_FIT, _stages.c.seconds.is_not(None), _FAMILY.in_(alike))
            .order_by(_run_stages.c.candidate.is_(None), _run_stages.c.candidate, _stages.c.key)
        )
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        found = [
            {
                "key": row.key,
                "candidate": row.candidate,
                "hyperparameters": row.inputs["hyperparameters"],
                "seconds": row.seconds,
            }
            for row in rows
            if row.key in self.artifacts
        ]
        # One that was imported and trained here as well counts once.
        first: dict[str, dict[str, Any]] = {}
        for each in found:
            first.setdefault(json.dumps(each["hyperparameters"], sort_keys=True), each)
        return list(first.values())

    def trainings_like(self, architecture: Architecture, batch_size: int, device: str) -> list[dict[str, Any]]:
        """The last trainings of a network with these hidden layers, with batches of that size.

        Returns
        -------
        list of dict
            method (None where a task is trained alone), stream (as a specification has it), task, and seconds of an
            epoch on average; the newest first.
        """
        data = architecture_data(architecture)
        alike = {
            "$.architecture.hidden": json.dumps(data["hidden"], separators=(",", ":")),
            "$.architecture.input_shape": json.dumps(data["input_shape"], separators=(",", ":")),
            "$.hyperparameters.batch_size": batch_size,
            "$.device": device,
        }
        inputs = _stages.c.inputs
        wanted = [sql.func.json_extract(inputs, path) == value for path, value in alike.items()]
        # A training's first epoch warms up and says little, unless there is no other.
        later = sql.func.avg(_epochs.c.seconds).filter(_epochs.c.epoch > 1)
        mean = sql.func.coalesce(later, sql.func.avg(_epochs.c.seconds))
        seconds = sql.select(mean).where(_epochs.c.stage == _stages.c.key).scalar_subquery()
        query = sql.select(inputs, seconds.label("seconds"))
        wanted.append(sql.func.json_extract(inputs, "$.imported").is_(None))  # that tells of another machine
        newest = query.where(_stages.c.kind.in_(("fit", "alone")), *wanted).order_by(sql.text("stages.rowid DESC"))
        with self._transaction() as connection:
            rows = connection.execute(newest.limit(_MOST_TRAININGS)).all()
        return [
            {
                "method": row.inputs.get("method"),
                "stream": row.inputs["stream"],
                "task": row.inputs["task"],
                "seconds": row.seconds,
            }
            for row in rows
            if row.seconds is not None
        ]

    def pruned_accuracies(self, stage: str, split: str) -> dict[tuple[float, ...], float]:
        """What the engine was asked of a candidate so far: accuracy, a fraction, by θ of each hidden layer.

        Parameters
        ----------
        stage : str
            Key of the candidate's stage.
        split : {"validation", "test"}
        """
        query = sql.select(_pruned.c.theta, _pruned.c.accuracy)
        with self._transaction() as connection:
            rows = connection.execute(query.where(_pruned.c.stage == stage, _pruned.c.split == split)).all()
        return {tuple(json.loads(theta)): accuracy for theta, accuracy in rows}

    # The engine.

    @contextmanager
    def hold_engine(self) -> Iterator[None]:
        """Serve the store for as long as this process lives.

        Raises
        ------
        StoreError
            If another engine does.
        """
        descriptor = os.open(self.location / "engine.lock", os.O_RDWR | os.O_CREAT, 0o644)
        with open(descriptor, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(f"The store {self.location} has an engine already: process {self.engine()}.") from None
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            yield

    def engine(self) -> int | None:
        """Process number of the engine that serves the store; None if there is none.

        The system drops the lock of a process that dies, however it dies.
        """
        try:
            with open(self.location / "engine.lock") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    return int(file.read() or 0)
        except FileNotFoundError:
            pass
        return None

    def requeue_interrupted(self) -> None:
        """Queue what an engine that is gone left running. For the engine that takes over."""
        with self._transaction() as connection:
            for wanted, state in (("run", "queued"), ("pause", "paused"), ("cancel", "cancelled")):
                left = (_runs.c.state == "running", _runs.c.wanted == wanted)
                connection.execute(_runs.update().where(*left).values(state=state))

    def active(self) -> list[Run]:
        """Runs that are queued or running, the oldest first."""
        query = _described_runs.where(_runs.c.state.in_(("queued", "running"))).order_by(_runs.c.created)
        with self._transaction() as connection:
            return [_run(row, served=True) for row in connection.execute(query)]

    def start(self, run: str) -> None:
        """Note that work on the run begins, or goes on."""
        with self._transaction() as connection:
            row = _runs.c.id == run
            values = {"state": "running", "started": sql.func.coalesce(_runs.c.started, time.time())}
            connection.execute(_runs.update().where(row).values(**values))
            _note(connection, run, "work begins")

    def leave(self, run: str, state: str) -> None:
        """Note that work on the run stopped before its end."""
        self._update(run, f"work stops: {state}", state=state, seconds_left=None)

    def finish(self, run: str, summary: dict[str, Any]) -> None:
        """Note that the run is done."""
        ended = {"finished": time.time(), "fraction": 1.0, "seconds_left": 0.0}
        self._update(run, "finished", state="finished", summary=summary, **ended)

    def fail(self, run: str, error: str, detail: str | None = None) -> None:
        """Note that the run ended with an error, in a sentence, with the last lines of a traceback if there is one."""
        ended = {"finished": time.time(), "seconds_left": None}
        self._update(run, f"failed: {error}", state="failed", error=error, detail=detail, **ended)

    def _update(self, run: str, event: str, **values: Any) -> None:
        with self._transaction() as connection:
            connection.execute(_runs.update().where(_runs.c.id == run).values(**values))
            _note(connection, run, event)

    def link(self, run: str, stage: Stage, candidate: int) -> None:
        """Note that the run consists of that stage, among others."""
        with self._transaction() as connection:
            _link(connection, run, stage, candidate)

    def finish_stage(self, stage: Stage, data: dict[str, Any], computed: bool) -> None:
        """Take a stage's result in: its epochs and its network; `computed` if it has just been computed."""
        self.put_epochs([(stage.key, epoch) for epoch in data.get("epochs", ())])
        with self._transaction() as connection:
            _finish_stage(connection, stage, data, computed)

    def put_epochs(self, epochs: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Record epochs of stages; one that is there already, from before a crash, is replaced."""
        epochs = list(epochs)
        if epochs:
            with self._transaction() as connection:
                _put_epochs(connection, epochs)

    def put_progress(self, run: str, seconds: float, fraction: float, seconds_left: float | None) -> None:
        """Record how long a run has been worked on, and how far it is."""
        with self._transaction() as connection:
            values = {"seconds": seconds, "fraction": fraction, "seconds_left": seconds_left}
            connection.execute(_runs.update().where(_runs.c.id == run).values(**values))

    def put_learned(self, run: str, task: int, record: dict[str, Any]) -> None:
        """Record what learning a task came to."""
        with self._transaction() as connection:
            values = {"run": run, "task": task, "record": record}
            connection.execute(insert(_learned).prefix_with("OR REPLACE").values(**values))

    def put_pruned(self, stage: str, split: str, accuracies: Mapping[tuple[float, ...], float]) -> None:
        """Record how a candidate does when it is pruned: accuracy by θ of each hidden layer."""
        rows = [
            {"stage": stage, "split": split, "theta": json.dumps(theta), "accuracy": accuracy}
            for theta, accuracy in accuracies.items()
        ]
        if rows:
            with self._transaction() as connection:
                connection.execute(insert(_pruned).on_conflict_do_nothing(), rows)

    def unneeded(self) -> list[str]:
        """Keys of the artifacts that no run in the store needs."""
        query = sql.select(_stages.c.key, _stages.c.network).join(_run_stages, _run_stages.c.stage == _stages.c.key)
        with self._transaction() as connection:
            linked = {key for row in connection.execute(query) for key in row if key is not None}
        needed = {key for key in linked if key in self.artifacts}
        # The logits behind fingerprints are artifacts of their own.
        for key in list(needed):
            needed.update(fingerprint["logits"] for fingerprint in self.artifacts.data(key).get("fingerprints", ()))
        return sorted(key for key in self.artifacts.keys() if key not in needed)  # noqa: SIM118 - no dictionary

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


def _run(row: sql.Row, served: bool) -> Run:
    values = row._asdict()
    values["tags"] = tuple(row.tags or ())
    values["note"] = row.note or ""
    if row.state == "running" and not served:
        values["state"] = "interrupted"
    return Run(**values)


def _link(connection: sql.Connection, run: str, stage: Stage, candidate: int) -> None:
    described = {"key": stage.key, "kind": stage.kind, "inputs": stage.inputs, "computed": 0}
    part = {"run": run, "stage": stage.key, "task": stage.inputs.get("task"), "candidate": candidate}
    connection.execute(insert(_stages).values(**described).on_conflict_do_nothing())
    connection.execute(insert(_run_stages).values(**part).on_conflict_do_nothing())


def _finish_stage(connection: sql.Connection, stage: Stage, data: dict[str, Any], computed: bool = False) -> None:
    values = {"seconds": data["seconds"], "network": data.get("network")}
    if computed:
        values["computed"] = _stages.c.computed + 1
    connection.execute(_stages.update().where(_stages.c.key == stage.key).values(**values))


def _put_epochs(connection: sql.Connection, epochs: Sequence[tuple[str, dict[str, Any]]]) -> None:
    rows = [
        {"stage": key, **epoch, "loss": epoch["loss"] if math.isfinite(epoch["loss"]) else None}
        for key, epoch in epochs
    ]
    if rows:
        connection.execute(insert(_epochs).prefix_with("OR REPLACE"), rows)


def _note(connection: sql.Connection, run: str, text: str) -> None:
    connection.execute(_events.insert().values(run=run, time=time.time(), text=text))


def _set_up_connection(connection: Any, _: Any) -> None:
    # Readers never wait for the writer; a commit survives a killed process, though not always a power cut.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
