"""Whose neurons the tasks of real runs use, against computing their activities anew."""

import numpy as np
import pytest
import safetensors.torch
import torch

from clnp_core.errors import StoreError
from clnp_core.networks.layers import spatial_mean
from clnp_core.networks.network import Network, from_tensors
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.reuse import reuse
from clnp_core.tasks.streams import open_stream
from tests.runs.conftest import serve

SHORT = {"stream.tasks": 3, "epochs": 5, "single_task": False}
TUNED = {"fine_tuning.epochs": 2, "fine_tuning.learning_rate": 1e-3, "margin": 0.1}


def networks(store: Store, run: str) -> list[Network]:
    """The committed network after each task."""
    keys = [stage["network"] for stage in store.stages(run) if stage["kind"] == "settle"]
    tensors = [safetensors.torch.load_file(store.artifacts.path(key)) for key in keys]
    return [from_tensors(each, store.artifacts.data(key)) for each, key in zip(tensors, keys, strict=True)]


def used_by_brute_force(store: Store, run: str) -> dict[tuple[int, str, int], int]:
    """Earlier tasks' neurons above θ, by task, layer and owner: all training images through the committed network."""
    spec, used = store.run(run).spec, {}
    stream = open_stream(spec.stream.model_dump(mode="json"), spec.seed, spec.stream.tasks)
    read = spec.architecture.hidden if spec.head == "multi" else spec.architecture.hidden[:-1]
    for network, record in zip(networks(store, run), store.learned(run), strict=True):
        images = stream.task(record.task).train.x
        with torch.no_grad():
            means = [spatial_mean(layer.double()).mean(0).numpy() for layer in network.hidden(images)]
        for layer, owner, mean, theta in zip(read, network.owners, means, record.theta, strict=False):
            for earlier in range(1, record.task):
                count = np.count_nonzero(mean[owner == earlier] > theta)
                used[record.task, layer.name, earlier] = count
    return used


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("digits", {"lambda.2": [5e-4, 2e-3], "search": "every-task"}),
        ("digits-multihead", {"grow.1": 50, "grow_below": 0.9, "theta_mode": "per-layer"}),
        ("split-digits-cnn", TUNED),
    ],
)
def test_reuse_is_what_computing_every_activity_anew_gives(store: Store, scheduler: str, name: str, changes: dict):
    run, _ = serve(store, preset(name, SHORT | changes), scheduler)
    table, spec = reuse(store, run), store.run(run).spec
    earlier = table[table["owner"] < table["task"]].set_index(["task", "layer", "owner"])
    assert earlier["used"].to_dict() == used_by_brute_force(store, run)
    assert earlier["used"].sum() > 0
    names = [layer.name for layer in spec.architecture.hidden]
    claimed = {record.task: dict(zip(names, record.claimed, strict=True)) for record in store.learned(run)}
    for task, layer, owner in earlier.index:
        assert earlier.loc[(task, layer, owner), "neurons"] == claimed[owner][layer]
    sums = earlier["used"].groupby(["task", "layer"]).sum()
    for record in store.learned(run):
        assert [sums.get((record.task, layer), 0) for layer in names] == list(record.reused)
        own = table[(table["task"] == record.task) & (table["owner"] == record.task)]
        assert list(own["neurons"]) == list(own["used"]) == list(record.claimed)


def test_a_method_that_does_not_partition_has_no_reuse(store: Store, scheduler: str):
    run, _ = serve(store, preset("digits", SHORT | {"stream.tasks": 2, "epochs": 2, "method": "finetune"}), scheduler)
    assert reuse(store, run).empty


def test_a_damaged_candidate_is_said_to_be_damaged(tmp_path, scheduler: str):
    store = Store(tmp_path)
    run, _ = serve(store, preset("digits", SHORT | {"stream.tasks": 1, "epochs": 1}), scheduler)
    (fit,) = (stage["key"] for stage in store.stages(run) if stage["kind"] == "fit")
    store.artifacts.path(fit).write_bytes(b"no safetensors")
    with pytest.raises(StoreError, match="is damaged"):
        reuse(store, run)
    store.artifacts.path(fit).unlink()
    with pytest.raises(StoreError, match="is missing"):
        reuse(Store(tmp_path), run)
