"""Reads from a store, for any process."""

from __future__ import annotations

import json
import operator
from contextlib import suppress
from typing import Any

import sqlalchemy as sql

from clnp_core.errors import DamagedError, StoreError
from clnp_core.methods import REFERENCE
from clnp_core.networks.architectures import Architecture, architecture_data
from clnp_core.runs.fold.results import Changed, Record
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store.database import Database
from clnp_core.runs.store.rows import Reached, Run, Sweep, as_run, reached
from clnp_core.runs.store.tables import (
    BASELINE,
    BETS,
    DESCRIBED_RUNS,
    EPOCHS,
    EVENTS,
    FAMILY,
    IS_FIT,
    LEARNED,
    PRUNED,
    REVEALED,
    RUN_STAGES,
    RUNS,
    STAGES,
    STUDENTS,
    SWEEP_RUNS,
    SWEEPS,
)

STARTING = "workers are being started"
"""The event that says that the run waits for them, until the next event."""

HELD = "queue-held"
"""The file beside the database that says that queued runs of students wait."""

_MOST_TRAININGS = 200
_MOST_NAMED = 5  # runs in a sentence


class Reading(Database):
    """The part of a store that reads."""

    def runs(self) -> list[Run]:
        """List all runs, newest first."""
        with self.transaction() as connection:
            rows = connection.execute(DESCRIBED_RUNS.order_by(RUNS.c.created.desc())).all()
        served = self.engine() is not None
        return [as_run(row, served) for row in rows]

    def run(self, run: str) -> Run:
        """Read one run.

        Raises
        ------
        StoreError
            If there is no run of that id.
        """
        with self.transaction() as connection:
            row = connection.execute(DESCRIBED_RUNS.where(RUNS.c.id == run)).one_or_none()
        if row is None:
            raise StoreError(f"There is no run {run!r} in {self.location}.")
        return as_run(row, self.engine() is not None)

    def find(self, name: str) -> Run:
        """Read the run of an id, or of that name, or of the beginning of an id, if no other run has it.

        Raises
        ------
        StoreError
            If there is none, or several.
        """
        with self.transaction() as connection:
            query = sql.select(RUNS.c.id, RUNS.c.name).order_by(RUNS.c.created.desc())
            names = dict(map(tuple, connection.execute(query)))
        found = [name] if name in names else [run for run in names if name and names[run] == name]
        found = found or [run for run in names if name and run.startswith(name)]
        if not found:
            raise StoreError(f"There is no run {name!r} in {self.location}; see those there are with: clnp list")
        if len(found) > 1:
            shown = ", ".join(found[:_MOST_NAMED] + ["…"] * (len(found) > _MOST_NAMED))
            how = "is the name" if names[found[0]] == name else "begins the ids"
            raise StoreError(f"{name!r} {how} of {len(found)} runs, {shown}; give more of the id of the one you mean.")
        return self.run(found[0])

    def baseline(self) -> str | None:
        """Return the id of the pinned baseline, with which other runs are compared, if there is one."""
        with self.transaction() as connection:
            return connection.execute(sql.select(BASELINE.c.run)).scalar_one_or_none()

    def unfinished(self, spec: RunSpec) -> list[Run]:
        """List the runs with exactly this specification that have not ended, newest first."""
        over = ("finished", "failed", "cancelled")
        return [run for run in self.runs() if run.state not in over and run.spec == spec]

    def sweeps(self) -> list[Sweep]:
        """List all sweeps, newest first."""
        with self.transaction() as connection:
            rows = connection.execute(SWEEPS.select().order_by(SWEEPS.c.created.desc())).all()
        return [Sweep(**row._asdict()) for row in rows]

    def sweep(self, sweep: str) -> Sweep:
        """Read one sweep.

        Raises
        ------
        StoreError
            If there is no sweep of that id.
        """
        with self.transaction() as connection:
            row = connection.execute(SWEEPS.select().where(SWEEPS.c.id == sweep)).one_or_none()
        if row is None:
            raise StoreError(f"There is no sweep {sweep!r} in {self.location}.")
        return Sweep(**row._asdict())

    def sweep_runs(self, sweep: str) -> dict[int, Run]:
        """Return the runs of a sweep by index in its grid, from 0, in order and without removed runs."""
        query = sql.select(SWEEP_RUNS.c.place, SWEEP_RUNS.c.run).where(SWEEP_RUNS.c.sweep == sweep)
        with self.transaction() as connection:
            places = connection.execute(query.order_by(SWEEP_RUNS.c.place)).all()
            rows = connection.execute(DESCRIBED_RUNS.where(RUNS.c.id.in_({run for _, run in places}))).all()
        served = self.engine() is not None
        runs = {row.id: as_run(row, served) for row in rows}
        return {place: runs[run] for place, run in places}

    def epochs(self, run: str) -> list[dict[str, Any]]:
        """List every epoch of the run so far: task, candidate, epoch, loss, validation_accuracy, seconds, neurons.

        The neurons are the free ones of each hidden layer that were trained, a list; empty where they are not known.

        Epochs are ordered by candidate, in the order in which candidates were started.
        """
        query = (
            sql.select(RUN_STAGES.c.task, RUN_STAGES.c.candidate, EPOCHS)
            .join(EPOCHS, EPOCHS.c.stage == RUN_STAGES.c.stage)
            .where(RUN_STAGES.c.run == run)
            .order_by(RUN_STAGES.c.id, EPOCHS.c.epoch)
        )
        with self.transaction() as connection:
            rows = connection.execute(query)
            names = list(rows.keys())
            return [{**dict(zip(names, row, strict=True)), "neurons": row.neurons or []} for row in rows]

    def last_epochs(self, run: str) -> list[dict[str, Any]]:
        """List the last epoch of each training of the run, in the order of their start: task, candidate, epoch."""
        query = (
            sql.select(
                RUN_STAGES.c.task,
                RUN_STAGES.c.candidate,
                sql.func.max(EPOCHS.c.epoch).label("epoch"),
            )
            .join(EPOCHS, EPOCHS.c.stage == RUN_STAGES.c.stage)
            .where(RUN_STAGES.c.run == run)
            .group_by(RUN_STAGES.c.id)
            .order_by(RUN_STAGES.c.id)
        )
        with self.transaction() as connection:
            return [row._asdict() for row in connection.execute(query)]

    def learned(self, run: str) -> list[Record]:
        """List the records of the tasks learned so far, in order."""
        query = sql.select(LEARNED.c.record).where(LEARNED.c.run == run).order_by(LEARNED.c.task)
        with self.transaction() as connection:
            return list(connection.execute(query).scalars())

    def learned_tasks(self) -> dict[str, int]:
        """Return the last task learned by each run that has learned one."""
        query = sql.select(LEARNED.c.run, sql.func.max(LEARNED.c.task)).group_by(LEARNED.c.run)
        with self.transaction() as connection:
            return dict(map(tuple, connection.execute(query)))

    def reached(self) -> dict[str, Reached]:
        """Tell what each run that has learned a task has reached so far."""
        last = sql.select(LEARNED.c.run, sql.func.max(LEARNED.c.task).label("task")).group_by(LEARNED.c.run).subquery()
        of_last = sql.and_(LEARNED.c.run == last.c.run, LEARNED.c.task == last.c.task)
        # These parts alone, at once: a record is long, and there is one for each run.
        parts = sql.func.json_extract(LEARNED.c.record, "$.accuracy", "$.free", "$.widths")
        with self.transaction() as connection:
            rows = connection.execute(sql.select(LEARNED.c.run, parts).join(last, of_last)).all()
        return {run: reached(*json.loads(told)) for run, told in rows}

    def learned_task(self, run: str, task: int) -> int:
        """Return the number of a task as a plain int, if the run has learned it.

        Raises
        ------
        StoreError
            If it is no whole number, or the run has not learned such a task.
        """
        try:
            number = operator.index(task)
        except TypeError:
            raise StoreError(f"{task!r} is not the number of a task; give a whole number, 1 for the first.") from None
        learned = self.learned_tasks().get(run, 0)
        if not 0 < number <= learned:
            raise StoreError(f"The run {run} has not learned task {number}; it has learned {learned}.")
        return number

    def events(self, run: str) -> list[tuple[float, str]]:
        """List the events of the run, each with its time in seconds since 1970."""
        query = sql.select(EVENTS.c.time, EVENTS.c.text).where(EVENTS.c.run == run).order_by(EVENTS.c.id)
        with self.transaction() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def waits_for_workers(self, run: str) -> bool:
        """Tell whether the run waits for workers that are being started."""
        query = sql.select(EVENTS.c.text).where(EVENTS.c.run == run).order_by(EVENTS.c.id.desc()).limit(1)
        with self.transaction() as connection:
            return connection.execute(query).scalar() == STARTING

    def stages(self, run: str) -> list[dict[str, Any]]:
        """List the stages of the run: key, kind, task, candidate, computed (how often), seconds, network."""
        columns = [STAGES.c[name] for name in ("key", "kind", "computed", "seconds", "network")]
        query = (
            sql.select(*columns, RUN_STAGES.c.task, RUN_STAGES.c.candidate)
            .join(RUN_STAGES, RUN_STAGES.c.stage == STAGES.c.key)
            .where(RUN_STAGES.c.run == run)
            .order_by(RUN_STAGES.c.id)
        )
        with self.transaction() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def settled(self, run: str) -> dict[int, str]:
        """Return the key of the stage that settled each learned task; of several, that of the last, which mended it."""
        return {stage["task"]: stage["key"] for stage in self.stages(run) if stage["kind"] == "settle"}

    def drawn(self, run: str) -> str:
        """Return the key of the stage that drew the stream of a run that has learned a task."""
        key: str = next(stage["key"] for stage in self.stages(run) if stage["kind"] == "stream")
        return key

    def stage(self, key: str) -> Stage:
        """Return the stage of a key, which a run in the store has or had.

        Raises
        ------
        StoreError
            If there is none of that key.
        """
        query = sql.select(STAGES.c.kind, STAGES.c.inputs).where(STAGES.c.key == key)
        with self.transaction() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise StoreError(f"There is no stage {key!r} in {self.location}.")
        return Stage(*row)

    def candidates(self, run: str, task: int) -> list[dict[str, Any]]:
        """List the run's candidates for a task, and those of other runs that differ only in λ and learning rate.

        Returns
        -------
        list of dict
            key; candidate, the index in the run's grid, None if only other runs trained it; hyperparameters; seconds of
            its training. The run's own come first, in the order of its grid.
        """
        of_run = sql.and_(RUN_STAGES.c.stage == STAGES.c.key, RUN_STAGES.c.run == run)
        families = sql.select(FAMILY).select_from(STAGES).join(RUN_STAGES, of_run)
        own = (IS_FIT, RUN_STAGES.c.task == task)
        # Candidates trained here count for an imported run, but imported ones do not count for a run from here.
        here = sql.select(sql.func.json_remove(FAMILY, "$.imported")).select_from(STAGES).join(RUN_STAGES, of_run)
        alike = families.where(*own).union(here.where(*own))
        query = (
            sql.select(STAGES.c.key, RUN_STAGES.c.candidate, STAGES.c.inputs, STAGES.c.seconds)
            .select_from(STAGES)
            .outerjoin(RUN_STAGES, of_run)
            .where(IS_FIT, STAGES.c.seconds.is_not(None), FAMILY.in_(alike))
            .order_by(RUN_STAGES.c.candidate.is_(None), RUN_STAGES.c.candidate, STAGES.c.key)
        )
        with self.transaction() as connection:
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
        # A candidate that was both imported and trained here counts once.
        first: dict[str, dict[str, Any]] = {}
        for each in found:
            first.setdefault(json.dumps(each["hyperparameters"], sort_keys=True), each)
        return list(first.values())

    def trainings_like(self, architecture: Architecture, batch_size: int, device: str) -> list[dict[str, Any]]:
        """List the last trainings with the same hidden layers, batch size and device.

        Returns
        -------
        list of dict
            method, stream (as in a specification), task, whether gradual (bool), and mean seconds per epoch; newest
            first.
        """
        data = architecture_data(architecture)
        alike = {
            "$.architecture.hidden": json.dumps(data["hidden"], separators=(",", ":")),
            "$.architecture.input_shape": json.dumps(data["input_shape"], separators=(",", ":")),
            "$.hyperparameters.batch_size": batch_size,
            "$.device": device,
        }
        inputs = STAGES.c.inputs
        wanted = [sql.func.json_extract(inputs, path) == value for path, value in alike.items()]
        # The first epoch includes warming up: it counts only if there is no other.
        later = sql.func.avg(EPOCHS.c.seconds).filter(EPOCHS.c.epoch > 1)
        mean = sql.func.coalesce(later, sql.func.avg(EPOCHS.c.seconds))
        seconds = sql.select(mean).where(EPOCHS.c.stage == STAGES.c.key).scalar_subquery()
        query = sql.select(inputs, seconds.label("seconds"))
        wanted.append(sql.func.json_extract(inputs, "$.imported").is_(None))  # imported ones ran on another machine
        newest = query.where(STAGES.c.kind.in_(("fit", "alone")), *wanted).order_by(sql.text("stages.rowid DESC"))
        with self.transaction() as connection:
            rows = connection.execute(newest.limit(_MOST_TRAININGS)).all()
        return [
            {
                "method": row.inputs.get("method", REFERENCE),  # earlier versions omitted it for a task alone
                "stream": row.inputs["stream"],
                "task": row.inputs["task"],
                "gradual": "gradual" in row.inputs["hyperparameters"],
                "seconds": row.seconds,
            }
            for row in rows
            if row.seconds is not None
        ]

    def pruned_accuracies(self, stage: str, split: str) -> dict[tuple[float, ...], float]:
        """Return the accuracies of a pruned candidate computed so far, fractions, by θ of each hidden layer.

        Parameters
        ----------
        stage : str
            Key of the candidate's stage.
        split : {"validation", "test"}
        """
        query = sql.select(PRUNED.c.theta, PRUNED.c.accuracy)
        with self.transaction() as connection:
            rows = connection.execute(query.where(PRUNED.c.stage == stage, PRUNED.c.split == split)).all()
        return {tuple(json.loads(theta)): accuracy for theta, accuracy in rows}

    def active(self) -> list[Run]:
        """List the queued and running runs, oldest first."""
        query = DESCRIBED_RUNS.where(RUNS.c.state.in_(("queued", "running"))).order_by(RUNS.c.created)
        with self.transaction() as connection:
            return [as_run(row, served=True) for row in connection.execute(query)]

    def is_held(self) -> bool:
        """Tell whether queued runs of students wait until the lecturer lets them go on."""
        return (self.location / HELD).exists()

    def last_started(self) -> dict[str | None, float]:
        """Return when each owner's last run was begun, in seconds since 1970; None stands for runs without one."""
        query = sql.select(RUNS.c.owner, sql.func.max(RUNS.c.started)).where(RUNS.c.started.is_not(None))
        with self.transaction() as connection:
            return dict(map(tuple, connection.execute(query.group_by(RUNS.c.owner))))

    def students(self) -> list[str]:
        """List the names of a class, in the order in which they came in."""
        with self.transaction() as connection:
            return list(connection.execute(sql.select(STUDENTS.c.name).order_by(STUDENTS.c.came)).scalars())

    def bets(self, question: str) -> dict[str, int]:
        """Return the bets of a class on a question: name of the student → place of the question's slider, from 0."""
        query = sql.select(BETS.c.student, BETS.c.place).where(BETS.c.question == question)
        with self.transaction() as connection:
            return dict(map(tuple, connection.execute(query)))

    def is_revealed(self, question: str) -> bool:
        """Tell whether a class has been shown the bets on a question."""
        with self.transaction() as connection:
            return connection.execute(REVEALED.select().where(REVEALED.c.question == question)).first() is not None

    def unneeded(self) -> list[str]:
        """List the keys of the artifacts and checkpoints that no run in the store needs."""
        query = sql.select(STAGES.c.key, STAGES.c.network).join(RUN_STAGES, RUN_STAGES.c.stage == STAGES.c.key)
        with self.transaction() as connection:
            linked = dict(map(tuple, connection.execute(query)))
        needed = {*linked, *linked.values()}
        for stage, network in linked.items():
            if network is not None:
                # The logits behind fingerprints are artifacts of their own. Those of a damaged result are made with it.
                with suppress(DamagedError):
                    needed.update(self.artifacts.read(stage, Changed).made)
        return sorted(key for key in self.artifacts.keys() if key not in needed)  # noqa: SIM118 - no dictionary
