"""The store, with real files and real processes."""

import math
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from clnp_core.errors import StoreError
from clnp_core.runs.fold.stages import fit_stages
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.store.database import SCHEMA_VERSION
from tests.made_up import epoch, record, summary


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def serving(store):
    """Another process that serves the store, as an engine does."""
    program = (
        "import sys, time; from pathlib import Path; from clnp_core.runs.store import Store\n"
        "with Store(Path(sys.argv[1])).hold_engine():\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(store.location)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_run_is_kept_with_its_results(store):
    spec = preset("digits", {"margin": 0.02})
    run = store.add(spec)
    (stage,) = fit_stages(spec, "data", 1, None, None)
    store.link(run, stage, 0)
    store.put_epochs([(stage.key, epoch()), (stage.key, epoch(2, loss=math.nan))])
    store.put_progress(run, 3.0, 0.5, 12.0)
    store.put_learned(run, record(task=2))
    store.put_learned(run, record())
    again = Store(store.location)
    kept = again.run(run)
    assert (kept.spec, kept.state) == (spec, "queued")
    assert (kept.seconds, kept.fraction, kept.seconds_left) == (3.0, 0.5, 12.0)
    trained = [(epoch["task"], epoch["epoch"], epoch["loss"]) for epoch in again.epochs(run)]
    assert trained == [(1, 1, 1.5), (1, 2, None)]
    assert again.learned(run) == [record(), record(task=2)]
    again.finish(run, summary())
    assert (store.run(run).state, store.run(run).summary) == ("finished", summary())
    assert [text for _, text in store.events(run)] == ["finished"]


def test_what_is_written_again_after_a_crash_is_there_once(store):
    run = store.add(preset("digits"))
    (stage,) = fit_stages(preset("digits"), "data", 1, None, None)
    for seconds in (0.1, 0.2):
        store.link(run, stage, 0)
        store.put_epochs([(stage.key, epoch(seconds=seconds))])
        store.put_learned(run, record(learning_rate=seconds))
    assert [epoch["seconds"] for epoch in store.epochs(run)] == [0.2]
    assert store.learned(run) == [record(learning_rate=0.2)]


def test_the_newest_run_comes_first(store):
    runs = [store.add(preset("digits")) for _ in range(3)]
    assert [run.id for run in store.runs()] == runs[::-1]


def test_a_run_whose_engine_was_killed_is_interrupted_and_queued_by_the_next(store, serving):
    run = store.add(preset("digits"))
    store.start(run)
    assert store.engine() == serving.pid
    assert store.run(run).state == "running"
    with pytest.raises(StoreError, match=f"has an engine already: process {serving.pid}"), store.hold_engine():
        pass
    serving.send_signal(signal.SIGKILL)
    serving.wait()
    assert store.engine() is None
    assert store.run(run).state == "interrupted"
    with store.hold_engine():
        store.requeue_interrupted()
    assert store.run(run).state == "queued"


def test_requests_to_a_run_at_work_are_the_engines_to_fulfil(store, serving):
    run = store.add(preset("digits"))
    store.start(run)
    store.pause(run)
    assert (store.run(run).state, store.run(run).wanted) == ("running", "pause")
    with pytest.raises(StoreError, match="is running; cancel it before you remove it"):
        store.remove(run)
    store.leave(run, "paused")
    store.resume(run)
    assert (store.run(run).state, store.run(run).wanted) == ("queued", "run")


def test_requests_to_a_run_that_nobody_works_on_take_effect_at_once(store):
    run = store.add(preset("digits"))
    store.pause(run)
    assert store.run(run).state == "paused"
    store.resume(run)
    store.start(run)
    assert store.run(run).state == "interrupted"
    store.cancel(run)
    assert store.run(run).state == "cancelled"
    store.remove(run)
    assert store.runs() == []


def test_what_is_over_cannot_be_stopped_and_what_is_at_work_not_resumed(store):
    run = store.add(preset("digits"))
    with pytest.raises(StoreError, match="cannot be resumed: it is queued"):
        store.resume(run)
    store.finish(run, summary())
    with pytest.raises(StoreError, match="cannot be paused: it is finished"):
        store.pause(run)
    with pytest.raises(StoreError, match="cannot be cancelled: it is finished"):
        store.cancel(run)


def test_the_unfinished_run_of_a_specification_is_found(store):
    spec = preset("digits")
    finished, paused = store.add(spec), store.add(spec)
    store.add(preset("digits", {"margin": 0.5}))
    store.finish(finished, summary())
    store.pause(paused)
    assert [run.id for run in store.unfinished(spec)] == [paused]
    assert store.unfinished(preset("digits-multihead")) == []


def test_a_store_of_a_newer_version_is_refused(store):
    with sqlite3.connect(store.location / "clnp.sqlite") as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="written by a newer version"):
        Store(store.location)


def test_a_damaged_store_is_refused_and_left_alone(tmp_path):
    (tmp_path / "clnp.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        Store(tmp_path)
    assert (tmp_path / "clnp.sqlite").read_bytes() == b"no database " * 1000


def test_a_place_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be created"):
        Store(tmp_path / "file" / "store")


def test_an_unknown_run_is_said(store):
    with pytest.raises(StoreError, match="no run 'nothing'"):
        store.run("nothing")


def test_the_location_is_the_one_named_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "named"))
    assert Store().location == tmp_path / "named"
    assert os.listdir(tmp_path / "named")


def test_a_store_of_an_early_version_is_refused(store):
    with sqlite3.connect(store.location / "clnp.sqlite") as database:
        database.execute("PRAGMA user_version = 1")
    with pytest.raises(StoreError, match="written by an early version"):
        Store(store.location)


@pytest.mark.parametrize("version", [3, 4])
def test_a_store_of_an_older_version_is_opened_with_its_runs_and_gains_what_it_lacks(store, version):
    run = store.add(preset("digits"))
    with sqlite3.connect(store.location / "clnp.sqlite") as database:
        for table in ("run_notes", "baseline", *(["pruned", "sweep_runs", "sweeps"] if version == 3 else [])):
            database.execute(f"DROP TABLE {table}")
        database.execute("ALTER TABLE epochs DROP COLUMN neurons")
        database.execute(f"PRAGMA user_version = {version}")
    opened = Store(store.location)
    assert opened.run(run).spec == preset("digits")
    assert (opened.run(run).tags, opened.run(run).note, opened.baseline()) == ((), "", None)
    opened.describe(run, ["first"], "A note.")
    opened.pin(run)
    assert (opened.runs()[0].tags, opened.sweeps(), opened.baseline()) == (("first",), [], run)


def test_tags_and_a_note_are_kept_with_a_run(store):
    run, other = store.add(preset("digits")), store.add(preset("digits"))
    store.describe(run, ["  seed   study ", "good", "good", " "], " What it shows. ")
    assert (store.run(run).tags, store.run(run).note) == (("seed study", "good"), "What it shows.")
    assert [kept.tags for kept in store.runs()] == [(), ("seed study", "good")]
    assert [kept.tags for kept in store.active()] == [("seed study", "good"), ()]
    store.describe(run, [], "")
    assert (store.run(run).tags, store.run(other).note) == ((), "")
    with pytest.raises(StoreError, match="at most 40 characters"):
        store.describe(run, ["x" * 41], "")
    with pytest.raises(StoreError, match="at most 4000"):
        store.describe(run, [], "x" * 4001)
    with pytest.raises(StoreError, match="There is no run 'nope'"):
        store.describe("nope", [], "")


def test_one_run_at_most_is_the_baseline(store):
    run, other = store.add(preset("digits")), store.add(preset("digits"))
    store.pin(run)
    store.pin(other)
    assert store.baseline() == other
    store.pin(None)
    assert store.baseline() is None
    store.pin(run)
    store.describe(run, ["tag"], "")
    store.remove(run)
    assert store.baseline() is None
    with pytest.raises(StoreError, match="There is no run"):
        store.pin(run)


def test_of_each_training_the_last_epoch_is_told_in_the_order_they_were_begun(store):
    run = store.add(preset("digits"))
    for candidate, stage in enumerate(
        fit_stages(preset("digits", {"lambda.2": [1e-3, 2e-3]}), "digest", 1, None, None)
    ):
        store.link(run, stage, candidate)
        store.put_epochs([(stage.key, epoch(number)) for number in range(1, 4 - candidate)])
    assert store.last_epochs(run) == [
        {"task": 1, "candidate": 0, "epoch": 3},
        {"task": 1, "candidate": 1, "epoch": 2},
    ]
