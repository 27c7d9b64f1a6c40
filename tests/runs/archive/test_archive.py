"""A run as one file: another store takes it in whole and checked, or not at all."""

import asyncio
import hashlib
import json
import math
import os
import pickle
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clnp_core.cli import main
from clnp_core.errors import ArchiveError, SpecError, StoreError
from clnp_core.networks.fingerprint import logits_digest
from clnp_core.networks.network import digest, from_tensors, to_tensors
from clnp_core.runs import archive
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.verify import moved
from tests.runs.conftest import files, identical, serve

SHORT = {"stream.tasks": 2, "epochs": 3, "single_task": False}
SPECS = {
    "digits": preset(
        "digits",
        {"stream.tasks": 2, "epochs": 5, "single_task": True, "lambda.2": [1e-3, 2e-3], "grow.2": 20}
        | {"grow_below": 0.99},
    ),
    "multi-head": preset("digits-multihead", {"stream.tasks": 2, "epochs": 3, "single_task": False}),
    "convolutions": preset(
        "split-digits-cnn",
        {"stream.tasks": 2, "epochs": 3, "single_task": False}
        | {"fine_tuning": {"epochs": 2, "learning_rate": 1e-3, "rounds": 1}},
    ),
}
FORGETFUL = {
    "finetune": preset("digits-multihead", {"method": "finetune", "learning_rate": [1e-3, 1e-2]} | SHORT),
    "single": preset("digits-multihead", {"method": "single", "single_task": True, "for_comparison": True} | SHORT),
    "joint": preset("digits", {"method": "joint", "for_comparison": True} | SHORT),
    "ewc": preset("digits-multihead", {"method": "ewc", "ewc.strength": [1, 1e4], "learning_rate": 1e-3} | SHORT),
    "si": preset("digits", {"method": "si", "learning_rate": 1e-3} | SHORT),
    "superposition": preset("digits", {"method": "superposition"} | SHORT),
    "anpyc": preset("digits", {"method": "anpyc"} | SHORT),
}
IDENTICAL = "verified: every task's logits are identical to the bit"
MEASURED = "verified: every accuracy was measured again and is the same"


@pytest.fixture(scope="module")
def runs(store, scheduler):
    """A run of each of the specifications, by its name."""
    return {name: serve(store, spec, scheduler)[0] for name, spec in SPECS.items()}


@pytest.fixture(scope="module")
def archives(store, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    for name, run in runs.items():
        RunHandle(store, run).archive(folder / f"{name}.zip")
    return {name: folder / f"{name}.zip" for name in runs}


@pytest.fixture(scope="module")
def forgetful(store, scheduler, tmp_path_factory):
    """Runs of methods that promise nothing: the id of each, and its archive."""
    folder = tmp_path_factory.mktemp("forgetful")
    made = {name: (serve(store, spec, scheduler)[0], folder / f"{name}.zip") for name, spec in FORGETFUL.items()}
    for run, path in made.values():
        RunHandle(store, run).archive(path)
    return made


@pytest.fixture(scope="module")
def members(archives):
    """What the archive of the multi-head run holds, for others to be made of it."""
    return unzipped(archives["multi-head"])


@pytest.fixture(scope="module")
def receiving(tmp_path_factory):
    """A store that takes in nothing: every archive it is given is refused."""
    return Store(tmp_path_factory.mktemp("receiving"))


@pytest.mark.parametrize("name", SPECS)
def test_a_run_is_taken_in_whole_and_verified(store, runs, archives, tmp_path, name):
    other, run = Store(tmp_path / "other"), runs[name]
    imported = archive.read(other, archives[name])
    assert imported == archive.Imported(run, IDENTICAL)
    one, copy = RunHandle(store, run), RunHandle(other, run)
    assert copy.status == "finished"
    assert copy.summary() == one.summary()
    assert other.learned(run) == store.learned(run)
    columns = ["task", "candidate", "epoch", "loss", "validation_accuracy"]
    assert copy.metrics()[columns].equals(one.metrics()[columns])
    assert copy.reuse().equals(one.reuse())
    for task in (1, 2):
        here, there = (each.trade_off(task) for each in (one, copy))
        assert there.table.drop(columns="candidate", errors="ignore").equals(
            here.table.drop(columns="candidate", errors="ignore")
        )
        owners = [each.anatomy(task).owners for each in (one, copy)]
        assert all((mine == theirs).all() for mine, theirs in zip(*owners, strict=True))
        x, labels = copy.test_set(task)
        assert torch.equal(copy.network(task)(x), one.network(task)(x))
        assert float((copy.network(task)(x).argmax(1) == labels).double().mean()) == pytest.approx(
            store.learned(run)[-1].accuracy[task - 1]
        )
    assert identical(other, run) == [1, 2]
    kept = other.run(run)
    assert kept.tags == ("imported",)
    assert kept.spec.imported
    ((_, event),) = other.events(run)
    assert event.startswith("imported, archived on 2")
    assert IDENTICAL in event
    assert not list(other.location.glob("import-*"))


@pytest.mark.parametrize("name", FORGETFUL)
def test_a_run_that_may_forget_is_taken_in_and_its_accuracies_are_measured_again(
    store, forgetful, tmp_path, capsys, name
):
    other, (run, path) = Store(tmp_path), forgetful[name]
    assert archive.read(other, path) == archive.Imported(run, MEASURED)
    assert RunHandle(other, run).summary() == RunHandle(store, run).summary()
    assert other.learned(run) == store.learned(run)
    with pytest.raises(StoreError, match=f"cannot be verified: its method, {name}, may forget"):
        identical(other, run)
    first, last = moved(other, run)
    assert (first.furthest is None) == (name == "single")
    assert (first.furthest == 0) == (name == "joint")
    assert last.furthest == 0
    assert main(["verify", run, "--store", str(tmp_path)]) == 0
    line, _ = capsys.readouterr().out.splitlines()
    assert line.startswith("task 1: the network does not" if name == "single" else "task 1: its logits, up to ")


@pytest.mark.parametrize(
    ("tensor", "change", "said"),
    [
        ("memory.path.0", lambda path: path[:2], "not those of a candidate"),
        ("memory.path.0", lambda path: path + 1, "task 2 comes to another network here"),
        ("memory.path.0", lambda path: path / 0, "task 2 comes to another network here"),
        ("optimiser.square.0", lambda square: square.double(), "not those of a candidate"),
        ("optimiser.steps", lambda steps: steps - 2**40, "its training is said to have had -1,"),
    ],
)
def test_what_a_training_carries_on_is_checked(forgetful, receiving, tmp_path, tensor, change, said):
    def changed(tensors, data):
        tensors[tensor] = change(tensors[tensor]).clone()

    members = unzipped(forgetful["si"][1])
    artifact_changed(members, "curve", changed)
    refused(receiving, zipped(members, tmp_path / "run.zip"), said)


def test_a_fork_goes_on_from_a_run_that_may_forget(forgetful, scheduler, tmp_path):
    other, (run, path) = Store(tmp_path), forgetful["finetune"]
    archive.read(other, path)
    forked, summary = serve(other, fork(other.run(run).spec, 3, {"stream.tasks": 3, "learning_rate": 1e-3}), scheduler)
    assert other.run(forked).error is None
    assert summary["accuracy"][:2] == other.run(run).summary.to_json()["accuracy"]


def with_memory(members, memory):
    """Let the last network have a memory, and go by the name that it then has."""
    *_, stage = sorted(name for name in members if name.startswith("stages/"))
    tensors, result = safetensors.torch.load(members[stage]), data_of(members[stage])
    network = members.pop(f"networks/{result['network']}.safetensors")
    described = data_of(network)
    changed = from_tensors(safetensors.torch.load(network) | memory, described)
    result["network"] = digest(changed)
    members[stage] = safetensors.torch.save(tensors, {"json": json.dumps(result)})
    content = safetensors.torch.save(to_tensors(changed)[0], {"json": json.dumps(described)})
    members[f"networks/{result['network']}.safetensors"] = content
    return result["network"]


def test_a_memory_is_taken_in_with_its_network_as_far_as_it_can_be_checked(forgetful, receiving, tmp_path):
    members, path = unzipped(forgetful["finetune"][1]), tmp_path / "run.zip"
    fisher = torch.arange(6.0).view(2, 3)
    elsewhere = {"run.json": json.dumps(json.loads(members["run.json"]) | {"data": "0" * 64}).encode()}
    changed, other = members | elsewhere, Store(tmp_path / "other")
    network = with_memory(changed, {"memory.fisher.0": fisher})
    assert archive.read(other, zipped(changed, path)).verdict.startswith("not verified: the data set digits here")
    assert (other.artifacts.array(network, "memory.fisher.0") == fisher.numpy()).all()
    for memory, said in (
        ({"memory.fisher.0": fisher}, "task 2 comes to another network here"),
        ({"memory.fisher.0": fisher / 0}, "numbers that are not finite"),
        ({"memory.a/b": fisher}, "a memory that is none"),
        ({"memory.fisher.0": fisher.half()}, "a memory that is none"),
    ):
        changed = dict(members)
        with_memory(changed, memory)
        refused(receiving, zipped(changed, path), said)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"memory": [1, 2]}, "it measures something else here"),
        ({"untold_accuracy": 0.123}, "it measures something else here"),
        ({"untold_accuracy": None}, "it does not measure the tasks that there are"),
        ({"validation": [0.5]}, "it does not measure the tasks that there are"),
    ],
)
def test_what_was_measured_for_a_comparison_is_measured_again(forgetful, receiving, tmp_path, told, said):
    members = unzipped(forgetful["single"][1])
    artifact_changed(members, "memory", lambda tensors, data: data.update(told))
    refused(receiving, zipped(members, tmp_path / "run.zip"), said)


def test_nothing_imported_is_found_by_a_run_of_ones_own_but_by_its_fork(archives, runs, scheduler, tmp_path):
    other, spec = Store(tmp_path), SPECS["digits"]
    archive.read(other, archives["digits"])
    imported = {stage["key"] for stage in other.stages(runs["digits"])}

    own, summary = serve(other, spec, scheduler)
    assert {stage["computed"] for stage in other.stages(own)} == {1}
    assert imported.isdisjoint(stage["key"] for stage in other.stages(own))
    assert summary["accuracy"] == other.run(runs["digits"]).summary.to_json()["accuracy"]

    forked, _ = serve(other, fork(other.run(runs["digits"]).spec, 2, {"margin": 0.3}), scheduler)
    assert other.run(forked).error is None
    shared = [stage for stage in other.stages(forked) if stage["key"] in imported]
    assert {(stage["kind"], stage["task"]) for stage in shared} == {("fit", 1), ("settle", 1), ("alone", 1)}
    new = [stage for stage in other.stages(forked) if stage["key"] not in imported]
    assert {stage["task"] for stage in new} == {None, 2}
    assert other.learned(forked)[0] == other.learned(runs["digits"])[0]
    # What both trained stands in the trade-off once, and what is trained here for an imported run stands there too.
    assert len(other.candidates(runs["digits"], 1)) == 2
    more = fork(other.run(runs["digits"]).spec, 1, {"stream.tasks": 1, "lambda.2": [5e-4], "single_task": False})
    serve(other, more, scheduler)
    assert len(other.candidates(runs["digits"], 1)) == 3


def test_an_archive_is_the_same_bytes_each_time_and_again_from_where_it_was_imported(store, runs, archives, tmp_path):
    run, other = runs["convolutions"], Store(tmp_path / "other")
    again = tmp_path / "again.zip"
    archive.write(store, run, again)
    assert again.read_bytes() == archives["convolutions"].read_bytes()
    with zipfile.ZipFile(again) as file:
        *names, last = file.namelist()
    assert (names, last) == (sorted(names), "manifest.json")
    archive.read(other, again)
    archive.write(other, run, tmp_path / "third.zip")
    third = archive.read(Store(tmp_path / "third"), tmp_path / "third.zip")
    assert third == archive.Imported(run, IDENTICAL)


def test_an_archive_is_imported_once_and_beside_the_run_it_came_from(store, runs, archives, tmp_path):
    imported = archive.read(store, archives["multi-head"])
    try:
        assert imported.run != runs["multi-head"]
        with pytest.raises(StoreError, match=f"has been imported already: it is the run {imported.run}"):
            archive.read(store, archives["multi-head"])
    finally:
        store.remove(imported.run)
    assert identical(store, runs["multi-head"]) == [1, 2]


def test_what_people_wrote_to_a_run_goes_with_it(store, runs, tmp_path):
    store.describe(runs["multi-head"], ["thesis"], "Figure 3.\nThe second column.")
    store.rename(runs["multi-head"], "column two")
    archive.write(store, runs["multi-head"], tmp_path / "run.zip")
    store.describe(runs["multi-head"], [], "")
    store.rename(runs["multi-head"], "")
    other = Store(tmp_path / "other")
    kept = other.run(archive.read(other, tmp_path / "run.zip").run)
    assert (kept.tags, kept.note) == (("imported", "thesis"), "Figure 3.\nThe second column.")
    assert kept.name == "column two"


def test_what_cannot_be_archived_is_refused_in_a_sentence(store, runs, scheduler, tmp_path):
    with pytest.raises(SpecError, match=r"give one that ends in \.zip"):
        archive.write(store, runs["digits"], tmp_path / "run.tar")
    waiting = store.add(SPECS["digits"])
    with pytest.raises(StoreError, match="is queued; only one that is finished"):
        archive.write(store, waiting, tmp_path / "run.zip")
    store.remove(waiting)
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_results_are_gone_cannot_be_archived_until_it_is_mended(archives, scheduler, tmp_path):
    """By resuming it, or, which takes no data, by taking it in again."""
    other, path = Store(tmp_path / "other"), tmp_path / "run.zip"
    run = archive.read(other, archives["multi-head"]).run
    network = other.stages(run)[-1]["network"]
    other.artifacts.remove(network)
    with pytest.raises(StoreError, match="is missing"):
        archive.write(other, run, path)
    assert not path.exists()
    other.resume(run)
    asyncio.run(Engine(other, scheduler).serve(until=[run]))
    assert identical(other, run) == [1, 2]
    other.artifacts.remove(network)
    other.remove(run)
    archive.write(other, archive.read(other, archives["multi-head"]).run, path)


# Archives that somebody changed.


def unzipped(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(members, path, manifest=True):
    """An archive of those members; its manifest tells of them as they are now."""
    members = dict(members)
    if manifest:
        told = json.loads(members.pop("manifest.json"))
        told["members"] = {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in members.items()
        }
        members["manifest.json"] = json.dumps(told).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def json_changed(name, **values):
    def change(members):
        members[name] = json.dumps(json.loads(members[name]) | values).encode()

    return change


def data_of(content):
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["json"])


def artifact_changed(members, kind, change):
    """Change tensors and result of the last stage that has `kind` in its result."""
    name = [name for name in sorted(members) if name.startswith("stages/") and kind in data_of(members[name])][-1]
    tensors, data = safetensors.torch.load(members[name]), data_of(members[name])
    change(tensors, data)
    members[name] = safetensors.torch.save(tensors, {"json": json.dumps(data)})


def on_artifact(kind, change):
    return lambda members: artifact_changed(members, kind, change)


def weights_changed(members):
    name = next(name for name in members if name.startswith("networks/"))
    tensors, data = safetensors.torch.load(members[name]), data_of(members[name])
    tensors["weights.0"][0, 0] += 1
    members[name] = safetensors.torch.save(tensors, {"json": json.dumps(data)})


def candidate_changed(tensors, data):
    tensors["parameter.0"].mul_(1.01)


def answer_unknown_class(tensors, data):
    """One that counts agree with."""
    told, confusion = data["record"]["by_class"]["2"], tensors["confusion.2"]
    label, answer, images = confusion[:, 0].tolist()
    told["answered"][answer] -= images
    told["right"][answer] -= images * (label == answer)
    confusion[1, 0] = 99


def record_changed(**values):
    return on_artifact("record", lambda tensors, data: data["record"].update(values))


def spec_changed(**values):
    return json_changed("spec.json", **values)


def renamed(name):
    def change(members):
        members[name] = members.pop("stages/0.safetensors")

    return change


class Unwelcome:
    def __reduce__(self):
        return print, ("it ran",)


PICKLED = pickle.dumps(Unwelcome())

CHANGES = {
    "a name outside": (renamed("../../stages/0.safetensors"), "which is none of a run"),
    "an absolute name": (renamed("/stages/0.safetensors"), "which is none of a run"),
    "a name of Windows": (renamed("stages\\..\\0.safetensors"), "which is none of a run"),
    "another number": (renamed("stages/00.safetensors"), "which is none of a run"),
    "a stage too few": (lambda members: members.pop("stages/0.safetensors"), "it has no stages/0.safetensors"),
    "a stage too many": (
        lambda members: members.update({"stages/99.safetensors": members["stages/0.safetensors"]}),
        "stages/99.safetensors belongs to no stage",
    ),
    "a pickle": (lambda members: members.update({"stages/1.safetensors": PICKLED}), "is no safetensors file"),
    "a pickled specification": (lambda members: members.update({"spec.json": PICKLED}), "spec.json is no JSON"),
    "too much JSON": (lambda members: members.update({"run.json": b" " * 2**23}), "are the most"),
    "nested JSON": (lambda members: members.update({"spec.json": b"[" * 10**5}), "spec.json is no JSON"),
    "a specification of forks": (
        lambda members: members.update({"spec.json": b'{"fork_of":' * 500 + b"{}" + b"}" * 500}),
        "spec.json",
    ),
    "another margin": (spec_changed(margin=0.5), "task 1"),
    "another seed": (spec_changed(seed=7), "drawn at random"),
    "another λ": (spec_changed(**{"lambda": {"1": 1, "2": 1, "output": 1}}), "another way than the specification"),
    "more tasks": (
        lambda members: spec_changed(stream=json.loads(members["spec.json"])["stream"] | {"tasks": 3})(members),
        "drawn at random",
    ),
    "another method": (spec_changed(method="finetune"), "another way than the specification"),
    "a method that is not here": (spec_changed(method="mine"), "the method mine is not here; put its file"),
    "an impossible setting": (spec_changed(margin=-1), "spec.json: margin = -1 is not possible"),
    "no such setting": (spec_changed(run="rm"), "There is no setting 'run'"),
    "escape codes": (spec_changed(about="\x1b[2J"), "cannot be shown"),
    "a network too large": (
        spec_changed(
            network={
                "name": "huge",
                "input_shape": [1, 8, 8],
                "hidden": [{"kind": "dense", "name": name, "width": 20_000} for name in ("1", "2")],
                "outputs": 10,
            }
        ),
        "weights is not in its",
    ),
    "an id with a path": (json_changed("run.json", run="../digits-multihead-abc123"), "run.json: run"),
    "an id of another preset": (json_changed("run.json", run="mnist-abc123"), "is no id of a run of"),
    "a tag of escape codes": (json_changed("run.json", tags=["\x1b[31m"]), "cannot be shown"),
    "no processor": (json_changed("environment.json", processor=None), "where it was learned"),
    "a version of many digits": (
        lambda members: members.update(
            {"manifest.json": members["manifest.json"].replace(b'"version": ', b'"version": ' + b"9" * 2000)}
        ),
        "manifest.json: version",
    ),
    "another version": (json_changed("manifest.json", version=1), "version 1 of the stages"),
    "weights of a network": (weights_changed, "is not the network that its name says"),
    "weights of a candidate": (on_artifact("curve", candidate_changed), "task 2 comes to another network"),
    "a curve": (
        on_artifact("curve", lambda tensors, data: data["curve"][0].update(accuracy=2.0)),
        "less than or equal to 1",
    ),
    "no machine": (on_artifact("curve", lambda tensors, data: data.pop("machine")), "does not say all"),
    "nothing of a machine": (on_artifact("curve", lambda tensors, data: data.update(machine=None)), "does not say all"),
    "no fingerprints": (on_artifact("record", lambda tensors, data: data.pop("fingerprints")), "does not say all"),
    "no curve": (on_artifact("curve", lambda tensors, data: data.update(curve=[])), "do not go together"),
    "neurons that were not free": (
        on_artifact("curve", lambda tensors, data: tensors["free.0"].fill_(0)),
        "neurons were trained that were not free",
    ),
    "tensors of another type": (
        on_artifact("curve", lambda tensors, data: tensors.update({"parameter.0": tensors["parameter.0"].half()})),
        "are not those of a candidate",
    ),
    "an accuracy": (record_changed(accuracy=[1.0, 1.0]), "task 2 came to something else than its record says"),
    "right answers of a class": (
        on_artifact("record", lambda tensors, data: data["record"]["by_class"]["2"]["right"].__setitem__(0, 0)),
        "what it takes images for is not what its record counts",
    ),
    "more right than there are": (
        on_artifact("record", lambda tensors, data: data["record"]["by_class"]["2"]["right"].__setitem__(0, 9999)),
        "more of a class are right than there are",
    ),
    "an answer of no class": (on_artifact("record", answer_unknown_class), "a class that a task does not have"),
    "no answers by class": (record_changed(by_class={}), "does not tell of the classes"),
    "a confusion of other images": (
        on_artifact("record", lambda tensors, data: tensors["confusion.2"][2].add_(1)),
        "what it takes images for is not what its record counts",
    ),
    "a confusion in another order": (
        on_artifact("record", lambda tensors, data: tensors.update({"confusion.2": tensors["confusion.2"].flip(1)})),
        "task 2 came to something else than its record says",
    ),
    "claims": (record_changed(claimed=[1, 1]), "does not count the neurons"),
    "a note of markup and more": (record_changed(notes=["\x07"]), "cannot be shown"),
    "a fingerprint": (
        on_artifact(
            "record",
            lambda tensors, data: (
                data["fingerprints"][-1].update(logits="0" * 64),
                data["record"].update(fingerprint="0" * 64),
            ),
        ),
        "task 2 does not answer as the archive says",
    ),
}


def refused(receiving, path, said=""):
    before = files(receiving.location)
    with pytest.raises(ArchiveError) as error:
        archive.read(receiving, path)
    sentence = str(error.value)
    assert str(path) in sentence
    assert said in sentence
    assert "\n" not in sentence
    assert sentence.isprintable()
    assert files(receiving.location) == before
    assert receiving.runs() == []


def test_what_is_no_regular_file_is_not_waited_for_nor_read(receiving, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        refused(receiving, path, "it is no regular file")


@pytest.mark.parametrize("what", CHANGES)
def test_an_archive_that_was_changed_is_refused_and_leaves_nothing(members, receiving, tmp_path, capsys, what):
    change, said = CHANGES[what]
    changed = dict(members)
    change(changed)
    refused(receiving, zipped(changed, tmp_path / "run.zip"), said)
    assert "it ran" not in capsys.readouterr().out


def test_a_member_that_is_not_what_the_manifest_says_is_refused(members, receiving, tmp_path):
    changed = dict(members)
    name = next(name for name in members if name.startswith("networks/"))
    changed[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])
    refused(receiving, zipped(changed, tmp_path / "run.zip", manifest=False), "its SHA-256 differs")
    longer = members | {"run.json": members["run.json"] + b" "}
    refused(receiving, zipped(longer, tmp_path / "run.zip", manifest=False), "has not the size")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_links_folders_and_members_that_are_there_twice_are_refused(members, receiving, tmp_path):
    link = zipfile.ZipInfo("stages/77.safetensors")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for info, said in ((link, "is no regular file"), (zipfile.ZipInfo("run.json"), "two members called run.json")):
        path = zipped(members, tmp_path / "run.zip")
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(info, "/etc/passwd")
        refused(receiving, path, said)
    path = zipped(members, tmp_path / "run.zip")
    with zipfile.ZipFile(path, "a") as file:
        file.mkdir("stages")
    refused(receiving, path, "none of a run")


def test_what_would_unpack_to_more_than_there_may_be_is_never_unpacked(members, receiving, tmp_path):
    path = zipped(members, tmp_path / "run.zip")
    content = path.read_bytes()
    # The list of members says how large each is: here, that each has nearly 4 GiB.
    for place in [place for place in range(len(content)) if content.startswith(b"PK\x01\x02", place)]:
        name = content[place + 46 :].split(b".", 1)[0]
        if name.startswith(b"stages/"):
            content = content[: place + 24] + struct.pack("<I", 2**32 - 2) + content[place + 28 :]
    path.write_bytes(content)
    refused(receiving, path, "are the most")
    with zipfile.ZipFile(path, "w") as file:
        for number in range(10_001):
            file.writestr(f"stages/{number}.safetensors", b"")
    refused(receiving, path, "more than 10,000 members")


def test_an_archive_that_is_cut_short_or_not_there_is_refused(archives, receiving, tmp_path):
    content, path = archives["multi-head"].read_bytes(), tmp_path / "run.zip"
    refused(receiving, path, "cannot be imported: No such file or directory")
    for cut in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        refused(receiving, path)


@given(st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_are_changed_there_is_no_traceback_and_nothing_false(archives, receiving, tmp_path, data):
    content, path = bytearray(archives["multi-head"].read_bytes()), tmp_path / "run.zip"
    # The end is where the list of members is.
    for place in data.draw(st.lists(st.integers(1, 1200), min_size=1, max_size=4)):
        content[-place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        imported = archive.read(receiving, path)
    except ArchiveError:
        assert receiving.runs() == []
    else:  # what was changed says nothing, such as a time
        assert imported.verdict == IDENTICAL
        receiving.remove(imported.run)
        shutil.rmtree(receiving.artifacts.folder)


# Other data, another processor.


def test_without_the_data_it_is_taken_in_and_says_that_it_was_not_verified(members, runs, tmp_path):
    changed = dict(members)
    json_changed("run.json", data="0" * 64)(changed)
    other = Store(tmp_path / "other")
    imported = archive.read(other, zipped(changed, tmp_path / "run.zip"))
    assert imported.verdict == "not verified: the data set digits here is not the one that it was learned on"
    copy = RunHandle(other, imported.run)
    assert copy.summary()["tasks"] == 2
    assert copy.anatomy(2).owners
    assert copy.trade_off(1).table is not None


def rounded(members, by):
    """As if it came from a processor that rounds in another way: other logits, and fingerprints of those."""
    given, logits = safetensors.torch.load(members["logits.safetensors"]), {}
    for name in [name for name in members if name.startswith("stages/")]:
        tensors, data = safetensors.torch.load(members[name]), data_of(members[name])
        data["machine"]["processor"] = "Another Processor"
        for taken in data.get("fingerprints", ()):
            other = given[taken["logits"]] * (1 + by)
            taken["logits"], taken["kind"]["processor"] = logits_digest(other), "Another Processor"
            logits[taken["logits"]] = other
        if "record" in data:
            data["record"]["fingerprint"] = data["fingerprints"][-1]["logits"]
        members[name] = safetensors.torch.save(tensors, {"json": json.dumps(data)})
    members["logits.safetensors"] = safetensors.torch.save(logits)
    json_changed("environment.json", processor="Another Processor")(members)


def test_a_processor_that_rounds_in_another_way_is_told_of_and_takes_new_fingerprints(
    members, receiving, scheduler, tmp_path
):
    changed, other = dict(members), Store(tmp_path / "other")
    rounded(changed, by=3e-6)
    imported = archive.read(other, zipped(changed, tmp_path / "run.zip"))
    assert imported.verdict.startswith("verified: every task's logits are the same to 1e-05 of the largest")
    assert "Another Processor" in imported.verdict
    assert identical(other, imported.run) == [1, 2]
    forked, _ = serve(other, fork(other.run(imported.run).spec, 2, {"margin": 0.3}), scheduler)
    assert other.run(forked).error is None

    changed = dict(members)
    rounded(changed, by=1e-3)
    refused(receiving, zipped(changed, tmp_path / "run.zip"), "task 1 does not answer as the archive says")
    changed = dict(members)
    rounded(changed, by=3e-6)
    changed["logits.safetensors"] = members["logits.safetensors"]
    refused(receiving, zipped(changed, tmp_path / "run.zip"), "its logits are not in it to compare")
    logits = safetensors.torch.load(members["logits.safetensors"])
    changed["logits.safetensors"] = safetensors.torch.save({name: 2 * tensor for name, tensor in logits.items()})
    refused(receiving, zipped(changed, tmp_path / "run.zip"), "are not what their name says")


def test_a_store_with_an_engine_takes_in_a_run(archives, scheduler, tmp_path):
    other = Store(tmp_path)

    async def serve_and_read():
        serving = asyncio.create_task(Engine(other, scheduler).serve())
        while other.engine() is None:
            await asyncio.sleep(0.05)
        imported = await asyncio.to_thread(archive.read, other, archives["digits"])
        serving.cancel()
        await asyncio.wait({serving})
        return imported

    assert asyncio.run(serve_and_read()).verdict == IDENTICAL


BYTES = {"F32": 4, "F64": 8, "I64": 8, "I16": 2}


@pytest.mark.parametrize("kind", ["logits", "stages/0", "stages/1", "record", "networks"])
def test_a_tensor_that_is_too_large_is_refused_from_its_header(members, receiving, tmp_path, kind):
    """It is not even there: that it cannot be unpacked would be another sentence."""
    names = [name for name in members if name.startswith(kind)] or [
        name for name in members if name.startswith("stages/") and kind in data_of(members[name])
    ]
    changed, name, end = dict(members), names[0], 0
    (length,) = struct.unpack_from("<Q", members[name])
    header = json.loads(members[name][8 : 8 + length])
    tensors = [header[tensor] for tensor in header if tensor != "__metadata__"]
    tensors[-1]["shape"][-1] = 2**20
    for tensor in tensors:
        begin, end = end, end + BYTES[tensor["dtype"]] * math.prod(tensor["shape"])
        tensor["data_offsets"] = [begin, end]
    written = json.dumps(header).encode()
    changed[name] = struct.pack("<Q", len(written)) + written
    told = json.loads(members["manifest.json"])
    told["members"][name]["size"] = size = len(changed[name]) + end
    path = zipped(changed | {"manifest.json": json.dumps(told).encode()}, tmp_path / "run.zip", manifest=False)
    content = bytearray(path.read_bytes())
    listed = content.rindex(name.encode()) - 46
    content[listed + 24 : listed + 28] = struct.pack("<I", size)
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"tensors|drawn at random|logits of its tasks|takes images for"):
        archive.read(receiving, path)
    assert receiving.runs() == []
