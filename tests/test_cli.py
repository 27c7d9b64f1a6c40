"""The command line: what it does, says and leaves; as a process of its own where that is what matters."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pandas as pd
import pytest

from clnp_core.cli import main
from clnp_core.cli.serve import until_terminated
from clnp_core.runs import background, submit
from clnp_core.runs.background import end_engine
from clnp_core.runs.engine import cluster
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store


def clnp(*arguments, **environment):
    return subprocess.run(command(arguments), **options(environment), capture_output=True, timeout=400)


def command(arguments):
    return [sys.executable, "-P", "-m", "clnp_core.cli", *map(str, arguments)]


@contextmanager
def started(*arguments, folder=None):
    """A command under way, in a process group of its own; in the end nothing is left of it, whatever happened."""
    said = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(arguments), **options({}), **said, cwd=folder, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def options(environment):
    return {"text": True, "env": os.environ | {"COLUMNS": "200"} | environment}


@pytest.fixture
def workers(monkeypatch, scheduler):
    """Engines of this test compute on workers that are there already."""
    monkeypatch.setenv("CLNP_SCHEDULER", scheduler)


CUT_SHORT = b"PK\x03\x04 cut short"


@pytest.fixture
def damaged_data(tmp_path, monkeypatch):
    """The file of a data set that is damaged, in the folder where data are looked for."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("CLNP_DATA_DIR", str(folder))
    (folder / "mnist.npz").write_bytes(CUT_SHORT)
    return folder / "mnist.npz"


SHORT = ("--tasks", 2, "--epochs", 3, "--set", "single_task=false")


def test_the_same_command_and_seed_give_the_same_json(tmp_path, workers, said):
    def arguments(name, file):
        return ("run", "digits", "--seed", 3, *SHORT, "--json", file, "--store", tmp_path / name)

    # On standard output, which then has nothing else, and in an encoding that lacks most signs.
    done = clnp(*arguments("one", "-"), PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    status, shown, _ = said(*arguments("two", tmp_path / "two.json"))
    assert status == 0
    summaries = [json.loads(done.stdout), json.loads((tmp_path / "two.json").read_text())]
    for summary in summaries:
        assert summary.pop("seconds") > 0
    assert summaries[0] == summaries[1]
    assert summaries[0]["seed"] == 3
    assert len(summaries[0]["accuracy"]) == 2
    assert "| theta |" in done.stderr
    for printed in (done.stderr, shown):
        assert "claimed/reused/free" in printed
        assert "identical to the bit" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["digitz"], "There is no preset 'digitz' (did you mean 'digits'?)"),
        (["digits", "--set", "lambda_1=3"], "There is no setting 'lambda_1'"),
        (["digits", "--set", "lambda.1=-1"], "lambda.1 = -1 is not possible"),
        (["digits", "--set", "margin=-1"], "margin = -1 is not possible"),
        (["digits", "--set", f"imported={'0' * 64}"], "imported: no setting can make a run an imported one"),
        (["digits", "--set", "theta=much"], 'theta = "much" is not possible'),
        (["digits", "--tasks", "0"], "stream.tasks = 0 is not possible"),
        (["digits", "--tasks", "many"], 'stream.tasks = "many" is not possible'),
        (["digits", "--json", "/no/such/folder/x.json"], "the file cannot be written"),
        (["permuted-mnist"], "mnist.npz is damaged or not a data set"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, damaged_data, said, arguments, sentence):
    store = tmp_path / "store"
    status, shown, complaint = said("run", *arguments, "--store", store)
    assert (status, shown) == (2, "")
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not store.exists()
    assert damaged_data.read_bytes() == CUT_SHORT


def test_no_network_and_no_data_is_one_sentence(tmp_path, monkeypatch, said):
    # Proxies that refuse at once stand for a machine without a network.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    # Whoever opens an address first in a process has its proxies kept for all who do so later.
    monkeypatch.setattr(urllib.request, "_opener", None)
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path / "d"))
    status, _, complaint = said("run", "permuted-mnist", "--store", tmp_path / "s")
    assert status == 2
    assert "could not be downloaded" in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert list(tmp_path.rglob("*")) == []


def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path, said):
    (tmp_path / "clnp.sqlite").write_text("not a database, certainly not one")
    for command in (["run", "digits"], ["dashboard", "--no-browser"]):
        status, _, complaint = said(*command, "--store", tmp_path)
        assert (status, len(complaint.strip().splitlines())) == (2, 1)
        assert "cannot be used" in complaint


def killed_after_its_first_task(store, arguments):
    """Whether a command was, or was over before."""
    with started(*arguments, "--store", store.location) as process:
        while not (store.runs() and store.learned(store.runs()[0].id)) and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        return process.wait() == -signal.SIGKILL


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path, workers, said):
    for seed in range(9):  # one that was over before it was killed is followed by another one
        arguments = ("run", "digits", "--tasks", 3, "--set", "epochs=[5,20]", "--set", "single_task=false")
        arguments, store = (*arguments, "--seed", seed), Store(tmp_path / f"killed-{seed}")
        if killed_after_its_first_task(store, arguments):
            break
    (run,) = store.runs()
    assert run.state == "interrupted"
    kept, calm = tmp_path / "killed.json", tmp_path / "calm.json"
    assert said(*arguments, "--json", kept, "--store", store.location)[0] == 0
    assert [each.id for each in store.runs()] == [run.id]
    assert said(*arguments, "--json", calm, "--store", tmp_path / "calm")[0] == 0
    summaries = [json.loads(path.read_text()) | {"seconds": 0} for path in (kept, calm)]
    assert summaries[0] == summaries[1]
    assert {stage["computed"] for stage in store.stages(run.id) if stage["task"] == 1} == {1}


def test_an_interrupt_is_answered_while_a_command_still_starts(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("clnp_core.cli.parser.parser", interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "clnp: interrupted; finished work is kept.\n"
    # What takes long to import is imported where that is so.
    program = "import clnp_core.cli, sys; print({'numpy', 'pydantic', 'clnp_core.cli.options'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_interrupted_again_while_it_ends_ends_well(number):
    ended = []

    async def work():
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(9)
        finally:
            for _ in range(3):
                os.kill(os.getpid(), number)
                await asyncio.sleep(0.01)
            ended.append("well")

    with pytest.raises(KeyboardInterrupt):
        until_terminated(work())
    assert ended == ["well"]


def test_an_interrupt_that_is_ignored_stays_so():
    """As a script's shell has it for the commands it puts into the background."""

    async def work():
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.01)
        return "done"

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert until_terminated(work()) == "done"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_pauses_the_run(tmp_path):
    """As Ctrl-C does, which workers get, too. They take no file in the working directory for one of Python's own."""
    store, folder = Store(tmp_path / "store"), tmp_path / "folder"
    folder.mkdir()
    (folder / "signal.py").write_text("raise SystemExit('this was imported')")
    arguments = ("run", "digits", "--epochs", 5000, "--set", "patience=5000", "--store", store.location)
    with started(*arguments, folder=folder) as process:
        while not (store.runs() and store.epochs(store.runs()[0].id)):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=400)
    assert process.returncode == 130
    assert said == "clnp: interrupted; finished work is kept.\n"
    assert store.runs()[0].state == "paused"


def test_a_run_beside_another_engine_is_taken_over_when_that_ends(tmp_path, workers, said):
    store, held = Store(tmp_path), threading.Event()

    def serve_until_it_is_queued():
        with store.hold_engine():
            held.set()
            while not store.runs():
                time.sleep(0.02)

    with ThreadPoolExecutor() as engine:
        serving = engine.submit(serve_until_it_is_queued)
        held.wait()
        assert said("run", "digits", *SHORT, "--store", tmp_path)[0] == 0
        serving.result()
    assert [run.state for run in store.runs()] == ["finished"]


def test_what_a_command_has_worked_on_beside_its_own_goes_on_in_the_background(
    tmp_path, workers, scheduler, said, monkeypatch
):
    store, started = Store(tmp_path), []
    monkeypatch.setattr(background, "ensure_engine", lambda *given: started.append(given) or 7)
    other = store.add(preset("digits", {"epochs": 5000, "patience": 5000}))
    status, _, complaint = said("run", "digits", *SHORT, "--workers", 3, "--store", tmp_path)
    assert (status, complaint) == (0, "other runs go on in the background, process 7: clnp status\n")
    assert store.run(other).state == "queued"
    assert [text for _, text in store.events(other)] == ["work begins", "work stops: queued"]
    ((where, *options),) = started
    assert (where.location, options) == (tmp_path, [f"--scheduler={scheduler}", "--workers=3"])


@pytest.mark.parametrize("given", ["0", "many", "-1", "2000"])
def test_an_impossible_number_of_workers_is_said(tmp_path, capsys, given):
    with pytest.raises(SystemExit, match="2"):
        main(["engine", "--workers", given, "--store", str(tmp_path / "store")])
    assert "is not possible; give a number from 1 to 1024" in capsys.readouterr().err


def test_a_dashboard_that_is_terminated_leaves_nothing(tmp_path, workers):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started("dashboard", "--no-browser", "--port", port, "--store", tmp_path) as process:
        while process.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health").close()
                break
            time.sleep(0.1)
        engine = Store(tmp_path).engine()
        assert engine
        process.terminate()
        assert process.wait(timeout=400) == 130
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))
    assert Store(tmp_path).engine() is None


def test_an_engine_that_is_terminated_while_it_trains_ends_and_queues_its_run_again(tmp_path, workers):
    store = Store(tmp_path)
    run = store.add(preset("digits", {"epochs": 5000, "patience": 5000}))
    with started("engine", "--store", tmp_path) as engine:
        while not store.epochs(run):
            assert engine.poll() is None
            time.sleep(0.05)
        engine.terminate()
        engine.wait(timeout=400)
    assert store.run(run).state == "queued"
    assert store.engine() is None


def test_runs_are_controlled_from_the_command_line_and_from_python(tmp_path, workers, said):
    def done(*arguments):
        """What a command that succeeds says."""
        status, shown, complaint = said(*arguments, "--store", tmp_path)
        assert status == 0, complaint
        return shown

    store = Store(tmp_path)
    run = submit(preset("digits", {"stream.tasks": 2, "epochs": 5, "single_task": False}), store)
    try:
        assert run.wait(timeout=400)["tasks"] == 2
        assert run.status == "finished"
        assert run.metrics().groupby(["task", "candidate"]).size().tolist() == [5, 5]

        name = done("fork", run.id, "--at-task", 2, "--set", "margin=0.2").strip()
        while store.run(name).is_active:
            time.sleep(0.1)
        assert store.run(name).state == "finished"

        long = submit(preset("digits", {"epochs": 5000, "patience": 5000}), store)
        while not store.epochs(long.id):
            time.sleep(0.05)
        for action, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            done(action, long.id)
            while long.status != state:
                time.sleep(0.05)

        listed = done("list")
        engine = store.engine()
        assert run.id in listed
        assert "cancelled" in listed
        shown = done("show", run.id)
        assert "mean accuracy" in shown
        assert '"margin": 0.01' in shown
        assert done("verify", run.id) == "task 1: identical\ntask 2: identical\n"
        done("rm", name)
        assert name not in done("list")
        assert "has an engine already" in said("store", "prune", "--store", tmp_path)[2]
        assert f"process {store.engine()} with" in done("status")
        assert done("engine", "--stop") == f"engine stopped, process {engine}\n"
        assert "no engine serves it" in done("status")
        assert ".safetensors" in done("store", "prune", "--dry-run")
    finally:
        end_engine(store)
    assert "bytes freed" in done("store", "prune")
    done("verify", run.id)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "nothing"], "There is no run 'nothing'"),
        (["cancel", "nothing"], "There is no run 'nothing'"),
        (["verify", "nothing"], "There is no run 'nothing'"),
        (["fork", "nothing", "--at-task", "2"], "There is no run 'nothing'"),
        (["run", "digits", "--tasks", "1", "--scheduler", "tcp://127.0.0.1:9"], "There is no Dask scheduler at"),
    ],
)
def test_impossible_requests_are_one_sentence(tmp_path, monkeypatch, said, arguments, sentence):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    status, _, complaint = said(*arguments, "--store", tmp_path)
    assert status == 2
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1


def test_an_engine_without_its_scheduler_is_one_sentence(tmp_path):
    done = clnp("engine", "--scheduler", "nowhere", "--store", tmp_path)  # a process that makes itself nicer
    assert done.returncode == 2
    assert "There is no Dask scheduler at nowhere" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("form", ["spec", "json"])
def test_a_run_is_asked_for_again_from_what_is_shown_of_it(tmp_path, workers, said, form):
    file, kept = tmp_path / "spec.json", ("--store", tmp_path / "store")
    spec = preset("digits", {"stream.tasks": 1, "epochs": 2, "single_task": False, "stream.seed": 4})
    store = Store(tmp_path / "store")
    file.write_text(said("show", store.add(spec), f"--{form}", *kept)[1])
    (queued,) = store.runs()
    assert queued.spec == spec
    assert said("run", file, *kept)[0] == 0  # the one that waits
    assert said("run", file, "--set", "margin=0.2", *kept)[0] == 0
    assert [(run.state, run.spec.margin) for run in store.runs()] == [("finished", 0.2), ("finished", 0.01)]
    assert {run.spec.stream.seed for run in store.runs()} == {4}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is not JSON (Expecting value"),
        (bytes(range(256)), "is not JSON"),
        (b"[" * 100_000, "is not JSON (maximum recursion depth"),
        (b" " * (2**20 + 1), "is too large for the specification of a run: more than 1,048,576 bytes"),
        (b'{"seed": 1, "stream": {"seed": 1, "seed": 2}}', "'seed' is there twice; give it once"),
        (b"[1, 2]", "is no specification of a run; get one with: clnp show RUN --spec"),
        (b'{"preset": "digits", "method": "clnp", "seed": 0}', "The setting 'stream.dataset' is missing"),
        (b'{"lambda": 3, "stream": 4}', "stream = 4 has no setting 'tasks'"),
    ],
)
def test_a_file_that_is_no_specification_is_one_sentence_and_leaves_nothing(tmp_path, said, content, sentence):
    file, store = tmp_path / "spec.json", tmp_path / "store"
    if content is not None:
        file.write_bytes(content)
    status, shown, complaint = said("run", file, "--set", "stream.tasks=1", "--store", store)
    assert (status, shown, len(complaint.strip().splitlines())) == (2, "", 1)
    assert complaint.startswith(f"clnp: {file}")
    assert sentence in complaint
    assert not store.exists()


OVER = ("--over", "margin=0.005,0.02")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["digitz", *OVER], "There is no preset 'digitz'"),
        (["digits", "--over", "margins=1"], "There is no setting 'margins'"),
        (["digits", *OVER, *OVER], "The sweep goes over 'margin' twice"),
        (["digits", "--tasks", "2", "--over", "stream.tasks=2,3"], "'stream.tasks', which is also set"),
        (["digits", *OVER, "--set", "margin=0"], "'margin', which is also set"),
        (["digits", *OVER, "--out", "table.xlsx"], "give a name that ends in .csv or .parquet"),
        (["digits", *OVER, "--out", "/no/such/folder/x.csv"], "x.csv: the file cannot be written"),
        (["permuted-mnist", *OVER], "mnist.npz is damaged or not a data set"),
    ],
)
def test_a_sweep_that_is_impossible_is_one_sentence_and_leaves_nothing(
    tmp_path, damaged_data, said, arguments, sentence
):
    store = tmp_path / "store"
    status, _, complaint = said("sweep", *arguments, "--store", store)
    assert status == 2
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not store.exists()


def test_a_sweep_writes_its_table_and_tells_of_the_sequence_that_failed(tmp_path, workers, said):
    arguments = ("sweep", "digits", *SHORT, "--over", "learning_rate=0.02,1e38", "--store", tmp_path / "store")
    files = [tmp_path / "table.csv", tmp_path / "table.parquet"]
    status, shown, complaint = said(*arguments, "--out", files[0], "--out", files[1])
    assert status == 1
    assert len(complaint.strip().splitlines()) == 1
    assert "training diverged" in complaint
    one, other = pd.read_csv(files[0]), pd.read_parquet(files[1])
    pd.testing.assert_frame_equal(one, other, check_dtype=False)
    assert list(one["learning_rate"]) == [0.02, 1e38]
    assert list(one["state"]) == ["finished", "failed"]
    assert list(one["tasks_fitted"]) == [2, 0]
    assert f"{one['mean_accuracy'][0]:.2%}" in shown
    (sweep,) = Store(tmp_path / "store").sweeps()
    assert f"sweep {sweep.id} in" in shown


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path, workers, said):
    store = Store(tmp_path)
    lengths = ("--tasks", 1, "--set", "single_task=false", "--set", "patience=null", "--over", "epochs=3,5000")
    arguments = ("sweep", "digits", *lengths, "--store", tmp_path)
    with started(*arguments) as process:
        while [run.state for run in store.runs()] != ["running", "finished"]:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=400)
    assert (process.returncode, complaint) == (130, "clnp: interrupted; finished work is kept.\n")
    long, short = store.runs()
    assert (long.state, short.state) == ("paused", "finished")
    (asked,) = store.sweeps()

    def finish_what_is_queued():
        while store.run(long.id).state != "queued":
            time.sleep(0.05)
        store.start(long.id)
        store.finish(long.id, short.summary)

    with store.hold_engine(), ThreadPoolExecutor() as engine:
        finishing = engine.submit(finish_what_is_queued)
        assert said(*arguments)[0] == 0
        finishing.result()
    assert store.sweeps() == [asked]
    assert {run.id: run.state for run in store.runs()} == {long.id: "finished", short.id: "finished"}
    assert store.run(short.id) == short


def test_two_hundred_runs_are_listed(tmp_path, said):
    store = Store(tmp_path)
    names = [store.add(preset("digits", {"seed": seed})) for seed in range(200)]
    _, shown, _ = said("list", "--store", tmp_path)
    assert all(name in shown for name in names)


def test_a_signal_that_comes_together_with_a_timeout_is_not_lost():
    async def work():
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.05)  # both are due when the loop looks again
                await asyncio.sleep(5)
        await asyncio.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        until_terminated(work())
