"""What students of a class may do with a store, and whose turn it is."""

import asyncio
import inspect
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clnp_core.errors import StoreError
from clnp_core.runs import sweep
from clnp_core.runs.classroom.student import StudentStore
from clnp_core.runs.classroom.turns import in_turn
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.runs.store.requests import Requests
from tests.made_up import summary

SPEC = preset("digits")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def anna(store: Store) -> StudentStore:
    return StudentStore(store, "Anna", 3)


@pytest.fixture
def ben(store: Store) -> StudentStore:
    return StudentStore(store, "Ben", 3)


def test_students_see_their_own_runs_the_lecturers_and_what_is_shared(store, anna, ben):
    lecturers, hers, his = (each.add(SPEC) for each in (store, anna, ben))
    assert [run.id for run in anna.runs()] == [hers, lecturers]
    assert [run.id for run in ben.runs()] == [his, lecturers]
    assert [(run.id, run.owner) for run in store.runs()] == [(his, "Ben"), (hers, "Anna"), (lecturers, None)]
    with pytest.raises(StoreError, match=f"There is no run '{his}' that you can see"):
        anna.run(his)
    with pytest.raises(StoreError, match="that you can see"):
        anna.find(his)
    ben.share(his, True)
    store.share(lecturers, False)
    assert [run.id for run in anna.runs()] == [his, hers]
    assert anna.run(his).to_json()["owner"] == "Ben"
    store.pin(lecturers)
    assert (store.baseline(), anna.baseline()) == (lecturers, None)
    store.pin(his)
    assert anna.baseline() == his


def test_a_fork_of_a_shared_run_is_ones_own(store, anna, ben):
    lecturers = store.add(SPEC)
    forked = anna.add(fork(SPEC, 2, {"margin": 0.05}))
    assert (anna.run(forked).parent, anna.run(forked).owner) == (lecturers, "Anna")
    assert forked not in [run.id for run in ben.runs()]


# Of all that can be asked for of a run, how: with the run's id, and what else.
ASKED: dict[str, Callable[[Store, str], Any]] = {
    "pause": lambda store, run: store.pause(run),
    "cancel": lambda store, run: store.cancel(run),
    "resume": lambda store, run: store.resume(run),
    "set_aside": lambda store, run: store.set_aside([run]),
    "remove": lambda store, run: store.remove(run),
    "describe": lambda store, run: store.describe(run, ["mine"], "Mine."),
    "rename": lambda store, run: store.rename(run, "mine"),
    "share": lambda store, run: store.share(run, True),
    "pin": lambda store, run: store.pin(run),
    "hold": lambda store, run: store.hold(True),
    "reveal": lambda store, run: store.reveal("forgetting", True),
}
HARMLESS = {"add", "bet", "add_sweep", "bind", "taken_up", "welcome", "may_change", "check_room", "remove_sweep"}


@pytest.mark.parametrize("what", ASKED)
def test_nobody_elses_run_can_be_changed(what, store, anna, ben):
    runs = {"Ben's": ben.add(SPEC), "Ben's, shared": ben.add(SPEC), "the lecturer's": store.add(SPEC)}
    store.share(runs["Ben's, shared"], True)
    for run in runs.values():
        if what == "resume":
            store.pause(run)
        before = store.run(run), store.baseline(), store.is_held()
        with pytest.raises(StoreError):
            ASKED[what](anna, run)
        assert (store.run(run), store.baseline(), store.is_held()) == before


def test_every_request_is_one_that_students_were_thought_of():
    public = {name for name, _ in inspect.getmembers(Requests, inspect.isfunction) if name in vars(Requests)}
    assert {name for name in public if not name.startswith("_")} == {*ASKED, *HARMLESS}


def test_own_runs_are_ones_own_to_change(store, anna):
    run = anna.add(SPEC)
    anna.describe(run, ["mine"], "")
    anna.rename(run, "my first")
    anna.pause(run)
    anna.resume(run)
    anna.cancel(run)
    assert (store.run(run).state, store.run(run).title, store.run(run).tags) == ("cancelled", "my first", ("mine",))
    anna.remove(run)
    assert store.runs() == []


def test_a_quota_holds_for_what_is_under_way(store, anna, ben):
    first, *_ = runs = [anna.add(SPEC) for _ in range(3)]
    with pytest.raises(StoreError, match="You have 3 of at most 3 runs under way, and one more is asked for"):
        anna.add(SPEC)
    ben.add(SPEC)
    anna.pause(first)
    anna.add(SPEC)
    with pytest.raises(StoreError, match="at most 3"):
        anna.resume(first)
    for run in runs[1:]:
        store.finish(run, summary())
    anna.resume(first)
    assert store.run(first).state == "queued"


def test_a_sweep_beyond_the_quota_asks_for_nothing(store, anna, ben):
    axes = {"seed": [0, 1, 2, 3]}
    specs = sweep.sequences("digits", {}, axes)
    with pytest.raises(StoreError, match="You have 0 of at most 3 runs under way, and 4 more are asked for"):
        sweep.ask(anna, axes, specs)
    assert store.runs() == []
    store.add(specs[0])  # is there already, and the lecturer's
    asked = sweep.ask(anna, axes, specs)
    assert [run.owner for run in anna.sweep_runs(asked).values()] == [None, "Anna", "Anna", "Anna"]
    assert ([each.id for each in anna.sweeps()], ben.sweeps()) == ([asked], [])
    for refused in (ben.sweep, ben.sweep_runs, ben.remove_sweep):
        with pytest.raises(StoreError):
            refused(asked)
    anna.remove_sweep(asked)
    assert store.sweeps() == []
    lecturers = sweep.ask(store, axes, specs)
    assert len(ben.sweep_runs(lecturers)) == 1
    with pytest.raises(StoreError, match="only your own can be forgotten"):
        ben.remove_sweep(lecturers)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (" ", "Give the name"),
        ("x" * 31, "at most 30"),
        ("a\x1b", "cannot be shown"),
        (" aNNA", "is taken"),
        ("Lecturer", "is taken"),
    ],
)
def test_a_name_is_ones_own(store, name, sentence):
    assert store.welcome("  Anna ") == "Anna"
    with pytest.raises(StoreError, match=sentence):
        store.welcome(name)
    assert store.students() == ["Anna"]


def test_a_store_without_owners_is_opened_and_its_runs_are_the_lecturers(store, anna):
    run = store.add(SPEC)
    swept = sweep.ask(store, {"seed": [1]}, sweep.sequences("digits", {}, {"seed": [1]}))
    with sqlite3.connect(store.location / "clnp.sqlite") as database:
        database.executescript(
            "ALTER TABLE runs DROP COLUMN owner; ALTER TABLE runs DROP COLUMN shared;"
            "ALTER TABLE sweeps DROP COLUMN owner; DROP TABLE students; DROP TABLE bets; DROP TABLE revealed"
        )
        database.execute("PRAGMA user_version = 8")
    opened = Store(store.location)
    assert (opened.run(run).owner, opened.run(run).shared, opened.sweep(swept).owner) == (None, True, None)
    assert opened.welcome("Anna") == "Anna"
    assert run in [each.id for each in StudentStore(opened, "Anna", 1).runs()]
    assert (opened.bets("forgetting"), opened.is_revealed("forgetting")) == ({}, False)


def test_a_bet_is_ones_own_and_can_be_changed_until_all_are_revealed(store, anna, ben):
    anna.bet("forgetting", 4)
    anna.bet("forgetting", 9, "Ben")
    ben.bet("forgetting", 4)
    ben.bet("another", 1)
    assert store.bets("forgetting") == {"Anna": 9, "Ben": 4}
    assert (anna.bets("forgetting"), ben.bets("forgetting")) == ({"Anna": 9}, {"Ben": 4})
    store.reveal("forgetting", True)
    assert anna.bets("forgetting") == store.bets("forgetting")
    with pytest.raises(StoreError, match="The bets are revealed"):
        anna.bet("forgetting", 0)
    ben.bet("another", 2)
    store.reveal("forgetting", False)
    assert anna.bets("forgetting") == {"Anna": 9}
    anna.bet("forgetting", 0)
    assert Store(store.location).bets("forgetting") == {"Anna": 0, "Ben": 4}


# Whose turn it is.


def queue(store: Store, *owners: str | None) -> dict[str, str]:
    """Queue a run of each of these: its id → who it is of, with a number."""
    counts: dict[str | None, int] = {}
    names = {}
    for owner in owners:
        counts[owner] = counts.get(owner, 0) + 1
        names[store.add(SPEC, owner=owner)] = f"{owner} {counts[owner]}"
    return names


def begun_in_order(store: Store, at_once: int, first: tuple[str, ...] = ()) -> list[str]:
    """Carry out what is queued, so many runs at once, of which the oldest ends first: the ids as they begin."""
    at_work: list[str] = []
    order: list[str] = []
    while runs := store.active():
        waiting = in_turn(store, runs, at_work, first)
        if waiting and len(at_work) < at_once:
            store.start(waiting[0].id)
            at_work.append(waiting[0].id)
            order.append(waiting[0].id)
        elif not at_work:
            return order  # what is left waits
        else:
            store.finish(at_work.pop(0), summary())
    return order


@pytest.mark.parametrize("at_once", [1, 2])
def test_students_take_turns_whoever_asked_for_more(store, at_once):
    names = queue(store, "Anna", "Anna", "Anna", None, "Ben", "Ben", "Cleo")
    order = [names[run] for run in begun_in_order(store, at_once)]
    assert order == ["Anna 1", "None 1", "Ben 1", "Cleo 1", "Anna 2", "Ben 2", "Anna 3"]


def test_who_comes_later_is_before_the_second_runs_of_others(store):
    names = queue(store, "Anna", "Anna", "Ben")
    first, *_ = begun = [run for run, name in names.items() if name == "Anna 1"]
    store.start(first)
    names |= queue(store, "Cleo")
    assert [names[run.id] for run in in_turn(store, store.active(), begun)] == ["Ben 1", "Cleo 1", "Anna 2"]


def test_without_owners_the_oldest_run_is_next(store):
    names = queue(store, None, None, None)
    assert begun_in_order(store, 2) == list(names)


def test_while_the_queue_is_held_only_runs_without_an_owner_begin(store):
    names = queue(store, "Anna", None, "Ben")
    store.hold(True)
    assert [names[run] for run in begun_in_order(store, 2)] == ["None 1"]
    store.hold(False)
    assert [names[run] for run in begun_in_order(store, 2)] == ["Anna 1", "Ben 1"]


def test_the_engine_lets_students_take_turns(store, monkeypatch):
    """On a single place; each run ends as soon as it has begun."""
    names = queue(store, "Anna", "Anna", "Ben")
    order: list[str] = []

    async def carried_out(self: Engine, run: Any, active: Any) -> None:
        store.start(run.id)
        order.append(names[run.id])
        store.finish(run.id, summary())
        del self._active[run.id]
        self._run_ended.set()

    monkeypatch.setattr(Engine, "_carry_out", carried_out)
    asyncio.run(Engine(store, places=1).serve(idle_seconds=0))
    assert order == ["Anna 1", "Ben 1", "Anna 2"]
