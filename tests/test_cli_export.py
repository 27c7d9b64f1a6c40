"""Export, archive and import from the command line."""

import json
import subprocess
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from clnp_core.errors import StoreError
from clnp_core.networks.portable import load_module
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import load

from .runs.conftest import serve
from .test_cli import command


@pytest.fixture(scope="module")
def learned(tmp_path_factory, scheduler):
    """A store with a short run of digits, and its id."""
    folder = tmp_path_factory.mktemp("cli") / "store"
    run, _ = serve(Store(folder), preset("digits", {"stream.tasks": 2, "epochs": 3, "single_task": False}), scheduler)
    return folder, run


def test_a_tasks_network_is_exported_for_use_without_this_project(learned, said, tmp_path):
    folder, run = learned

    def arguments(out):
        return ("export", run, "--task", 2, "--out", out, "--store", folder)

    # As a process of its own, where whatever torch's exporter says would be seen; standard output has the file alone.
    done = subprocess.run(command(arguments("-")), capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, f"task 2 of {run} in /dev/stdout\n")
    (tmp_path / "task.onnx").write_bytes(done.stdout)
    file = tmp_path / "task.safetensors"
    assert said(*arguments(file)) == (0, f"task 2 of {run} in {file}\n", "")
    told = {each.key: each.value for each in onnx.load(tmp_path / "task.onnx").metadata_props}
    handle, data = RunHandle(Store(folder), run), load("digits")
    accuracy = handle.summary()["accuracy"][1][1]
    assert told == {
        "run": run,
        "preset": "digits",
        "task": "2",
        "data": "digits",
        "layout": "uint8 [batch, channels, height, width] = [batch, 1, 8, 8], raw pixels from 0 to 16",
        "classes": "10",
        "labels": str([*range(10)]),
        "accuracy": str(accuracy),
        "fingerprint": handle.store.learned(run)[1].fingerprint,
    }
    (logits,) = onnxruntime.InferenceSession(tmp_path / "task.onnx").run(None, {"images": data.x_test})
    assert (logits.argmax(1) == data.y_test).mean() == pytest.approx(accuracy)
    logits = load_module(file)(torch.from_numpy(data.x_test))
    assert torch.equal(logits, handle.network(2)(handle.test_set(2)[0]))


def test_an_archive_goes_to_standard_output_alone(learned):
    folder, run = learned
    done = subprocess.run(command(["archive", run, "--out", "-", "--store", folder]), capture_output=True)
    assert done.returncode == 0
    assert done.stdout.startswith(b"PK")
    assert b" in /dev/stdout" in done.stderr


def test_a_task_is_a_whole_number(learned, tmp_path):
    folder, run = learned
    handle = RunHandle(Store(folder), run)
    asked = (handle.network, handle.test_set, handle.anatomy, lambda task: handle.export(task, tmp_path / "a.onnx"))
    for ask in asked:
        for task in (1.5, "1", None, [1]):
            with pytest.raises(StoreError, match="is not the number of a task; give a whole number"):
                ask(task)
    assert torch.equal(handle.test_set(np.int64(2))[1], handle.test_set(2)[1])


def test_a_run_is_archived_imported_and_listed_as_any_other(learned, said, tmp_path):
    folder, run = learned
    file, other = tmp_path / "run.zip", tmp_path / "other"
    status, out, _ = said("archive", run, "--out", file, "--store", folder)
    assert (status, out) == (0, f"{run} in {file}, {file.stat().st_size:,} bytes\n")
    verified = "verified: every task's logits are identical to the bit"
    assert said("import", file, "--store", other) == (0, f"{verified}\nrun {run} in {other}\n", "")
    _, listed, _ = said("list", "--store", other)
    assert run in listed
    assert "imported" in listed
    _, shown, _ = said("show", run, "--store", other)
    assert "tags: imported" in shown
    assert "imported, archived on" in shown
    assert said("verify", run, "--store", other) == (0, "task 1: identical\ntask 2: identical\n", "")
    status, _, complaint = said("import", file, "--store", other)
    assert status == 2
    assert f"has been imported already: it is the run {run}." in complaint


def test_a_changed_archive_is_one_sentence_and_leaves_nothing(learned, said, tmp_path):
    folder, run = learned
    file, other = tmp_path / "run.zip", tmp_path / "other"
    assert said("archive", run, "--out", file, "--store", folder)[0] == 0
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["spec.json"] = json.dumps(json.loads(members["spec.json"]) | {"margin": 0.5}).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    status, out, complaint = said("import", file, "--store", other)
    assert (status, out) == (2, "")
    assert f"{file} is not imported: spec.json" in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert Store(other).runs() == []
    assert not list(other.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["export", "RUN", "--task", "1", "--out", "OUT/task.pt"], "give one that ends in .onnx or .safetensors"),
        (["export", "RUN", "--task", "3", "--out", "OUT/task.onnx"], "has not learned task 3; it has learned 2."),
        (["export", "RUN", "--task", "0", "--out", "OUT/task.onnx"], "has not learned task 0; it has learned 2."),
        (["export", "RUN", "--task", "1", "--out", "/no/such/folder/task.onnx"], "the file cannot be written"),
        (["export", "nothing", "--task", "1", "--out", "OUT/task.onnx"], "There is no run 'nothing'"),
        (["archive", "nothing", "--out", "OUT/run.zip"], "There is no run 'nothing'"),
        (["archive", "RUN", "--out", "OUT/run.tar"], "give one that ends in .zip"),
        (["archive", "RUN", "--out", "/no/such/folder/run.zip"], "the file cannot be written"),
        (["import", "OUT/none.zip"], "none.zip cannot be imported: No such file or directory"),
        (["import", "OUT"], "is not imported: it is no regular file"),
    ],
)
def test_what_is_impossible_is_one_sentence_and_leaves_nothing(learned, said, tmp_path, arguments, complaint):
    folder, run = learned
    given = [argument.replace("RUN", run).replace("OUT", str(tmp_path)) for argument in arguments]
    status, out, complained = said(*given, "--store", folder)
    assert (status, out) == (2, "")
    assert complaint in complained
    assert len(complained.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
