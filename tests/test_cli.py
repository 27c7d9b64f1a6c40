"""The command line as a process of its own, as people use it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pandas as pd
import pytest

from clnp_core.runs import submit
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store


def clnp(*arguments, **environment):
    return subprocess.run(command(arguments), **options(environment), capture_output=True, timeout=120)


def command(arguments):
    return [sys.executable, "-m", "clnp_core.cli", *map(str, arguments)]


@contextmanager
def started(*arguments):
    """A command under way, in a process group of its own; in the end nothing is left of it, whatever happened."""
    said = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(arguments), **options({}), **said, start_new_session=True) as process:
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


SHORT = ("--tasks", 2, "--epochs", 3, "--set", "single_task=false")


def test_the_same_command_and_seed_give_the_same_json(tmp_path, workers):
    summaries = []
    for name in ("one.json", "two.json"):
        done = clnp("run", "digits", "--seed", 3, *SHORT, "--json", tmp_path / name, "--store", tmp_path / name[:3])
        assert done.returncode == 0, done.stderr
        summaries.append(json.loads((tmp_path / name).read_text()))
        assert summaries[-1].pop("seconds") > 0
    assert summaries[0] == summaries[1]
    assert summaries[0]["seed"] == 3
    assert len(summaries[0]["accuracy"]) == 2
    assert "claimed/reused/free" in done.stdout
    assert "identical to the bit" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digitz"], "There is no preset 'digitz' (did you mean 'digits'?)"),
        (["digits", "--set", "lambda_1=3"], "There is no setting 'lambda_1'"),
        (["digits", "--set", "lambda.1=-1"], "lambda.1 = -1 is not possible"),
        (["digits", "--set", "margin=-1"], "margin = -1 is not possible"),
        (["digits", "--set", "theta=much"], 'theta = "much" is not possible'),
        (["digits", "--tasks", "0"], "stream.tasks = 0 is not possible"),
        (["digits", "--tasks", "many"], 'stream.tasks = "many" is not possible'),
        (["digits", "--json", "/no/such/folder/x.json"], "no file can be written there"),
        (["permuted-mnist"], "mnist.npz is damaged or not a data set"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, arguments, said):
    data, store = tmp_path / "data", tmp_path / "store"
    data.mkdir()
    (data / "mnist.npz").write_bytes(b"PK\x03\x04 cut short")
    done = clnp("run", *arguments, "--store", store, CLNP_DATA_DIR=str(data))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert not store.exists()
    assert (data / "mnist.npz").read_bytes() == b"PK\x03\x04 cut short"


def test_no_network_and_no_data_is_one_sentence(tmp_path):
    # Proxies that refuse at once stand for a machine without a network.
    refusing = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = clnp("run", "permuted-mnist", "--store", tmp_path / "s", CLNP_DATA_DIR=str(tmp_path / "d"), **refusing)
    assert done.returncode == 2
    assert "could not be downloaded" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.rglob("*")) == []


def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path):
    (tmp_path / "clnp.sqlite").write_text("not a database, certainly not one")
    for command in (["run", "digits"], ["dashboard", "--no-browser"]):
        done = clnp(*command, "--store", tmp_path)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
        assert "cannot be used" in done.stderr


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path):
    arguments = ("run", "digits", "--tasks", 3, "--epochs", 40, "--set", "single_task=false")
    calm = clnp(*arguments, "--json", tmp_path / "calm.json", "--store", tmp_path / "calm")
    assert calm.returncode == 0
    store = Store(tmp_path / "killed")
    with started(*arguments, "--store", store.location) as process:
        while not (store.runs() and store.learned(store.runs()[0].id)):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.wait()
    (run,) = store.runs()
    assert run.state == "interrupted"
    again = clnp(*arguments, "--json", tmp_path / "killed.json", "--store", store.location)
    assert again.returncode == 0
    assert [kept.id for kept in store.runs()] == [run.id]
    summaries = [json.loads((tmp_path / name).read_text()) | {"seconds": 0} for name in ("calm.json", "killed.json")]
    assert summaries[0] == summaries[1]
    assert {stage["computed"] for stage in store.stages(run.id) if stage["task"] == 1} == {1}


def test_an_interrupt_pauses_the_run(tmp_path):
    store = Store(tmp_path)
    arguments = ("run", "digits", "--epochs", 5000, "--set", "patience=5000", "--store", tmp_path)
    with started(*arguments) as process:
        while not (store.runs() and store.epochs(store.runs()[0].id)):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "clnp: interrupted; what was finished is kept.\n"
    assert store.runs()[0].state == "paused"


def test_an_engine_that_is_terminated_while_it_trains_ends_and_queues_its_run_again(tmp_path):
    store = Store(tmp_path)
    run = store.add(preset("digits", {"epochs": 5000, "patience": 5000}))
    with started("engine", "--store", tmp_path) as engine:
        while not store.epochs(run):
            assert engine.poll() is None
            time.sleep(0.05)
        engine.terminate()
        engine.wait(timeout=60)
    assert store.run(run).state == "queued"
    assert store.engine() is None


def test_runs_are_controlled_from_the_command_line_and_from_python(tmp_path, workers):
    store = Store(tmp_path)
    run = submit(preset("digits", {"stream.tasks": 2, "epochs": 5, "single_task": False}), store)
    try:
        assert run.wait(timeout=180)["tasks"] == 2
        assert run.status == "finished"
        assert run.metrics().groupby(["task", "candidate"]).size().tolist() == [5, 5]

        forked = clnp("fork", run.id, "--at-task", 2, "--set", "margin=0.2", "--store", tmp_path)
        assert forked.returncode == 0
        name = forked.stdout.strip()
        while store.run(name).is_active:
            time.sleep(0.1)
        assert store.run(name).state == "finished"

        long = submit(preset("digits", {"epochs": 5000, "patience": 5000}), store)
        while not store.epochs(long.id):
            time.sleep(0.05)
        for action, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            assert clnp(action, long.id, "--store", tmp_path).returncode == 0
            deadline = time.monotonic() + 20
            while long.status != state:
                assert time.monotonic() < deadline, f"{action}: {long.status}"
                time.sleep(0.05)

        listed = clnp("list", "--store", tmp_path).stdout
        assert run.id in listed
        assert "cancelled" in listed
        shown = clnp("show", run.id, "--store", tmp_path).stdout
        assert "mean accuracy" in shown
        assert '"margin": 0.01' in shown
        verified = clnp("verify", run.id, "--store", tmp_path)
        assert verified.stdout == "task 1: identical\ntask 2: identical\n"
        assert clnp("rm", name, "--store", tmp_path).returncode == 0
        assert name not in clnp("list", "--store", tmp_path).stdout
        refused = clnp("store", "prune", "--store", tmp_path)
        assert "has an engine already" in refused.stderr
        assert ".safetensors" in clnp("store", "prune", "--dry-run", "--store", tmp_path).stdout
    finally:
        os.kill(store.engine(), signal.SIGTERM)
    while store.engine() is not None:
        time.sleep(0.05)
    assert "bytes freed" in clnp("store", "prune", "--store", tmp_path).stdout
    assert clnp("verify", run.id, "--store", tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nothing"], "There is no run 'nothing'"),
        (["cancel", "nothing"], "There is no run 'nothing'"),
        (["verify", "nothing"], "There is no run 'nothing'"),
        (["fork", "nothing", "--at-task", "2"], "There is no run 'nothing'"),
        (["engine", "--scheduler", "nowhere"], "There is no Dask scheduler at nowhere"),
        (["run", "digits", "--tasks", "1", "--scheduler", "tcp://127.0.0.1:9"], "There is no Dask scheduler at"),
    ],
)
def test_impossible_requests_are_one_sentence(tmp_path, arguments, said):
    done = clnp(*arguments, "--store", tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


OVER = ("--over", "margin=0.005,0.02")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digitz", *OVER], "There is no preset 'digitz'"),
        (["digits", "--over", "margins=1"], "There is no setting 'margins'"),
        (["digits", *OVER, *OVER], "The sweep goes over 'margin' twice"),
        (["digits", "--tasks", "2", "--over", "stream.tasks=2,3"], "'stream.tasks', which is also set"),
        (["digits", *OVER, "--set", "margin=0"], "'margin', which is also set"),
        (["digits", *OVER, "--out", "table.xlsx"], "give one that ends in .csv or .parquet"),
        (["digits", *OVER, "--out", "/no/such/folder/x.csv"], "--out /no/such/folder/x.csv: no file can be written"),
        (["permuted-mnist", *OVER], "mnist.npz is damaged or not a data set"),
    ],
)
def test_a_sweep_that_is_impossible_is_one_sentence_and_leaves_nothing(tmp_path, arguments, said):
    data, store = tmp_path / "data", tmp_path / "store"
    data.mkdir()
    (data / "mnist.npz").write_bytes(b"PK\x03\x04 cut short")
    done = clnp("sweep", *arguments, "--store", store, CLNP_DATA_DIR=str(data))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not store.exists()


def test_a_sweep_writes_its_table_and_tells_of_the_sequence_that_failed(tmp_path, workers):
    arguments = ("sweep", "digits", *SHORT, "--over", "learning_rate=0.02,1e38", "--store", tmp_path / "store")
    files = [tmp_path / "table.csv", tmp_path / "table.parquet"]
    done = clnp(*arguments, "--out", files[0], "--out", files[1])
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "training diverged" in done.stderr
    one, other = pd.read_csv(files[0]), pd.read_parquet(files[1])
    pd.testing.assert_frame_equal(one, other, check_dtype=False)
    assert list(one["learning_rate"]) == [0.02, 1e38]
    assert list(one["state"]) == ["finished", "failed"]
    assert list(one["tasks_fitted"]) == [2, 0]
    assert f"{one['mean_accuracy'][0]:.2%}" in done.stdout
    (sweep,) = Store(tmp_path / "store").sweeps()
    assert f"sweep {sweep.id} in" in done.stdout


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path, workers):
    store = Store(tmp_path)
    arguments = ("sweep", "digits", *SHORT, "--over", "seed=1,2,3", "--store", tmp_path)
    with started(*arguments) as process:
        while not any(store.learned(run.id) for run in store.runs()):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "clnp: interrupted; what was finished is kept.\n")
    assert {run.state for run in store.runs()} <= {"paused", "finished"}
    (asked,) = store.sweeps()
    assert clnp(*arguments).returncode == 0
    assert store.sweeps() == [asked]
    assert [run.state for run in store.sweep_runs(asked.id).values()] == ["finished"] * 3
    # 0: its worker had written it when the engine stopped, and it was found.
    assert {stage["computed"] for run in store.runs() for stage in store.stages(run.id)} <= {0, 1}


def test_two_hundred_runs_are_listed_about_as_fast_as_none(tmp_path):
    store = Store(tmp_path / "many")
    for seed in range(200):
        store.add(preset("digits", {"seed": seed}))
    # By turns, so that what else the machine does slows both.
    times = [[_seconds("list", "--store", tmp_path / name) for name in ("many", "none")] for _ in range(3)]
    many, none = map(min, zip(*times, strict=True))
    assert many < 2 * none


def _seconds(*arguments):
    start = time.perf_counter()
    assert clnp(*arguments).returncode == 0
    return time.perf_counter() - start


def test_reading_commands_import_no_torch():
    program = (
        "import sys, clnp_core.cli, clnp_core.terminal, clnp_core.runs.handle, clnp_core.runs.background\n"
        "import clnp_core.runs.engine.service, clnp_core.methods.graceful, clnp_core.analysis.metrics\n"
        "import clnp_core.networks.partition, clnp_core.runs.sweep\n"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
