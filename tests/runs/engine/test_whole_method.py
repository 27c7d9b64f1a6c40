"""Whole runs of what stands beside the paper's plain algorithm: split classes, convolutions, fine-tuning, growth."""

import asyncio
import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from clnp_core.analysis.epochs import TUNED
from clnp_core.errors import DataError, StoreError
from clnp_core.networks.portable import load_module
from clnp_core.runs import archive
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.tasks.own import load_own
from clnp_core.tasks.streams import from_arrays
from tests.runs.conftest import identical, serve


@pytest.fixture
def learn_split(store, scheduler):
    """Carry out a short run of the split digits on the small convolutional network."""

    def learn(changes):
        short = {"stream.tasks": 3, "epochs": 4, "single_task": False}
        return serve(store, preset("split-digits-cnn", short | changes), scheduler)

    return learn


def test_channels_are_claimed_and_nothing_is_forgotten(store, learn_split):
    run, summary = learn_split({"single_task": True})
    assert [layer["name"] for layer in summary["layers"]] == ["conv 1", "conv 2", "dense 1"]
    assert summary["identical_logits"] is True
    assert summary["forgetting"] == summary["backward_transfer"] == 0.0
    assert summary["forward_transfer"] is not None
    for layer in summary["layers"]:
        assert layer["free"] == layer["width"] - sum(layer["claimed"])
    assert identical(store, run) == [1, 2, 3]
    assert json.loads(json.dumps(summary)) == summary


def test_fine_tuning_trains_on_what_is_left_in_rounds(store, learn_split):
    tuning = {"epochs": 3, "learning_rate": 1e-3, "rounds": 2}
    run, summary = learn_split({"fine_tuning": tuning, "margin": 0.1, "stream.tasks": 2})
    plain, before = learn_split({"margin": 0.1, "stream.tasks": 2})
    kinds = [stage["kind"] for stage in store.stages(run)]
    assert kinds == ["stream", "fit", "tune", "tune", "settle", "fit", "tune", "tune", "settle"]
    assert sum(epoch["candidate"] == TUNED for epoch in store.epochs(run)) == 2 * 2 * 3
    # Pruned again after the first round, the first task keeps no more than it did after pruning once.
    for tuned, once in zip(summary["layers"], before["layers"], strict=True):
        assert tuned["claimed"][0] <= once["claimed"][0]
    assert sum(layer["claimed"][0] for layer in summary["layers"]) > 0
    first = [next(stage["key"] for stage in store.stages(one) if stage["kind"] == "fit") for one in (run, plain)]
    assert first[0] == first[1]  # it is pruning that differs, not training
    assert identical(store, run) == [1, 2]
    assert store.run(run).fraction == 1.0


def test_a_layer_grows_by_hand_in_a_fork_and_earlier_answers_stay(store, learn_split, scheduler):
    run, before = learn_split({})
    grown, summary = serve(store, fork(store.run(run).spec, 3, {"grow": {"1": 8, "3": 20}}), scheduler)
    assert [layer["width"] for layer in summary["layers"]] == [32, 48, 148]
    assert "Before task 3 the network grew: conv 1 by 8, dense 1 by 20 neurons." in summary["notes"]
    assert summary["accuracy"][1] == before["accuracy"][1]
    assert summary["accuracy"][2][:2] == before["accuracy"][1]
    assert [stage["kind"] for stage in store.stages(grown)].count("grow") == 1
    assert identical(store, grown) == [1, 2, 3]
    for layer in summary["layers"]:
        assert layer["free"] == layer["width"] - sum(layer["claimed"])


def test_layers_that_are_too_full_grow_by_themselves_and_the_stream_goes_on(store, learn, scheduler):
    """With no L1 and no pruning a task claims all it can: only growth lets a single head learn on."""
    none = {"lambda.1": 0, "lambda.2": 0, "lambda.output": 0, "theta": 0, "epochs": 2, "stream.tasks": 4}
    run, summary = learn({**none, "network": SMALL, "grow": {"1": 10, "2": 25}, "grow_below": 0.2})
    assert summary["tasks"] == 4
    assert summary["layers"][1]["width"] > 40
    assert sum("the network grew" in note for note in summary["notes"]) >= 2
    assert [row[0] for row in summary["accuracy"]] == [summary["accuracy"][0][0]] * 4
    assert identical(store, run) == [1, 2, 3, 4]


SMALL = {
    "name": "small",
    "input_shape": [1, 8, 8],
    "hidden": [{"kind": "dense", "name": "a", "width": 60}, {"kind": "dense", "name": "b", "width": 40}],
    "outputs": 10,
}


def test_a_depleted_multi_head_network_trains_heads_and_says_so(learn):
    none = {"lambda.1": 0, "lambda.2": 0, "lambda.output": 0, "theta": 0, "learning_rate": 1e-3, "head": "multi"}
    narrow = SMALL | {"hidden": [SMALL["hidden"][0], SMALL["hidden"][1] | {"width": 8}]}
    _, summary = learn({**none, "network": narrow, "stream.tasks": 8})
    assert summary["tasks"] == 8
    below, last = summary["layers"]
    assert (last["free"], last["tasks_left"]) == (0, 0.0)
    (note,) = (note for note in summary["notes"] if "No neuron of b was free" in note)
    assert "to 8: No neuron of b was free: only the task's own head was trained" in note
    assert (below["claimed"][7], last["claimed"][7]) == (0, 0)  # what is free in a is not seen at the output


@pytest.mark.parametrize("method", ["single", "finetune"])
def test_other_methods_go_the_same_way(store, learn_split, method):
    run, summary = learn_split({"method": method, "learning_rate": [1e-3, 1e-2]})
    assert (summary["method"], summary["tasks"], summary["layers"]) == (method, 3, [])
    assert [len(row) for row in summary["accuracy"]] == [1, 2, 3]
    assert "identical_logits" not in summary
    assert {stage["kind"] for stage in store.stages(run)} == {"stream", "fit", "settle"}
    assert min(row[-1] for row in summary["accuracy"]) > 0.7
    with pytest.raises(StoreError, match=f"cannot be verified: its method, {method}, may forget"):
        identical(store, run)


def test_all_at_once_is_one_lesson(store, learn_split):
    run, summary = learn_split({"method": "joint", "single_task": True, "epochs": 12})
    assert [len(row) for row in summary["accuracy"]] == [0, 0, 3]
    assert summary["forgetting"] is None
    assert "single_task_accuracy" not in summary
    assert [stage["kind"] for stage in store.stages(run)] == ["stream", "fit", "settle"]
    assert summary["mean_accuracy"] > 0.8


def test_methods_do_not_share_what_they_train(store, learn_split):
    keys = [
        {stage["key"] for stage in store.stages(learn_split({"method": method})[0]) if stage["kind"] != "stream"}
        for method in ("clnp", "single", "finetune", "joint")
    ]
    assert len(set.union(*keys)) == sum(map(len, keys))


def test_data_of_ones_own_on_a_network_of_ones_own(store, tmp_path, monkeypatch):
    """On workers of the engine's own, which have the folder from it. Tasks differ in how many classes they have."""
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path))
    rng = np.random.default_rng(0)

    def images(count, classes):
        """As many kinds of image as there are classes, by which rows are bright."""
        place = np.arange(count) % len(classes)
        pixels = rng.integers(100, size=(count, 3, 6, 5), dtype=np.uint8)
        pixels[np.arange(count), :, place] += 100
        return pixels, np.array(classes)[place]

    classes = [[853, 854], ["cat", "dog", "emu", "fox"]]

    def tasks():
        return [(*images(200, each), *images(48, each)) for each in classes]

    stream = from_arrays("rows", tasks())
    network = {
        "name": "mine",
        "input_shape": [3, 6, 5],
        "hidden": [
            {"kind": "conv", "name": "c", "width": 20, "kernel": 3, "batch_norm": True},
            {"kind": "dense", "name": "d", "width": 30, "dropout": 0.1},
        ],
        "outputs": 10,
    }
    changes = {"stream": stream, "network": network, "epochs": 8}
    runs = [RunHandle(store, store.add(preset(name, changes))) for name in ("digits", "digits-multihead")]
    asyncio.run(Engine(store, None).serve(until=[run.id for run in runs]))
    for run in runs:
        ended = store.run(run.id)
        assert ended.state == "finished", f"{ended.error} {ended.detail}"
        summary = run.summary()
        assert summary["mean_accuracy"] > 0.8
        assert summary["classes"] == [[*run.classes(1)], [*run.classes(2)]] == classes
        assert [len(run.network(task)(run.test_set(task)[0])[0]) for task in (1, 2)] == [2, 4]
        assert len(run.anatomy(2).owners_at(3)) == len(run.anatomy(2).links(3))
        assert identical(store, run.id) == [1, 2]
        run.archive(tmp_path / "run.zip")
        other = Store(tmp_path / run.id)
        assert "identical to the bit" in archive.read(other, tmp_path / "run.zip").verdict
        assert RunHandle(other, run.id).summary() == summary
    shared, own = (run.summary()["notes"] for run in runs)
    assert "output 0 is 853 in task 1 and 'cat' in task 2" in shared[0]
    assert not any("853" in note for note in own)
    with pytest.raises(StoreError, match=r"has no task 3; give a number from 1 to 2"):
        run.classes(3)
    run.export(2, tmp_path / "task.safetensors")
    with safe_open(tmp_path / "task.safetensors", "pt") as file:
        about = json.loads(file.metadata()["clnp"])["about"]
    assert (about["classes"], about["labels"]) == (4, '["cat", "dog", "emu", "fox"]')
    assert about["layout"].startswith(
        "uint8 [batch, channels, height, width] = [batch, 3, 6, 5], raw pixels from 0 to 255"
    )
    logits = load_module(tmp_path / "task.safetensors")(torch.from_numpy(load_own("rows")[1].x_test))
    assert torch.equal(logits, run.network(2)(run.test_set(2)[0]))
    from_arrays("rows", tasks())  # other data of the same name: nothing was forgotten
    with pytest.raises(DataError, match="the data set rows is not the one that it learned"):
        identical(store, runs[0].id)
    with pytest.raises(DataError, match="is not the one the run was started with"):
        run.export(2, tmp_path / "task.safetensors")
