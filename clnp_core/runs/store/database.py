"""A store's folder, its database, and the lock of the engine that serves it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sql

from clnp_core.errors import StoreError
from clnp_core.runs.store.artifacts import Artifacts
from clnp_core.runs.store.tables import FAMILIES, METADATA

SCHEMA_VERSION = 7

_EXTENDED = 3  # this format lacks some tables and columns, but what it has is the same
_BUSY_SECONDS = 10
_DATA_OF_FIRST_STAGES = """
    UPDATE runs SET data = (
        SELECT json_extract(inputs, '$.stream.digest') FROM run_stages JOIN stages ON stages.key = run_stages.stage
        WHERE run_stages.run = runs.id ORDER BY run_stages.id LIMIT 1
    )
"""


def default_location() -> Path:
    """Return the default directory of a store: `CLNP_STORE`, else in the user's data directory."""
    named = os.environ.get("CLNP_STORE")
    return Path(named) if named else platformdirs.user_data_path("clnp") / "store"


class Database:
    """A store's database, artifacts and engine lock in one folder; see `clnp_core.runs.store.Store`."""

    def __init__(self, location: Path | None = None) -> None:
        self.location = Path(location) if location else default_location()
        self.artifacts = Artifacts(self.location / "artifacts")
        try:
            self.location.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The store {self.location} cannot be created: {error.strerror}.") from error
        self._file = self.location / "clnp.sqlite"
        self._database = sql.create_engine(f"sqlite:///{self._file}", connect_args={"timeout": _BUSY_SECONDS})
        sql.event.listen(self._database, "connect", _set_up_connection)
        with self.transaction() as connection:
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
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # who opens it at the same time waits, and finds it done
                METADATA.create_all(connection)
                if "neurons" not in _columns(connection, "epochs"):
                    connection.exec_driver_sql("ALTER TABLE epochs ADD COLUMN neurons JSON")
                if "data" not in _columns(connection, "runs"):
                    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN data VARCHAR")
                    connection.exec_driver_sql(_DATA_OF_FIRST_STAGES)
                connection.exec_driver_sql(FAMILIES)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[sql.Connection]:
        """Open a transaction, in which either all is written or nothing.

        Raises
        ------
        StoreError
            If the database cannot be used.
        """
        try:
            with self._database.begin() as connection:
                yield connection
        except sql.exc.DatabaseError as error:
            raise StoreError(f"The store {self._file} cannot be used: {error.orig}.") from error

    @contextmanager
    def hold_engine(self) -> Iterator[None]:
        """Hold the engine's lock inside the block. The system frees it if the process dies.

        Raises
        ------
        StoreError
            If another engine serves the store.
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
        """Return the process id of the engine that serves the store, or None if there is none."""
        try:
            with open(self.location / "engine.lock") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    return int(file.read() or 0)
        except FileNotFoundError:
            pass
        return None


def _columns(connection: sql.Connection, table: str) -> set[str]:
    return {row.name for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}


def _set_up_connection(connection: Any, _: Any) -> None:
    # Readers never wait for the writer; a commit survives a killed process, though not always a power cut.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
