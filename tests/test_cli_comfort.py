"""The command line as a person likes it: help with examples, beginnings of ids, JSON, narrow terminals, completion."""

import argparse
import json
import os
import shlex
import subprocess
import sys

import pandas as pd
import pytest
import torch

from clnp_core.cli import main
from clnp_core.cli.parser import parser
from clnp_core.errors import DeviceError
from clnp_core.runs import submit
from clnp_core.runs.classroom.student import StudentStore
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.terminal import print_sweep
from tests.made_up import summary


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "store"))
    return Store(tmp_path / "store")


def parsers(parser: argparse.ArgumentParser):
    """A parser and those of all its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


COMMANDS = list(parsers(parser()))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.prog)
def test_every_help_has_examples_that_are_understood(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = command.format_help().partition("example")[2]
    examples = [line.strip() for line in shown.splitlines() if "clnp " in line and line.startswith("  ")]
    assert examples
    for line in examples:
        line = line.removeprefix('eval "$(').replace(')"', "").partition(" | ")[0].partition(" > ")[0]
        _, *arguments = shlex.split(line, comments=True)
        assert parser().parse_args(arguments).command


def test_the_help_of_run_lists_the_settings_and_each_of_them_is_one(said):
    shown = next(each for each in COMMANDS if each.prog == "clnp run").format_help()
    names = shown.partition("keys of --set")[2].partition(":\n")[2].replace("\n", " ").split(", ")
    assert {"margin", "stream.tasks", "stream.class_order", "lambda.LAYER", "gradual.tolerance"} < {
        *map(str.strip, names)
    }
    for name in (name.strip().replace("LAYER", "1") for name in names):
        complaint = said("run", "digits", "--set", f'{name}={{"no": "value"}}')[2]
        if not name.startswith("stream."):  # of which other streams have some
            assert "There is no setting" not in complaint.partition(name)[0], name


@pytest.mark.parametrize(
    ("given", "meant"),
    [("tasks", "stream.tasks"), ("taks", "stream.tasks"), ("rounds", "fine_tuning.rounds"), ("margins", "margin")],
)
def test_a_setting_given_without_its_group_is_suggested_with_it(said, store, given, meant):
    assert f"There is no setting '{given}' (did you mean '{meant}'?)" in said("run", "digits", "--set", f"{given}=3")[2]
    assert store.runs() == []


@pytest.mark.parametrize("given", ["nan", "-1", "1e400", "ten"])
def test_an_impossible_time_is_said(capsys, given):
    with pytest.raises(SystemExit):
        main(["engine", f"--idle={given}"])
    assert f"{given!r} is no time; give a number of seconds" in capsys.readouterr().err


def test_an_empty_name_is_not_the_working_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["list", "--store", ""])
    assert ended.value.code == 2
    assert "argument --store: there is no name" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_several_runs_are_named_by_how_their_ids_begin(said, store):
    first, second, third = (store.add(preset("digits", {"seed": seed})) for seed in range(3))
    assert said("pause", first[:-1], second, second)[0] == 0
    assert [store.run(run).state for run in (first, second, third)] == ["paused", "paused", "queued"]
    assert said("resume", first)[0] == 0
    status, _, complaint = said("resume", first, second, third)
    assert status == 2
    assert [line.split(":")[1].split()[2] for line in complaint.splitlines()] == [first, third], "and not the second"
    assert [store.run(run).state for run in (first, second, third)] == ["queued"] * 3
    assert said("rm", first, second)[0] == 0
    assert [run.id for run in store.runs()] == [third]


@pytest.mark.parametrize("command", ["rm", "cancel", "show", "verify"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nope", "There is no run 'nope'"), ("digits-", "begins the ids of 2 runs"), ("", "no run ''")],
)
def test_a_name_for_no_run_or_for_several_is_refused_before_anything_is_done(said, store, command, name, sentence):
    runs = [store.add(preset("digits", {"seed": seed})) for seed in range(2)]
    several = [runs[0]] if command in ("rm", "cancel") else []
    status, _, complaint = said(command, *several, name)
    assert (status, len(complaint.splitlines())) == (2, 1)
    assert sentence in complaint
    assert ("clnp list" in complaint) == (name != "digits-")
    assert [run.state for run in store.runs()] == ["queued"] * 2


def test_the_list_of_a_class_says_whose_each_run_is(said, store):
    store.add(preset("digits"))
    assert "student" not in said("list")[1]
    StudentStore(store, "Anna", 3).add(preset("digits", {"seed": 1}))
    listed = said("list")[1]
    assert "student" in listed
    assert [line.count("Anna") for line in listed.splitlines() if "digits-" in line] == [1, 0]


def test_a_run_is_renamed_and_its_name_shown_and_understood(said, store):
    run, other = store.add(preset("digits")), store.add(preset("digits", {"seed": 1}))
    assert "name" not in said("list")[1]
    assert said("rename", run, "wide [bold] λ")[0] == 0
    forked = store.add(fork(store.run(run).spec, 2, {"margin": 0.1}), like=store.run(run))
    assert "wide [bold] λ" in said("list")[1]
    shown = said("show", "wide [bold] λ")[1]
    assert shown.splitlines()[0] == f"wide [bold] λ ({run}): queued, 0% done"
    assert f"└ {forked}  from task 2: m (points) = 10" in shown
    assert json.loads(said("show", run, "--json")[1])["name"] == "wide [bold] λ"
    assert said("cancel", "wide [bold] λ", other)[0] == 0
    assert said("rm", "wide [bold] λ", other, forked)[0] == 0
    assert store.runs() == []


def test_an_id_that_begins_another_one_means_itself(store):
    runs = [store.add(preset(name)) for name in ("digits", "digits-multihead")]
    assert store.find("digits-m").id == runs[1]
    assert store.find(runs[0]).id == runs[0]


def test_runs_are_listed_and_shown_as_json(said, store):
    spec = preset("digits", {"stream.tasks": 2})
    first, second = store.add(spec), store.add(fork(spec, 2, {"margin": 0.1}))
    assert json.loads(said("list", "--json")[1]) == [store.run(run).to_json() for run in (second, first)]
    store.start(first)
    store.finish(first, summary())
    store.describe(first, ["kept"], "a note")
    shown = json.loads(said("show", first[:-1], "--json")[1])
    assert shown["state"] == "finished"
    assert (shown["tags"], shown["note"], shown["spec"]) == (["kept"], "a note", spec.to_json())
    assert shown["summary"] == summary().to_json()
    assert json.loads(said("show", first, "--spec")[1]) == spec.to_json()


def test_no_runs_are_an_empty_list(said, store):
    assert json.loads(said("list", "--json")[1]) == []


@pytest.mark.parametrize("width", [0, 26, 40, 60, 200])
def test_ids_stay_whole_however_narrow_the_terminal_is(said, store, monkeypatch, capsys, width):
    runs = [store.add(preset(name)) for name in ("digits", "permuted-mnist")]
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    table = {"mean_accuracy": [0.5], "capacity_used": [0.1], "tasks_fitted": [2], "seconds": [1.0]}
    print_sweep(pd.DataFrame({"margin": [0.1], "run": runs[:1], "state": ["finished"], **table}), ["margin"])
    swept = capsys.readouterr().out
    assert all(run in listed for run in runs)
    width = width or 120  # 0 is that of no terminal
    assert ("created" in listed) == (width > 100)
    assert runs[0] in swept
    assert max(map(len, (listed + swept).splitlines())) <= width


@pytest.mark.parametrize("command", [["run"], ["sweep", "--over", "seed=0,1"]])
def test_a_device_that_is_not_here_is_refused_before_there_is_a_run(said, store, monkeypatch, command):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CLNP_SCHEDULER", raising=False)
    name, *more = command
    status, shown, complaint = said(name, "digits", *more, "--device", "cuda")
    assert (status, shown) == (2, "")
    assert "torch finds no CUDA device on this machine" in complaint
    with pytest.raises(DeviceError):
        submit(preset("digits", {"device": "cuda"}), store)
    assert store.runs() == []


def completed(line: str, tmp_path) -> list[str]:
    """What a shell is told about how a line may go on."""
    told = tmp_path / "told"
    asking = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
        "COMP_LINE": line,
        "_ARGCOMPLETE_IFS": "\n",
    }
    asking |= {"COMP_POINT": str(len(line)), "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
    subprocess.run([sys.executable, "-m", "clnp_core.cli"], env=os.environ | asking, check=True)
    return told.read_text().split("\n")


def test_shells_complete_presets_and_ids_of_runs(said, store, tmp_path):
    run = store.add(preset("digits"))
    assert completed("clnp show dig", tmp_path) == [run]
    assert sorted(completed("clnp run split-d", tmp_path)) == ["split-digits", "split-digits-cnn"]
    for shell in ("bash", "zsh", "fish"):
        status, code, _ = said("completion", shell)
        assert (status, "_ARGCOMPLETE" in code) == (0, True)


@pytest.mark.parametrize(
    ("option", "given", "sentence"),
    [
        ("--address", "192.0.2.7", "'192.0.2.7' is no address of this machine; give one that it has"),
        ("--quota", "0", "'0' is no quota; give a number of runs from 1 to 1000"),
        ("--public-url", "lab.example.org", "'lab.example.org' is no address of a page; give one as in a browser"),
        ("--public-url", "https://lab.example.org:http/", "is no address of a page"),
        ("--public-url", "https://lab.example.org/?code=1", "is no address of a page"),
    ],
)
def test_a_class_that_is_impossible_is_said(capsys, option, given, sentence):
    with pytest.raises(SystemExit, match="2"):
        main(["dashboard", "--class", option, given])
    assert sentence in " ".join(capsys.readouterr().err.split())
