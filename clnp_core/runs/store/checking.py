"""Checks a store's files against what it recorded, for any process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sql

from clnp_core.errors import DamagedError
from clnp_core.runs.fold.results import RESULTS
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.reading import Reading
from clnp_core.runs.store.tables import RUN_STAGES, STAGES


@dataclass(frozen=True)
class Fault:
    """A result that is damaged or missing.

    Attributes
    ----------
    what : str
        What is wrong with which file.
    describes : str
        The stage that it is of, for a person.
    runs : tuple of str
        The runs that need it. Resuming any of them computes it anew.
    """

    what: str
    describes: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """What a walk over a store found.

    Attributes
    ----------
    faults : tuple of Fault
        In the order in which stages were begun.
    artifacts, unsealed : int
        How many were checked; of how many of these, which earlier versions wrote, only the form.
    left_over : tuple of Path
        Files that no run needs, and that `prune` deletes.
    database : tuple of str
        What SQLite finds wrong with the database.
    """

    faults: tuple[Fault, ...]
    artifacts: int
    unsealed: int
    left_over: tuple[Path, ...]
    database: tuple[str, ...]


class Checking(Reading):
    """The part of a store that checks it."""

    def faults(self, run: str) -> tuple[Fault, ...]:
        """Read all results of a run that were computed, and list those that are damaged or missing."""
        return self._walk(RUN_STAGES.c.run == run)[0]

    def check(self) -> Checked:
        """Read all results that runs in the store need, and its database."""
        faults, whole = self._walk(sql.true())
        with self.transaction() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        left = [path for key in self.unneeded() for path in self.artifacts.files(key)]
        if self.engine() is None:
            left += self.artifacts.partial()
        return Checked(
            faults=faults,
            artifacts=len(whole) + len(faults),
            unsealed=sum(not sealed for sealed in whole.values()),
            left_over=tuple(sorted(left)),
            database=tuple(line for line in said if line != "ok"),
        )

    def _walk(self, which: sql.ColumnElement[bool]) -> tuple[tuple[Fault, ...], dict[str, bool]]:
        """Check the artifacts of computed stages: the faults, and of those that are whole whether they are sealed."""
        query = (
            sql.select(STAGES, RUN_STAGES.c.run)
            .join(RUN_STAGES, RUN_STAGES.c.stage == STAGES.c.key)
            .where(STAGES.c.seconds.is_not(None), which)
            .order_by(RUN_STAGES.c.id)
        )
        with self.transaction() as connection:
            rows = connection.execute(query).all()
        self.artifacts.forget()
        needing: dict[str, list[str]] = {}
        stages = {}
        for row in rows:
            needing.setdefault(row.key, []).append(row.run)
            stages[row.key] = row
        whole: dict[str, bool] = {}
        broken: dict[str, Fault] = {}
        for key, row in stages.items():
            stage = Stage(row.kind, row.inputs)
            parts = {key, *([row.network] if row.network else [])}
            try:
                parts.update(self.artifacts.read(key, RESULTS[row.kind]).made)
            except DamagedError as error:
                broken[key] = Fault(error.args[0], stage.describes, tuple(needing[key]))
            for part in sorted(parts - broken.keys() - whole.keys()):
                try:
                    whole[part] = self.artifacts.check(part)
                except DamagedError as error:
                    broken[part] = Fault(error.args[0], stage.describes, tuple(needing[key]))
        return tuple(broken.values()), whole
