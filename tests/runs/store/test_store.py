"""The store, with real files and real processes."""

import errno
import fcntl
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clnp_core.errors import DataError, HeldError, StoreError
from clnp_core.runs import submit
from clnp_core.runs.background import end_engine, engine_process, hand_over, see_on
from clnp_core.runs.fold.stages import fit_stages
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store, database
from clnp_core.runs.store.database import SCHEMA_VERSION
from clnp_core.tasks import datasets
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


@pytest.mark.parametrize(
    ("column", "value", "damage"),
    [
        ("created", "1e18", "is damaged: what it has for a moment begins '1e+18'"),
        ("finished", "'soon'", "is damaged: what it has for a moment begins 'soon'"),
        ("spec", "'digits'", "it is damaged (Expecting value"),
    ],
)
def test_a_damaged_value_of_the_database_is_said(column, value, damage, store, said):
    store.add(preset("digits"))
    with sqlite3.connect(store.location / "clnp.sqlite") as file:
        file.execute(f"UPDATE runs SET {column} = {value}")  # noqa: S608
    status, _, complained = said("list", "--store", store.location)
    assert (status, complained.count("\n")) == (2, 1)
    assert damage in complained


def test_a_store_that_a_user_may_not_look_into_is_said(tmp_path):
    Store(tmp_path / "store")
    (tmp_path / "store").chmod(0)
    apart = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"] if os.geteuid() == 0 else []
    if apart and not shutil.which("setpriv"):
        pytest.skip("root may look into everything")
    command = [*apart, sys.executable, "-m", "clnp_core.cli", "list", "--store", tmp_path / "store"]
    done = subprocess.run(command, capture_output=True, text=True)
    (tmp_path / "store").chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Permission denied" in done.stderr


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


def test_a_run_is_renamed_found_by_its_name_and_keeps_its_id(store):
    run, other = store.add(preset("digits")), store.add(preset("digits"))
    store.rename(run, "  wide,   small λ ")
    store.describe(run, ["good"], "")
    named = store.find("wide, small λ")
    assert (named.id, named.name, named.title, named.called) == (
        run,
        named.title,
        "wide, small λ",
        f"{named.name} ({run})",
    )
    assert [each.title for each in store.runs()] == [other, "wide, small λ"]
    assert store.run(run).to_json()["name"] == "wide, small λ"
    store.rename(other, "wide, small λ")
    with pytest.raises(StoreError, match=f"is the name of 2 runs, {other}, {run}; give"):
        store.find("wide, small λ")
    store.rename(run, " ")
    assert (store.run(run).name, store.run(run).title) == ("", run)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("x" * 61, "has 61 characters; give at most 60"),
        ("red\x1b[31m", r"'red\\x1b\[31m' has a character that cannot be shown"),
        ("a \u202e b", "has a character that cannot be shown"),
        (None, "is the id of another run"),
    ],
)
def test_an_impossible_name_is_refused_in_a_sentence(store, name, sentence):
    run, other = store.add(preset("digits")), store.add(preset("digits"))
    with pytest.raises(StoreError, match=sentence):
        store.rename(run, name or other)
    assert store.run(run).title == run
    with pytest.raises(StoreError, match="There is no run 'nope'"):
        store.rename("nope", "a name")


def test_a_fork_knows_the_run_that_it_goes_on_from(store):
    spec = preset("digits")
    here, same, later = fork(spec, 3, {"theta": 0.5}), fork(spec, 2, {"margin": 0.05}), fork(spec, 2, {"epochs": 9})
    first, alike = store.add(spec), store.add(spec)
    forks = {
        first: store.add(same, like=store.run(first)),  # of two that are alike, the one that was meant
        alike: store.add(later),
    }
    assert {store.run(each).parent: each for each in forks.values()} == forks
    committed = store.add(fork(here, 4, {"theta": None}), like=store.run(first))  # what is between them never was a run
    assert store.run(committed).parent == first
    assert (store.run(first).parent, store.run(committed).to_json()["parent"]) == (None, first)
    store.remove(first)
    assert store.run(committed).parent == first


def test_forks_of_an_older_store_get_the_run_that_they_go_on_from(store):
    spec = preset("digits")
    run, unlike = store.add(spec), store.add(preset("digits", {"seed": 1}))
    committed = store.add(fork(fork(spec, 3, {"theta": 0.5}), 4, {"theta": None}))
    nearest = store.add(fork(store.run(committed).spec, 6, {"margin": 0.05}))
    lost = store.add(fork(preset("digits", {"seed": 2}), 2, {"margin": 0.05}))
    with sqlite3.connect(store.location / "clnp.sqlite") as database:
        database.executescript("ALTER TABLE runs DROP COLUMN name; ALTER TABLE runs DROP COLUMN parent")
        database.execute("PRAGMA user_version = 7")
    opened = Store(store.location)
    parents = {each.id: each.parent for each in opened.runs()}
    assert parents == {run: None, unlike: None, committed: run, nearest: committed, lost: None}
    opened.rename(run, "the first")
    assert opened.find("the first").id == run


def test_what_runs_have_reached_is_told_of_their_last_tasks(store):
    run, unpartitioned, begun = (store.add(preset("digits")) for _ in range(3))
    store.put_learned(run, record())
    store.put_learned(run, record(task=2, accuracy=[0.9, 0.8], free=[300, 200], widths=[400, 400]))
    store.put_learned(unpartitioned, record(accuracy=[0.5], free=[]))
    reached = store.reached()
    assert begun not in reached
    assert (reached[run].accuracy, reached[run].used) == (pytest.approx(0.85), 0.375)
    assert (reached[unpartitioned].accuracy, reached[unpartitioned].used) == (0.5, None)


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


def test_many_make_the_same_store_at_the_same_instant(tmp_path):
    start = threading.Barrier(8)

    def opened(folder):
        start.wait()
        store = Store(folder)
        store.add(preset("digits"))
        return store

    for number in range(3):
        with ThreadPoolExecutor(8) as threads:
            stores = list(threads.map(opened, [tmp_path / str(number)] * 8))
        assert [len(store.runs()) for store in stores] == [8] * 8


@pytest.mark.parametrize("name", ["exp?1", "exp?2", "acc50%25", "a#b", "file:x", "mode=ro&[1]"])
def test_a_stores_path_is_taken_as_it_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    store = Store(database.Path(name))
    run = store.add(preset("digits"))
    assert [each.id for each in Store(tmp_path / name).runs()] == [run]
    assert os.listdir(tmp_path) == [name]


def test_a_store_stays_where_it_is_when_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store(Path("store"))
    run = store.add(preset("digits"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with store.hold_engine(), ThreadPoolExecutor() as threads:
        assert [each.id for each in threads.submit(store.runs).result()] == [run]
        assert store.engine() == os.getpid()
    assert os.listdir() == []


@pytest.mark.parametrize("found", [Path("~/.local/share/clnp"), RuntimeError("no home")])
def test_a_user_without_a_home_is_asked_for_a_folder(tmp_path, monkeypatch, found):
    """In a container. Versions of platformdirs differ in how they tell."""

    def user_path(_):
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.chdir(tmp_path)
    for place, name in ((database, "user_data_path"), (datasets, "user_cache_path")):
        monkeypatch.setattr(place.platformdirs, name, user_path)
    monkeypatch.delenv("CLNP_STORE", raising=False)
    monkeypatch.delenv("CLNP_DATA_DIR", raising=False)
    with pytest.raises(StoreError, match=r"no home folder to keep runs in; .* CLNP_STORE"):
        Store()
    with pytest.raises(DataError, match=r"no home folder to keep data in; .* CLNP_DATA_DIR"):
        datasets.data_directory()
    assert os.listdir(tmp_path) == []


def test_a_store_of_several_users_can_be_served_by_each_of_them(tmp_path):
    """If the umask says that a group may write, its members may lock the store, too."""
    before = os.umask(0o002)
    try:
        Store(tmp_path).check_locks()
    finally:
        os.umask(before)
    assert (tmp_path / "engine.lock").stat().st_mode & 0o777 == 0o664


def test_an_engine_that_is_suspended_can_be_ended(store, serving):
    serving.send_signal(signal.SIGSTOP)
    assert end_engine(store) == serving.pid


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_and_read_all_the_same(store, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    run = store.add(preset("digits"))
    monkeypatch.setattr(fcntl, "flock", flock)
    assert (store.engine(), store.run(run).state) == (None, "queued")
    for serve in (lambda: store.hold_engine().__enter__(), lambda: submit(preset("digits"), store)):
        with pytest.raises(StoreError, match=r"a file system without locks \(.*; name a folder on another one"):
            serve()
    with pytest.raises(StoreError, match="without locks"):
        see_on(store, run)


def test_who_looks_for_an_engine_does_not_keep_one_from_beginning(store):
    store.check_locks()
    with open(store.location / "engine.lock") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        threading.Timer(0.1, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        with store.hold_engine():
            assert store.engine() == os.getpid()


def test_an_engine_whose_process_is_not_known_is_not_ended(store, monkeypatch):
    """On a full disk it could not write it. Ending process 0 would end all that were started with this one."""
    monkeypatch.setattr(database, "_HOLD_SECONDS", 0.02)
    with store.hold_engine():
        (store.location / "engine.lock").write_text("")
        assert store.engine() == 0
        with pytest.raises(HeldError, match=r"has an engine already\.$"), store.hold_engine():
            pass
        with pytest.raises(StoreError, match="in another container, on another machine, or of another user"):
            end_engine(store)


def test_an_engine_of_another_machine_is_not_looked_for_among_the_processes_here(store, serving):
    assert engine_process(store).pid == serving.pid
    # A process that is here as well, and is no engine.
    (store.location / "engine.lock").write_text(str(os.getppid()))
    with pytest.raises(StoreError, match=f"process {os.getppid()} there"):
        end_engine(store)
    assert serving.poll() is None


def test_what_an_interrupted_process_set_aside_goes_on_for_who_waits_and_what_was_asked_to_pause_does_not(store):
    aside, asked, begun = (store.add(preset("digits")) for _ in range(3))
    store.pause(asked)
    store.start(begun)
    store.set_aside([aside, asked, begun])
    assert [store.run(run).state for run in (aside, asked, begun)] == ["paused", "paused", "interrupted"]
    assert [store.taken_up(run).state for run in (aside, asked, begun)] == ["queued", "paused", "interrupted"]


def test_what_is_queued_where_an_engine_ends_gets_another(store, monkeypatch):
    started = []
    monkeypatch.setattr("clnp_core.runs.background.ensure_engine", lambda *given: started.append(given) or 7)
    monkeypatch.setattr("clnp_core.runs.background._TAKE_OVER_SECONDS", 0)
    assert hand_over(store) is None
    store.add(preset("digits"))
    with store.hold_engine():  # somebody who waited for it took over
        assert hand_over(store) is None
    assert hand_over(store, "--workers=2") == 7
    assert started == [(store, "--workers=2")]


MOUNTED = """
import os, subprocess, sys
from pathlib import Path
import numpy as np
from safetensors.numpy import save
from clnp_core.cli import main
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
place, how = Path(sys.argv[1]), sys.argv[2]
if how == "make":
    store = Store(place)
    for seed in range(4):
        store.add(preset("digits", {"seed": seed}))
    store.artifacts.write("0" * 64, save({"x": np.zeros(2**14, np.float32)}))
    sys.exit()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], check=True)
subprocess.run([sys.executable, "-c", sys.argv[3], place, "make"], check=True)
if how == "full":
    filler = os.open(place / "filler", os.O_CREAT | os.O_WRONLY)
    try:
        while os.write(filler, bytes(1024)):
            pass
    except OSError:
        pass
else:
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
runs = [run.id for run in Store(place).runs()]
commands = ["list"], ["show", runs[0]], ["rm", runs[1]], ["rm", runs[2]], ["cancel", runs[3]], ["store", "prune"]
status = [main([*command, "--store", str(place)]) for command in commands]
print(status, len(Store(place).runs()))
"""


@pytest.mark.parametrize(
    ("how", "status", "complaint"),
    [
        ("full", "[0, 0, 0, 0, 2, 0] 2", "No space left on device"),
        ("ro", "[0, 0, 2, 2, 2, 2] 4", "Read-only file system"),
    ],
)
def test_what_cannot_be_written_is_read_and_a_full_disk_can_be_freed(tmp_path, how, status, complaint):
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("this user may mount nothing here")
    command = [*apart, sys.executable, "-c", MOUNTED, str(tmp_path), how, MOUNTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stdout.splitlines()[-1] == status, done.stderr
    assert all(complaint in line for line in done.stderr.splitlines())
