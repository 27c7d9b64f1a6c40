"""A damaged store: what is said of it, and that running again mends it. On real runs."""

import asyncio
import re
import shutil
import struct

import numpy as np
import pytest
import safetensors.torch

from clnp_core.errors import ClnpError, DamagedError, DataError
from clnp_core.runs.archive import write
from clnp_core.runs.engine import service as engine_module
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from tests.runs.conftest import identical, serve

SHORT = {"stream.tasks": 2, "epochs": 4, "single_task": False}


@pytest.fixture(scope="module")
def learned(tmp_path_factory, scheduler):
    """A store with one finished run, never to be changed, and the run."""
    store = Store(tmp_path_factory.mktemp("whole"))
    return store, serve(store, preset("digits", SHORT), scheduler)[0]


@pytest.fixture
def copied(learned, tmp_path):
    whole, run = learned
    shutil.copytree(whole.location, tmp_path / "store")
    return Store(tmp_path / "store"), run


def key_of(store, run, what):
    """The last artifact of that kind."""
    stages = store.stages(run)
    if what == "network":
        return [stage["network"] for stage in stages if stage["network"]][-1]
    if what == "logits":
        settled = [stage["key"] for stage in stages if stage["kind"] == "settle"][-1]
        return store.artifacts.data(settled)["fingerprints"][0]["logits"]
    return [stage["key"] for stage in stages if stage["kind"] == what][-1]


def go_on(store, run, scheduler):
    asyncio.run(Engine(store, scheduler).serve(until=[run]))


def flip(path, tensor, place=0, bit=0):
    """Turn one bit of a tensor in a file."""
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<Q", content)
    start = re.search(rb'"' + tensor.encode() + rb'":\{[^}]*"data_offsets":\[(\d+)', bytes(content[8 : 8 + length]))
    content[8 + length + int(start[1]) + place] ^= 1 << bit
    path.write_bytes(content)


DAMAGES = {
    "a neuron's owner": ("network", lambda path: flip(path, "owners.0", place=2)),
    "a weight's exponent": ("network", lambda path: flip(path, "weights.0", place=3, bit=5)),
    "a network cut short": ("network", lambda path: path.write_bytes(path.read_bytes()[:-100])),
    "a network that is gone": ("network", lambda path: path.unlink()),
    "a result that is empty": ("settle", lambda path: path.write_bytes(b"")),
    "a result that is gone": ("settle", lambda path: path.unlink()),
    "logits": ("logits", lambda path: flip(path, "logits")),
}


@pytest.mark.parametrize(("what", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_said_and_mended_by_running_again(copied, scheduler, said, what, damage):
    store, run = copied
    key = key_of(store, run, what)
    before = store.artifacts.content(key)
    tensors = safetensors.torch.load(before)
    damage(store.artifacts.path(key))
    with pytest.raises(DamagedError, match=r"is (damaged|missing)"):
        identical(store, run)
    assert key in said("verify", run, "--store", store.location)[2]
    status, told, _ = said("store", "check", "--store", store.location)
    assert status == 1
    assert key in told
    assert f"clnp resume {run}" in told

    again, _ = serve(store, preset("digits", SHORT), scheduler)
    assert [text for _, text in store.events(again) if key in text]
    assert identical(store, run) == identical(store, again) == [1, 2]
    mended = safetensors.torch.load(store.artifacts.content(key))
    assert all(np.array_equal(mended[name], tensor) for name, tensor in tensors.items())
    assert said("store", "check", "--store", store.location)[0] == 0
    assert store.learned(run) == store.learned(again)


def test_nothing_answers_from_a_damaged_network_and_resuming_the_run_mends_it(copied, scheduler, said, tmp_path):
    store, run = copied
    handle = RunHandle(store, run)
    flip(store.artifacts.path(key_of(store, run, "network")), "weights.0", place=3, bit=5)
    for ask in (
        lambda: handle.network(1),
        lambda: handle.export(1, tmp_path / "task.onnx"),
        lambda: handle.anatomy(2),
        lambda: write(store, run, tmp_path / "run.zip"),
    ):
        with pytest.raises(DamagedError, match="is damaged"):
            ask()
    assert not list(tmp_path.glob("*.*"))
    before = store.run(run)
    store.resume(run)
    go_on(store, run, scheduler)
    after = store.run(run)
    assert after.state == "finished"
    assert after.summary.accuracy == before.summary.accuracy
    assert handle.network(1)
    status, _, complaint = said("resume", run, "--store", store.location)
    assert (status, "it is finished" in complaint) == (2, True)


def test_a_damaged_candidate_is_found_by_what_explores_it_and_by_a_fork(copied, scheduler):
    store, run = copied
    key = next(stage["key"] for stage in store.stages(run) if stage["kind"] == "fit")
    flip(store.artifacts.path(key), "parameter.0", place=3)
    with pytest.raises(DamagedError, match="is damaged"):
        RunHandle(store, run).trade_off(1)
    forked, _ = serve(store, fork(store.run(run).spec, 2, {"margin": 0.2}), scheduler)
    assert store.run(forked).state == "finished"
    assert [text for _, text in store.events(forked) if key in text]
    assert RunHandle(store, run).trade_off(1)


def test_a_run_that_cannot_be_mended_is_no_longer_finished(copied, monkeypatch, scheduler):
    """Its data is not there. What it came to is kept, and it can be resumed."""
    store, run = copied
    store.artifacts.path(key_of(store, run, "settle")).unlink()
    store.resume(run)

    def gone(stream):
        raise DataError("The data is not here.")

    monkeypatch.setattr(engine_module, "check", gone)
    go_on(store, run, scheduler)
    with pytest.raises(ClnpError, match="The data is not here"):
        RunHandle(store, run).wait()
    assert len(RunHandle(store, run).summary()["accuracy"]) == 2
    monkeypatch.undo()
    store.resume(run)
    go_on(store, run, scheduler)
    assert store.run(run).state == "finished"


def test_a_store_that_is_whole_is_said_to_be_and_what_is_left_over_listed(copied, said):
    store, run = copied
    status, told, _ = said("store", "check", "--store", store.location)
    assert status == 0
    assert re.fullmatch(r"\d+ files were checked, 0 of them are damaged or missing\n", told)
    unneeded = store.artifacts.path("ab" * 32), store.artifacts.checkpoint("cd" * 32), store.artifacts.folder / "x.part"
    for path in unneeded:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left")
    status, told, _ = said("store", "check", "--store", store.location)
    assert status == 0
    assert all(f"{path} is left over: 4 bytes" in told for path in unneeded)
    assert "clnp store prune" in told
    assert store.prune() > 0
    assert not any(path.exists() for path in unneeded)
    assert said("store", "check", "--store", store.location)[1].count("left over") == 0
    assert identical(store, run) == [1, 2]
