"""The command line as a process of its own, as people use it."""

import json
import subprocess
import sys

import pytest


def clnp(*arguments, **environment):
    import os

    return subprocess.run(
        [sys.executable, "-m", "clnp_core.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "200"} | environment,
    )


SHORT = ("--tasks", 2, "--epochs", 3, "--set", "single_task=false")


def test_the_same_command_and_seed_give_the_same_json(tmp_path):
    summaries = []
    for name in ("one.json", "two.json"):
        done = clnp("run", "digits", "--seed", 3, *SHORT, "--json", tmp_path / name, "--store", tmp_path)
        assert done.returncode == 0, done.stderr
        summaries.append(json.loads((tmp_path / name).read_text()))
        assert summaries[-1].pop("seconds") > 0
    assert summaries[0] == summaries[1]
    assert summaries[0]["seed"] == 3
    assert len(summaries[0]["accuracy"]) == 2
    assert "claimed / reused / free" in done.stdout
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


def test_reading_commands_import_no_torch():
    program = (
        "import sys, clnp_core.cli, clnp_core.runs.store, clnp_core.runs.background, clnp_core.runs.summary\n"
        "import clnp_core.methods.graceful, clnp_core.analysis.metrics, clnp_core.networks.partition\n"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
