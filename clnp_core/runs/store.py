"""The store: what was asked for and what came of it, in one SQLite file with artifact files beside it.

Imports no torch: the dashboard reads it.
"""

from __future__ import annotations

import fcntl
import math
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sql

from clnp_core.errors import StoreError
from clnp_core.runs.spec import RunSpec, parse

SCHEMA_VERSION = 1

ALONE = -1
"""Stands for a candidate's number where a task is trained alone, for comparison."""

_BUSY_SECONDS = 10

_tables = sql.MetaData()
_runs = sql.Table(
    "runs",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("spec", sql.JSON, nullable=False),
    sql.Column("state", sql.String, nullable=False),
    sql.Column("created", sql.Float, nullable=False),
    sql.Column("started", sql.Float),
    sql.Column("finished", sql.Float),
    sql.Column("fraction", sql.Float, nullable=False),
    sql.Column("error", sql.String),
    sql.Column("summary", sql.JSON),
)
_epochs = sql.Table(
    "epochs",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id"), nullable=False, index=True),
    sql.Column("task", sql.Integer, nullable=False),
    sql.Column("candidate", sql.Integer, nullable=False),
    sql.Column("epoch", sql.Integer, nullable=False),
    sql.Column("loss", sql.Float),  # none where it left the numbers
    sql.Column("validation_accuracy", sql.Float, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
)
_learned = sql.Table(
    "learned",
    _tables,
    sql.Column("run", sql.ForeignKey("runs.id"), primary_key=True),
    sql.Column("task", sql.Integer, primary_key=True),
    sql.Column("record", sql.JSON, nullable=False),
)


@dataclass(frozen=True)
class Run:
    """One row of the list of runs.

    Attributes
    ----------
    id : str
    spec : RunSpec
    state : {"queued", "running", "finished", "failed", "interrupted"}
        Interrupted: it was running, and the process that ran it is gone.
    created, started, finished : float or None
        Seconds since 1970.
    fraction : float
        Share of the work that is done, 0 to 1.
    error : str or None
        A sentence, when it failed.
    summary : dict or None
        What `clnp run --json` writes, once finished.
    """

    id: str
    spec: RunSpec
    state: str
    created: float
    started: float | None
    finished: float | None
    fraction: float
    error: str | None
    summary: dict[str, Any] | None


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

    Raises
    ------
    StoreError
        If the directory or the database cannot be opened, is damaged, or was written by a newer version.
    """

    def __init__(self, location: Path | None = None) -> None:
        self.location = Path(location) if location else default_location()
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
            if version < SCHEMA_VERSION:
                _tables.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sql.Connection]:
        try:
            with self._database.begin() as connection:
                yield connection
        except sql.exc.DatabaseError as error:
            raise StoreError(f"The store {self._file} cannot be used: {error.orig}.") from error

    def add(self, spec: RunSpec) -> str:
        """Ask for a run. Returns its id."""
        run = f"{spec.preset}-{secrets.token_hex(3)}"
        with self._transaction() as connection:
            connection.execute(
                _runs.insert().values(
                    id=run, spec=spec.to_json(), state="queued", created=time.time(), fraction=0.0
                )
            )
        return run

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        with self._transaction() as connection:
            rows = connection.execute(_runs.select().order_by(_runs.c.created.desc())).all()
        return [self._run(row) for row in rows]

    def run(self, run: str) -> Run:
        """One run.

        Raises
        ------
        StoreError
            If there is none of that id.
        """
        with self._transaction() as connection:
            row = connection.execute(_runs.select().where(_runs.c.id == run)).one_or_none()
        if row is None:
            raise StoreError(f"There is no run {run!r} in {self.location}.")
        return self._run(row)

    def _run(self, row: sql.Row) -> Run:
        values = row._asdict()
        values["spec"] = parse(values["spec"])
        if row.state == "running" and not self._is_held(row.id):
            values["state"] = "interrupted"
        return Run(**values)

    def folder(self, run: str) -> Path:
        """Where that run's artifacts are; made if it is not there."""
        folder = self.location / "runs" / run
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Mark the run as being worked on for as long as this process lives.

        Raises
        ------
        StoreError
            If another process holds it.
        """
        with open(self.folder(run) / "lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(f"The run {run} is already being worked on.") from None
            yield

    def _is_held(self, run: str) -> bool:
        """Whether some process holds the run. The system drops the lock of one that dies, however it dies."""
        try:
            with open(self.location / "runs" / run / "lock") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def start(self, run: str) -> None:
        """Note that work on the run begins."""
        self._update(run, state="running", started=time.time())

    def finish(self, run: str, summary: dict[str, Any]) -> None:
        """Note that the run is done."""
        self._update(run, state="finished", finished=time.time(), fraction=1.0, summary=summary)

    def fail(self, run: str, error: str) -> None:
        """Note that the run ended with an error, in a sentence."""
        self._update(run, state="failed", finished=time.time(), error=error)

    def _update(self, run: str, **values: Any) -> None:
        with self._transaction() as connection:
            connection.execute(_runs.update().where(_runs.c.id == run).values(**values))

    def add_epoch(self, run: str, fraction: float, **values: Any) -> None:
        """Record one epoch (task, candidate, epoch, loss, validation_accuracy, seconds) and how far the run is."""
        if not math.isfinite(values["loss"]):
            values["loss"] = None
        with self._transaction() as connection:
            connection.execute(_epochs.insert().values(run=run, **values))
            connection.execute(_runs.update().where(_runs.c.id == run).values(fraction=fraction))

    def epochs(self, run: str) -> list[dict[str, Any]]:
        """Every epoch of the run so far, in the order they were trained."""
        with self._transaction() as connection:
            rows = connection.execute(_epochs.select().where(_epochs.c.run == run).order_by(_epochs.c.id))
            return [dict(row) for row in rows.mappings()]

    def add_learned(self, run: str, task: int, record: dict[str, Any]) -> None:
        """Record what learning a task came to."""
        with self._transaction() as connection:
            connection.execute(_learned.insert().values(run=run, task=task, record=record))

    def learned(self, run: str) -> list[dict[str, Any]]:
        """The records of the tasks learned so far, in order."""
        query = sql.select(_learned.c.record).where(_learned.c.run == run).order_by(_learned.c.task)
        with self._transaction() as connection:
            return list(connection.execute(query).scalars())


def _set_up_connection(connection: Any, _: Any) -> None:
    # Readers never wait for the writer; a commit survives a killed process, though not always a power cut.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
