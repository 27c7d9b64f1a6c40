"""Artifacts: found again by key, whole or not at all."""

import os
import time

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from safetensors.torch import save as save_torch

from clnp_core.errors import DamagedError, StoreError
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.fingerprint import logits_digest
from clnp_core.networks.network import digest, initial, to_tensors
from clnp_core.runs.store import seal
from clnp_core.runs.store.artifacts import Artifacts, metadata

KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path)


def test_what_is_written_is_found_again_by_its_key(artifacts):
    tensors = {"free.0": np.arange(3), "free.1": np.arange(2), "activity.0": np.array([0.5])}
    artifacts.write(KEY, save(tensors, metadata({"accuracy": 0.9})))
    assert KEY in artifacts
    assert OTHER not in artifacts
    assert artifacts.keys() == [KEY]
    assert artifacts.data(KEY) == {"accuracy": 0.9}
    assert [array.tolist() for array in artifacts.arrays(KEY, "free")] == [[0, 1, 2], [0, 1]]
    assert artifacts.array(KEY, "activity.0").tolist() == [0.5]
    with pytest.raises(StoreError, match="is damaged"):
        artifacts.array(KEY, "activity.1")


@pytest.fixture
def whole(artifacts):
    """An artifact as it was written."""
    artifacts.write(KEY, save({"free.0": np.arange(3)}, metadata({"accuracy": 0.9})))
    return artifacts


def turned(path, place, bit=0):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def test_every_bit_of_an_artifact_is_checked_before_anything_is_read_from_it(whole):
    path = whole.path(KEY)
    content = path.read_bytes()
    for place in range(len(content)):
        assert whole.data(KEY) == {"accuracy": 0.9}
        turned(path, place, place % 8)
        with pytest.raises(DamagedError, match="is damaged"):
            whole.arrays(KEY, "free")
        path.write_bytes(content)


@pytest.mark.parametrize("left", [0, 5, 40, -1])
def test_an_artifact_that_was_cut_short_is_damaged(whole, left):
    whole.path(KEY).write_bytes(whole.path(KEY).read_bytes()[:left])
    with pytest.raises(DamagedError, match="is damaged"):
        whole.array(KEY, "free.0")


def test_an_artifact_under_the_name_of_another_is_damaged(whole):
    whole.path(OTHER).parent.mkdir()
    whole.path(KEY).rename(whole.path(OTHER))
    with pytest.raises(DamagedError, match="is damaged"):
        whole.data(OTHER)


def test_a_file_is_read_once_until_it_changes(whole, monkeypatch):
    old = time.time() - 60
    os.utime(whole.path(KEY), (old, old))
    time.sleep(0.06)  # a file that has just been changed is read each time
    read = []
    honest = seal.check
    monkeypatch.setattr(seal, "check", lambda *given: read.append(given) or honest(*given))
    whole.data(KEY)
    whole.arrays(KEY, "free")
    assert len(read) == 1
    whole.forget()
    whole.data(KEY)
    assert len(read) == 2


def test_files_of_earlier_versions_are_read_and_those_named_by_their_content_checked(artifacts):
    network, logits = initial(ARCHITECTURES["digits-mlp"], "single"), torch.tensor([[0.5, 1.0]])
    tensors, described = to_tensors(network)
    for key, content in (
        (digest(network), save_torch(tensors, metadata(described))),
        (logits_digest(logits), save_torch({"logits": logits}, metadata({}))),
    ):
        path = artifacts.path(key)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert artifacts.check(key)
        turned(path, -2)
        with pytest.raises(DamagedError, match="is damaged"):
            artifacts.check(key)
    path = artifacts.path(KEY)
    path.parent.mkdir(exist_ok=True)
    content = save({"free.0": np.arange(3)}, metadata({"accuracy": 0.9, "seconds": 1.0}))
    path.write_bytes(content)
    assert artifacts.check(KEY) is False
    assert artifacts.data(KEY)["accuracy"] == 0.9
    path.write_bytes(content[:-1])
    with pytest.raises(DamagedError, match="cut short"):
        artifacts.check(KEY)


def test_a_damaged_checkpoint_is_none(artifacts):
    assert artifacts.read_checkpoint(KEY) is None
    artifacts.write_checkpoint(KEY, save({"weights": np.arange(3)}))
    assert load(artifacts.read_checkpoint(KEY))["weights"].tolist() == [0, 1, 2]
    turned(artifacts.checkpoint(KEY), -4)
    assert artifacts.read_checkpoint(KEY) is None


def test_removing_takes_the_checkpoint_along_and_tells_the_bytes(artifacts):
    artifacts.path(KEY).parent.mkdir()
    artifacts.path(KEY).write_bytes(b"content")
    artifacts.checkpoint(KEY).write_bytes(b"half")
    assert artifacts.remove(KEY) == 11
    assert artifacts.remove(KEY) == 0
    assert not [path for path in artifacts.folder.rglob("*") if path.is_file()]


def test_what_dead_processes_left_is_swept_away_but_for_checkpoints_that_lead_on(artifacts):
    for path in (
        artifacts.path(KEY),
        artifacts.checkpoint(KEY),
        artifacts.checkpoint(OTHER),
        artifacts.path(KEY).with_suffix(".part"),
    ):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    artifacts.sweep()
    left = {path for path in artifacts.folder.rglob("*") if path.is_file()}
    assert left == {artifacts.path(KEY), artifacts.checkpoint(OTHER)}


def test_what_is_damaged_or_missing_is_said_with_what_to_do(whole):
    whole.path(KEY).write_bytes(b"cut")
    with pytest.raises(StoreError, match=r"abab.*\.safetensors is damaged \(.*\); clnp store check says which run"):
        whole.data(KEY)
    with pytest.raises(StoreError, match=r"cdcd.*\.safetensors is missing; clnp store check"):
        whole.data(OTHER)


def test_a_key_cannot_lead_out_of_the_folder(artifacts):
    with pytest.raises(ValueError, match="is not the key of an artifact"):
        artifacts.path("../" * 20 + "etc/passwd")


def test_a_full_disk_is_said(artifacts, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        artifacts.write(OTHER, save({}))
    assert not list(artifacts.folder.rglob("*.part"))
