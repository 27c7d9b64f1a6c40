"""Writes requests to a store, for any process: runs, pause, resume, cancel, remove, tags, sweeps, the baseline."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from clnp_core.errors import StoreError
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import writing
from clnp_core.runs.store.checking import Checking
from clnp_core.runs.store.reading import HELD
from clnp_core.runs.store.rows import Run
from clnp_core.runs.store.tables import BASELINE, BETS, REVEALED, RUN_NOTES, RUNS, STUDENTS, SWEEP_RUNS, SWEEPS
from clnp_core.tasks.content import at_hand, check_same

MOST_NAME_LETTERS = 60

_MOST_TAG_LETTERS = 40
_MOST_NOTE_LETTERS = 4000
_MOST_STUDENT_LETTERS = 30


class Requests(Checking):
    """The part of a store that takes requests."""

    def add(self, spec: RunSpec, like: Run | None = None, owner: str | None = None) -> str:
        """Queue a run and return its id.

        Parameters
        ----------
        spec : RunSpec
        like : Run, optional
            Another run, of the same stream, whose data it must learn. Of a fork it is the run that it goes on from; by
            default the newest with the specification before it.
        owner : str, optional
            The student of a class whose run it is. Nobody else in the class sees it until it is shared.

        Raises
        ------
        DataError
            If that data has changed since.
        """
        run = f"{spec.preset}-{secrets.token_hex(3)}"
        asked = {"id": run, "spec": spec, "state": "queued", "wanted": "run", "created": time.time()}
        asked |= {"owner": owner, "shared": owner is None}
        if before := spec.earlier:
            here = [each for each in self.runs() if each.spec in before]
            forked = [like] if like else sorted(here, key=lambda each: before.index(each.spec))
            asked["parent"] = forked[0].id if forked else None
            like = next((each for each in forked if each.data), None)
        if like:
            _check_data(like)
            asked["data"] = like.data
        with self.transaction() as connection:
            connection.execute(RUNS.insert().values(seconds=0.0, fraction=0.0, **asked))
        return run

    def bind(self, run: str, data: str) -> str:
        """Bind a run to data of that digest, unless it is bound, and return the digest of the data it is bound to."""
        with self.transaction() as connection:
            row = RUNS.c.id == run
            connection.execute(RUNS.update().where(row).values(data=sql.func.coalesce(RUNS.c.data, data)))
            bound: str = connection.execute(sql.select(RUNS.c.data).where(row)).scalar_one()
        return bound

    def pause(self, run: str) -> None:
        """Ask a run to pause; `resume` continues it.

        Raises
        ------
        StoreError
            If there is no such run, or it has ended.
        """
        self._ask(run, "pause", "paused", ("queued", "running", "interrupted"))

    def cancel(self, run: str) -> None:
        """Cancel a run. Finished stages are kept, and `resume` continues it.

        Raises
        ------
        StoreError
            If there is no such run, or it has ended.
        """
        self._ask(run, "cancel", "cancelled", ("queued", "running", "interrupted", "paused"))

    def resume(self, run: str) -> None:
        """Put a paused, interrupted, cancelled or failed run back into the queue. Its finished stages are kept.

        A finished run can be resumed if results of it are damaged or missing: these are computed anew.

        Raises
        ------
        StoreError
            If there is no such run, or it is queued, running, or finished and whole.
        DataError
            If its data has changed since it was begun.
        """
        possible = ["paused", "interrupted", "cancelled", "failed"]
        if self.run(run).state == "finished" and self.faults(run):
            possible.append("finished")
        self._ask(run, "run", "queued", possible)

    def set_aside(self, runs: Collection[str]) -> None:
        """Pause those of the runs that are queued, because the process that worked on them was interrupted.

        Nobody asked for it: a process that waits for one of them takes it up again, by `taken_up`.
        """
        with self.transaction() as connection:
            for run in runs:
                queued = RUNS.update().where(RUNS.c.id == run, RUNS.c.state == "queued", RUNS.c.wanted == "run")
                if connection.execute(queued.values(state="paused")).rowcount:
                    writing.note_event(connection, run, "paused, as the process that worked on it was interrupted")

    def taken_up(self, run: str) -> Run:
        """Read a run for a process that waits for it. One that was set aside goes back into the queue first.

        Raises
        ------
        StoreError
            If there is no such run.
        DataError
            If its data has changed since it was begun.
        """
        found = self.run(run)
        if found.state != "paused" or found.wanted != "run":
            return found
        with suppress(StoreError):  # another process that waits for it was first
            self.resume(run)
        return self.run(run)

    def _ask(self, run: str, wanted: str, state: str, possible: Sequence[str]) -> None:
        asked = self.run(run)
        now = asked.state
        if now not in possible:
            verb = "resumed" if wanted == "run" else {"pause": "paused", "cancel": "cancelled"}[wanted]
            raise StoreError(f"The run {run} cannot be {verb}: it is {now}.")
        if wanted == "run":
            _check_data(asked)
        values: dict[str, str | None] = {"wanted": wanted}
        if now != "running":
            values |= {"state": state, "finished": None, "error": None, "detail": None}
        with self.transaction() as connection:
            # If an engine started it meanwhile, only the engine changes its state.
            known = "running" if now == "interrupted" else now
            changed = connection.execute(RUNS.update().where(RUNS.c.id == run, RUNS.c.state == known).values(**values))
            if not changed.rowcount:
                connection.execute(RUNS.update().where(RUNS.c.id == run).values(wanted=wanted))
            writing.note_event(connection, run, f"asked to {wanted}" if wanted != "run" else "asked to go on")

    def remove(self, run: str) -> None:
        """Remove a run. `prune` then deletes the artifacts that no other run needs.

        Raises
        ------
        StoreError
            If there is no such run, or it is running.
        """
        interrupted = self.run(run).state == "interrupted"
        at_work = sql.false() if interrupted else RUNS.c.state == "running"
        if not self.delete(RUNS.delete().where(RUNS.c.id == run, sql.not_(at_work))):
            raise StoreError(f"The run {run} is running; cancel it before you remove it.")

    def describe(self, run: str, tags: Sequence[str], note: str) -> None:
        """Replace a run's tags and note. Tags are stripped, and duplicates are dropped.

        Raises
        ------
        StoreError
            If there is no such run, or a tag or the note is too long.
        """
        kept = list(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags))))
        if too_long := [tag for tag in kept if len(tag) > _MOST_TAG_LETTERS]:
            raise StoreError(f"The tag {too_long[0]!r} is too long; give at most {_MOST_TAG_LETTERS} characters.")
        if len(note) > _MOST_NOTE_LETTERS:
            raise StoreError(f"The note has {len(note)} characters; give at most {_MOST_NOTE_LETTERS}.")
        self.run(run)
        values = {"run": run, "tags": kept, "note": note.strip()}
        with self.transaction() as connection:
            connection.execute(insert(RUN_NOTES).prefix_with("OR REPLACE").values(**values))

    def rename(self, run: str, name: str) -> None:
        """Call a run something; an empty name leaves it its id. Spaces around it, and several in it, are dropped.

        Raises
        ------
        StoreError
            If there is no such run, or the name is too long, cannot be shown, or is the id of another run.
        """
        kept = " ".join(name.split())
        if len(kept) > MOST_NAME_LETTERS:
            raise StoreError(f"The name {kept[:20]!r}… has {len(kept)} characters; give at most {MOST_NAME_LETTERS}.")
        if not kept.isprintable():
            raise StoreError(f"The name {kept!r} has a character that cannot be shown; leave it out.")
        if any(other.id == kept != run for other in self.runs()):
            raise StoreError(f"The name {kept!r} is the id of another run; give one of its own.")
        self.run(run)
        with self.transaction() as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run).values(name=kept or None))

    def pin(self, run: str | None) -> None:
        """Make a run the baseline, with which others are compared; None for no baseline.

        Raises
        ------
        StoreError
            If there is no such run.
        """
        if run is not None:
            self.run(run)
        with self.transaction() as connection:
            connection.execute(BASELINE.delete())
            if run is not None:
                connection.execute(BASELINE.insert().values(place=1, run=run))

    def add_sweep(self, name: str, over: dict[str, list[Any]], runs: dict[int, str], owner: str | None = None) -> str:
        """Record runs by index in the product of the axes as a sweep, of its owner as `add` has it; return its id."""
        sweep = f"{name}-{secrets.token_hex(3)}"
        places = [{"sweep": sweep, "place": place, "run": run} for place, run in runs.items()]
        with self.transaction() as connection:
            connection.execute(SWEEPS.insert().values(id=sweep, over=over, created=time.time(), owner=owner))
            connection.execute(SWEEP_RUNS.insert(), places)
        return sweep

    def welcome(self, name: str) -> str:
        """Take a student into the class, and return the name as it is kept: without spaces around it or several in it.

        Raises
        ------
        StoreError
            If the name is empty, too long or taken, cannot be shown, or means the lecturer.
        """
        kept = " ".join(name.split())
        if not kept:
            raise StoreError("Give the name by which the class knows you.")
        if len(kept) > _MOST_STUDENT_LETTERS:
            raise StoreError(f"The name has {len(kept)} characters; give at most {_MOST_STUDENT_LETTERS}.")
        if not kept.isprintable():
            raise StoreError(f"The name {kept!r} has a character that cannot be shown; leave it out.")
        with self.transaction() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two who give the same name at once
            taken = connection.execute(sql.select(STUDENTS.c.name)).scalars()
            if kept.casefold() in {"lecturer", *(each.casefold() for each in taken)}:
                raise StoreError(f"The name {kept!r} is taken; add a letter or a number.")
            connection.execute(STUDENTS.insert().values(name=kept, came=time.time()))
        return kept

    def may_change(self, run: Run) -> bool:
        """Tell whether who has this store may change a run: any, but for a student of a class."""
        return True

    def check_room(self, runs: int) -> None:
        """Check that so many more runs may be asked for: any number, but for a student of a class.

        Raises
        ------
        StoreError
            If they are more than the student may have under way.
        """

    def share(self, run: str, shared: bool) -> None:
        """Have all of a class see a run, or only its owner and the lecturer.

        Raises
        ------
        StoreError
            If there is no such run.
        """
        self.run(run)
        with self.transaction() as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run).values(shared=shared))

    def hold(self, held: bool) -> None:
        """Have queued runs of students wait, or go on. What is running goes on, and so do runs without an owner."""
        if held:
            (self.location / HELD).touch()
        else:
            (self.location / HELD).unlink(missing_ok=True)

    def bet(self, question: str, place: int, student: str) -> None:
        """Keep a student's bet on a question of the lesson; it replaces an earlier one, until the bets are revealed.

        Parameters
        ----------
        question : str
        place : int
            Of the question's slider, from 0.
        student : str
            Name, as `welcome` has returned it.

        Raises
        ------
        StoreError
            If the bets are revealed.
        """
        with self.transaction() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the lecturer may reveal them at this moment
            if connection.execute(REVEALED.select().where(REVEALED.c.question == question)).first():
                raise StoreError("The bets are revealed; none can be placed or changed any more.")
            placed = {"question": question, "student": student, "place": place}
            connection.execute(insert(BETS).prefix_with("OR REPLACE"), placed)

    def reveal(self, question: str, revealed: bool) -> None:
        """Let all of a class see the bets on a question, after which none can be changed; or collect bets again."""
        with self.transaction() as connection:
            connection.execute(REVEALED.delete().where(REVEALED.c.question == question))
            if revealed:
                connection.execute(REVEALED.insert().values(question=question))

    def remove_sweep(self, sweep: str) -> None:
        """Remove a sweep. Its runs are kept."""
        self.delete(SWEEPS.delete().where(SWEEPS.c.id == sweep))


def _check_data(run: Run) -> None:
    """Check that a run's data has not changed. Data that is not here is for the engine to find, or to download."""
    stream = run.spec.stream.model_dump(mode="json")
    if run.data and at_hand(stream):
        check_same(stream, run.data, run.id)
