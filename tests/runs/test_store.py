"""The store, with real files and real processes."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from clnp_core.errors import StoreError
from clnp_core.runs.spec import preset
from clnp_core.runs.store import SCHEMA_VERSION, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_run_is_kept_with_its_results(store):
    spec = preset("digits", {"margin": 0.02})
    run = store.add(spec)
    store.add_epoch(run, 0.5, task=1, candidate=0, epoch=1, loss=1.5, validation_accuracy=0.8, seconds=0.1)
    store.add_learned(run, 2, {"task": 2})
    store.add_learned(run, 1, {"task": 1})
    again = Store(store.location)
    assert again.run(run).spec == spec
    assert (again.run(run).state, again.run(run).fraction) == ("queued", 0.5)
    assert [(epoch["loss"], epoch["validation_accuracy"]) for epoch in again.epochs(run)] == [(1.5, 0.8)]
    assert again.learned(run) == [{"task": 1}, {"task": 2}]
    again.finish(run, {"tasks": 2})
    assert (store.run(run).state, store.run(run).summary) == ("finished", {"tasks": 2})


def test_the_newest_run_comes_first(store):
    runs = [store.add(preset("digits")) for _ in range(3)]
    assert [run.id for run in store.runs()] == runs[::-1]


def test_a_run_whose_process_was_killed_is_interrupted(store):
    run = store.add(preset("digits"))
    program = (
        "import sys, time; from pathlib import Path; from clnp_core.runs.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "with store.hold(sys.argv[2]):\n"
        "    store.start(sys.argv[2]); print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(store.location), run]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert store.run(run).state == "running"
        with pytest.raises(StoreError, match="already being worked on"), store.hold(run):
            pass
        process.send_signal(signal.SIGKILL)
    assert store.run(run).state == "interrupted"


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
    with pytest.raises(StoreError, match="cannot be made"):
        Store(tmp_path / "file" / "store")


def test_an_unknown_run_is_said(store):
    with pytest.raises(StoreError, match="no run 'nothing'"):
        store.run("nothing")


def test_the_location_is_the_one_named_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "named"))
    assert Store().location == tmp_path / "named"
    assert os.listdir(tmp_path / "named")
