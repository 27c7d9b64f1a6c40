"""Streams of tasks that are more or less alike, on real runs: reuse against that, archives, export, anatomy."""

import asyncio
import json

import numpy as np
import pytest
import torch

from clnp_core.errors import StoreError
from clnp_core.networks.portable import load_module
from clnp_core.runs import archive
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import load
from clnp_core.tasks.rotation import rotated
from clnp_core.tasks.streams import PermutedStream
from tests.made_up import record
from tests.runs.archive.test_archive import IDENTICAL, json_changed, unzipped, zipped
from tests.runs.conftest import identical

SHORT = {"stream.tasks": 2, "epochs": 2, "single_task": False}
RUNS = {"half": {"stream.share": 0.5}, "rotated": {"stream.kind": "rotated", "stream.degrees": 30}}


@pytest.fixture(scope="module")
def runs(store: Store, scheduler: str) -> dict[str, str]:
    """Real runs."""
    runs = {what: store.add(preset("digits", SHORT | changes)) for what, changes in RUNS.items()}
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    return runs


def made_up(store: Store, claimed: int, **changes: object) -> str:
    """A finished run of two tasks, the second of which has claimed so many neurons of layer 1."""
    spec = preset("digits", SHORT | changes)
    second = record(task=2, claimed=[claimed, 10], free=[380 - claimed, 380], accuracy=[0.9, 0.9])
    run = store.add(spec)
    store.finish(run, summarise(spec, [record(), second], 1.0))
    return run


def test_runs_that_differ_in_how_alike_tasks_are_and_in_seeds_are_set_side_by_side(tmp_path):
    store, half = Store(tmp_path), {"stream.share": 0.5}
    made_up(store, 1, **half, seed=3)  # of which there is a newer one
    runs = [made_up(store, 7, **half), made_up(store, 9, **half, seed=3), made_up(store, 20), made_up(store, 2)]
    made_up(store, 8, **half, margin=0.05)
    made_up(store, 8, **{"stream.kind": "rotated", "stream.degrees": 50})
    store.add(preset("digits", SHORT | {"stream.share": 0}))
    table = RunHandle(store, runs[2]).transfer()
    first = table[table["layer"] == "layer 1"]
    assert first[["share", "run", "new"]].values.tolist() == [
        [0.5, runs[1], 9],
        [0.5, runs[0], 7],
        [1.0, runs[2], 20],  # the run itself, not the newer one
    ]
    assert table["reused"].isna().sum() == 3  # masked by the single head
    with pytest.raises(StoreError, match="it takes a method that claims neurons and a stream that is permuted or"):
        RunHandle(store, store.add(preset("split-digits"))).transfer()


@pytest.mark.parametrize("what", ["half", "rotated"])
def test_their_archives_are_taken_in_with_and_without_the_data(store: Store, runs: dict[str, str], tmp_path, what: str):
    run, path = runs[what], tmp_path / "run.zip"
    RunHandle(store, run).archive(path)
    other = Store(tmp_path / "other")
    assert archive.read(other, path) == archive.Imported(run, IDENTICAL)
    assert identical(other, run) == [1, 2]
    members = unzipped(path)
    json_changed("run.json", data="0" * 64)(members)
    without = Store(tmp_path / "without")
    assert archive.read(without, zipped(members, tmp_path / "without.zip")).verdict.startswith("not verified")
    assert RunHandle(without, run).anatomy(2).looks_at(1, 0).shape == (1, 8, 8)


def test_a_neuron_looks_at_pixels_where_the_images_have_them(store: Store, runs: dict[str, str]):
    order = PermutedStream(load("digits"), 2, 150, seed=0, share=0.5).permutations
    assert np.array_equal(RunHandle(store, runs["half"]).anatomy(2).permutations, order)
    assert RunHandle(store, runs["rotated"]).anatomy(2).permutations is None


def test_an_exported_network_takes_images_rotated_or_not_as_its_layout_says(
    store: Store, runs: dict[str, str], tmp_path
):
    digits = load("digits")
    turned = "raw pixels from 0 to 16, rotated counterclockwise by 30 degrees as by clnp_core.tasks.rotation.rotated"
    for what, task, images, ends in (
        ("half", 2, digits.x_test, "raw pixels from 0 to 16"),
        ("rotated", 1, digits.x_test, "raw pixels from 0 to 16"),
        ("rotated", 2, rotated(digits.x_test, 30), turned),
    ):
        handle, file = RunHandle(store, runs[what]), tmp_path / f"{what}-{task}.safetensors"
        handle.export(task, file)
        content = file.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        assert json.loads(header["__metadata__"]["clnp"])["about"]["layout"].endswith(ends)
        right = load_module(file)(torch.from_numpy(images)).argmax(1).numpy() == digits.y_test
        assert right.mean() == pytest.approx(handle.summary()["accuracy"][1][task - 1])
