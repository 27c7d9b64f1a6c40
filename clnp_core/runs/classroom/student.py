"""What a student of a class may do with a store."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from clnp_core.errors import StoreError
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store, Sweep

_ASKING = threading.Lock()  # two requests at once of the same student count one after the other


class StudentStore(Store):
    """A store as a student of a class may use it. It refuses what is not allowed, whatever a page offers.

    Students see their own runs and those that are shared: the lecturer's, unless the lecturer takes one back, and those
    that other students share. All of these can be looked at, compared and forked. Only own runs can be paused, resumed,
    cancelled, removed, named, tagged and shared. `active` lists the runs of all, as the queue is everybody's. Of bets
    they see their own, and those of all once the lecturer has revealed them.

    Parameters
    ----------
    store : Store
        Whose connections it shares.
    student : str
        Name of the student, as `welcome` has returned it.
    quota : int
        How many runs the student may have under way: queued, running or interrupted.
    """

    def __init__(self, store: Store, student: str, quota: int) -> None:
        vars(self).update(vars(store))
        self.student = student
        self.quota = quota

    def sees(self, run: Run) -> bool:
        """Tell whether the student may look at a run, and fork it."""
        return run.shared or run.owner == self.student

    def may_change(self, run: Run) -> bool:
        """Tell whether a run is the student's own."""
        return run.owner == self.student

    def runs(self) -> list[Run]:
        return list(filter(self.sees, super().runs()))

    def run(self, run: str) -> Run:
        found = super().run(run)
        if not self.sees(found):
            raise StoreError(f"There is no run {run!r} that you can see; its owner has not shared it.")
        return found

    def baseline(self) -> str | None:
        pinned = super().baseline()
        with suppress(StoreError):
            return pinned and self.run(pinned).id
        return None

    def sweeps(self) -> list[Sweep]:
        return [sweep for sweep in super().sweeps() if sweep.owner in (None, self.student)]

    def sweep(self, sweep: str) -> Sweep:
        found = super().sweep(sweep)
        if found.owner not in (None, self.student):
            raise StoreError(f"There is no sweep {sweep!r} that you can see.")
        return found

    def sweep_runs(self, sweep: str) -> dict[int, Run]:
        self.sweep(sweep)
        return {place: run for place, run in super().sweep_runs(sweep).items() if self.sees(run)}

    def check_room(self, runs: int) -> None:
        under_way = sum(run.goes_on for run in self.runs() if self.may_change(run))
        if runs and under_way + runs > self.quota:
            asked = "one more is" if runs == 1 else f"{runs} more are"
            raise StoreError(
                f"You have {under_way} of at most {self.quota} runs under way, and {asked} asked for; wait for one to "
                "end, or cancel one."
            )

    def add(self, spec: RunSpec, like: Run | None = None, owner: str | None = None) -> str:
        with _ASKING:
            self.check_room(1)
            return super().add(spec, like, self.student)

    def resume(self, run: str) -> None:
        self._check_own(run)
        with _ASKING:
            self.check_room(not self.run(run).goes_on)
            super().resume(run)

    def pause(self, run: str) -> None:
        self._check_own(run)
        super().pause(run)

    def cancel(self, run: str) -> None:
        self._check_own(run)
        super().cancel(run)

    def set_aside(self, runs: Collection[str]) -> None:
        for run in runs:
            self._check_own(run)
        super().set_aside(runs)

    def remove(self, run: str) -> None:
        self._check_own(run)
        super().remove(run)

    def describe(self, run: str, tags: Sequence[str], note: str) -> None:
        self._check_own(run)
        super().describe(run, tags, note)

    def rename(self, run: str, name: str) -> None:
        self._check_own(run)
        super().rename(run, name)

    def share(self, run: str, shared: bool) -> None:
        self._check_own(run)
        super().share(run, shared)

    def pin(self, run: str | None) -> None:
        raise StoreError("There is one baseline for the class, and the lecturer chooses it.")

    def hold(self, held: bool) -> None:
        raise StoreError("Only the lecturer holds the queue.")

    def bets(self, question: str) -> dict[str, int]:
        placed = super().bets(question)
        return placed if self.is_revealed(question) else {name: placed[name] for name in placed if name == self.student}

    def bet(self, question: str, place: int, student: str | None = None) -> None:
        super().bet(question, place, self.student)

    def reveal(self, question: str, revealed: bool) -> None:
        raise StoreError("Only the lecturer reveals the bets.")

    def add_sweep(self, name: str, over: dict[str, list[Any]], runs: dict[int, str], owner: str | None = None) -> str:
        return super().add_sweep(name, over, runs, self.student)

    def remove_sweep(self, sweep: str) -> None:
        if self.sweep(sweep).owner != self.student:
            raise StoreError("This sweep is the lecturer's; only your own can be forgotten.")
        super().remove_sweep(sweep)

    def _check_own(self, run: str) -> None:
        if (owner := self.run(run).owner) != self.student:
            raise StoreError(
                f"The run {run} is of {owner or 'the lecturer'}; fork it, and the fork is yours to change."
            )
