"""Artifacts: found again by key, whole or not at all."""

import os

import numpy as np
import pytest
from safetensors.numpy import save

from clnp_core.errors import StoreError
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


def test_removing_takes_the_checkpoint_along_and_tells_the_bytes(artifacts):
    artifacts.write(KEY, b"content")
    artifacts.checkpoint(KEY).write_bytes(b"half")
    assert artifacts.remove(KEY) == 11
    assert artifacts.remove(KEY) == 0
    assert not [path for path in artifacts.folder.rglob("*") if path.is_file()]


def test_what_dead_processes_left_is_swept_away_but_for_checkpoints_that_lead_on(artifacts):
    artifacts.write(KEY, b"content")
    for path in (artifacts.checkpoint(KEY), artifacts.checkpoint(OTHER), artifacts.path(KEY).with_suffix(".part")):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    artifacts.sweep()
    left = {path for path in artifacts.folder.rglob("*") if path.is_file()}
    assert left == {artifacts.path(KEY), artifacts.checkpoint(OTHER)}


def test_a_damaged_artifact_is_a_sentence(artifacts):
    key = "ab" * 32
    artifacts.write(key, b"cut")
    with pytest.raises(StoreError, match=r"abab.*\.safetensors is damaged .*; remove it and run again"):
        artifacts.data(key)


def test_a_key_cannot_lead_out_of_the_folder(artifacts):
    with pytest.raises(ValueError, match="is not the key of an artifact"):
        artifacts.path("../" * 20 + "etc/passwd")


def test_a_full_disk_is_said(artifacts, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        artifacts.write("cd" * 32, b"content")
    assert not list(artifacts.folder.rglob("*.part"))
