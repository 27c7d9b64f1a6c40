"""A store's folder, its database, and the locks of the engine that serves it and of apps that show it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

import platformdirs
import sqlalchemy as sql

from clnp_core.errors import HeldError, StoreError
from clnp_core.files import obstacle
from clnp_core.machine import user_folder
from clnp_core.runs.store.artifacts import Artifacts
from clnp_core.runs.store.tables import FAMILIES, METADATA
from clnp_core.runs.store.writing import adopt

SCHEMA_VERSION = 10

_ENGINE, _APP = "engine.lock", "app.lock"
_EXTENDED = 3  # this format lacks some tables and columns, but what it has is the same
_BUSY_SECONDS = 10
_LOOK_SECONDS = 0.01
_HOLD_SECONDS = 2  # whoever looks for an engine holds its lock for that moment
_NOT_WRITTEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL)
_DATA_OF_FIRST_STAGES = """
    UPDATE runs SET data = (
        SELECT json_extract(inputs, '$.stream.digest') FROM run_stages JOIN stages ON stages.key = run_stages.stage
        WHERE run_stages.run = runs.id ORDER BY run_stages.id LIMIT 1
    )
"""


def default_location() -> Path:
    """Return the default directory of a store: `CLNP_STORE`, else in the user's data directory.

    Raises
    ------
    StoreError
        If the user has none.
    """
    if named := os.environ.get("CLNP_STORE"):
        return Path(named)
    if (own := user_folder(platformdirs.user_data_path)) is None:
        raise StoreError("This user has no home folder to keep runs in; name a folder, with --store or CLNP_STORE.")
    return own / "store"


class Database:
    """A store's database, artifacts and engine lock in one folder; see `clnp_core.runs.store.Store`.

    Where nothing can be written, on a full disk or a read-only file system, it can still be read.
    """

    def __init__(self, location: Path | None = None) -> None:
        # Whole, because the working directory may change, as in a notebook.
        self.location = (Path(location) if location else default_location()).absolute()
        self.artifacts = Artifacts(self.location / "artifacts")
        try:
            self.location.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The store {self.location} cannot be created: {error.strerror}.") from error
        self._file = self.location / "clnp.sqlite"
        self._database = _engine(partial(_connect, self._file))
        try:
            self._prepare()
        except StoreError as error:
            if not (os.path.isfile(self._file) and _is_not_written(error.__cause__)):
                raise
            self._database.dispose()
            self._database = _engine(partial(_connect_to_read, self._file))
            if self._version() != SCHEMA_VERSION:  # it cannot be brought up to date
                raise

    def _prepare(self) -> None:
        """Make the tables, or what a store of an older version lacks of them."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                if self._version() != SCHEMA_VERSION or not self._has_log():
                    self._bring_up_to_date()
                return
            except StoreError as error:
                # SQLite does not wait by itself for who prepares it at the same time.
                if _code(error.__cause__) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)

    def _version(self) -> int:
        """Read the version of the store's format, 0 if it has no tables yet."""
        with self.transaction() as connection:
            version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
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
        return version

    def _has_log(self) -> bool:
        with self.transaction() as connection:
            mode: str = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return mode == "wal"

    def _bring_up_to_date(self) -> None:
        with self.transaction() as connection:
            # Readers never wait for the writer.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            if connection.exec_driver_sql("PRAGMA user_version").scalar_one() == SCHEMA_VERSION:
                return  # another process was first
            METADATA.create_all(connection)
            if "neurons" not in _columns(connection, "epochs"):
                connection.exec_driver_sql("ALTER TABLE epochs ADD COLUMN neurons JSON")
            if "data" not in _columns(connection, "runs"):
                connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN data VARCHAR")
                connection.exec_driver_sql(_DATA_OF_FIRST_STAGES)
            if "parent" not in _columns(connection, "runs"):
                for column in ("name", "parent"):
                    connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN {column} VARCHAR")
                adopt(connection)
            if "owner" not in _columns(connection, "runs"):
                connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN owner VARCHAR")
                connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN shared BOOLEAN NOT NULL DEFAULT 1")
            if "owner" not in _columns(connection, "sweeps"):
                connection.exec_driver_sql("ALTER TABLE sweeps ADD COLUMN owner VARCHAR")
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
            why = obstacle(self.location) if _is_not_written(error) else None
            told = f"written: {why.strerror}" if why else f"used: {error.orig}"
            raise StoreError(f"The store {self._file} cannot be {told}.") from error
        except json.JSONDecodeError as error:
            raise StoreError(f"The store {self._file} cannot be used: it is damaged ({error}).") from error

    def delete(self, rows: sql.Delete) -> int:
        """Delete rows, on a full disk too, and return how many."""
        try:
            with self.transaction() as connection:
                return connection.execute(rows).rowcount
        except StoreError:
            why = obstacle(self.location)
            if why is None or why.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        self._database.dispose()  # it is locked for this
        in_place = _engine(partial(_connect, self._file, "locking_mode = EXCLUSIVE", "journal_mode = MEMORY"))
        try:
            with in_place.begin() as connection:
                return connection.execute(rows).rowcount
        except sql.exc.DatabaseError as error:
            raise StoreError(
                f"The store {self._file} cannot be written: {why.strerror}. Free space, with clnp store prune or "
                "elsewhere, or end what else uses the store, such as its engine (clnp engine --stop), and try again."
            ) from error
        finally:
            in_place.dispose()

    @contextmanager
    def hold_engine(self) -> Iterator[None]:
        """Hold the engine's lock inside the block. The system frees it if the process dies.

        Raises
        ------
        HeldError
            If another engine serves the store.
        StoreError
            If the store cannot be locked.
        """
        with self._lock_file() as file:
            deadline = time.monotonic() + _HOLD_SECONDS
            while not self._locked(file, fcntl.LOCK_EX):
                engine = self.engine()
                if engine is not None or time.monotonic() > deadline:
                    known = f": process {engine}" if engine else ""
                    raise HeldError(f"The store {self.location} has an engine already{known}.")
                time.sleep(_LOOK_SECONDS)
            with suppress(OSError):  # on a full disk it is not known who serves the store
                file.truncate()
                file.write(str(os.getpid()))
                file.flush()
            yield

    def check_locks(self) -> None:
        """Check that the store can be locked.

        Raises
        ------
        StoreError
            If its file system has no locks, or nothing can be written there.
        """
        with self._lock_file() as file:
            self._locked(file, fcntl.LOCK_SH)

    def engine(self) -> int | None:
        """Return the process id of the engine that serves the store, 0 if it is not known; None if there is none."""
        deadline = time.monotonic() + _HOLD_SECONDS
        with suppress(OSError, StoreError), open(self.location / _ENGINE) as file:
            while not self._locked(file, fcntl.LOCK_SH):
                written = file.read()
                if written.isdecimal() or time.monotonic() > deadline:
                    return int(written) if written.isdecimal() else 0
                time.sleep(_LOOK_SECONDS)  # it has just begun, and has not written it yet
                file.seek(0)
        return None

    @contextmanager
    def hold_app(self) -> Iterator[None]:
        """Tell inside the block that an app shows the store. The system knows when the process dies.

        Raises
        ------
        StoreError
            If the store cannot be locked.
        """
        with self._lock_file(_APP) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def has_app(self) -> bool:
        """Return whether an app shows the store."""
        with suppress(OSError, StoreError), open(self.location / _APP) as file:
            return not self._locked(file, fcntl.LOCK_EX)
        return False

    @contextmanager
    def _lock_file(self, name: str = _ENGINE) -> Iterator[IO[str]]:
        try:
            descriptor = os.open(self.location / name, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise StoreError(f"The store {self.location} cannot be locked: {error.strerror}.") from error
        with open(descriptor, "r+") as file:
            yield file

    def _locked(self, file: IO[str], kind: int) -> bool:
        """Lock the file, and return whether that went: False if another process holds it."""
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreError(
                f"The store {self.location} is on a file system without locks ({error.strerror}), on which two engines "
                "would not know of each other; name a folder on another one, with --store or CLNP_STORE."
            ) from error
        return True


def _engine(connect: Callable[[], sqlite3.Connection]) -> sql.Engine:
    # The path goes to SQLite as it is: in a URL, ? and % would mean something.
    return sql.create_engine("sqlite://", creator=connect, poolclass=sql.QueuePool)


def _connect(file: Path, *pragmas: str) -> sqlite3.Connection:
    # An absolute path, because SQLite takes one that begins with file: for a URL.
    connection = sqlite3.connect(file.absolute(), timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        # A commit survives a killed process, though not always a power cut.
        for pragma in (*pragmas, "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()  # else it keeps the file locked for as long as the error is told
        raise
    return connection


def _connect_to_read(file: Path) -> sqlite3.Connection:
    """Connect where nothing can be written, not even what connections share."""
    log = file.with_name(f"{file.name}-wal")
    pending = log.is_file() and log.stat().st_size > 0  # what a process that was killed has left
    how = "vfs=unix-none" if pending else "immutable=1"
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&{how}", uri=True, check_same_thread=False)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # keeps the log's index in memory
    return connection


def _code(error: BaseException | None) -> int | None:
    """Return SQLite's primary code of a database's error."""
    code: int | None = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_not_written(error: BaseException | None) -> bool:
    """Tell whether an error may come of a place where nothing can be written."""
    return _code(error) in _NOT_WRITTEN


def _columns(connection: sql.Connection, table: str) -> set[str]:
    return {row.name for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}
