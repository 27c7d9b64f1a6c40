"""Stages in this process: pure, and the same to the bit however often they are stopped."""

import json

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clnp_core.errors import DataError, ForgettingError
from clnp_core.methods import clnp
from clnp_core.runs.engine.work import Context, Stopped, perform
from clnp_core.runs.fold import stages
from clnp_core.runs.fold.course import fold
from clnp_core.runs.fold.results import RESULTS, Record, Result
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store.artifacts import Artifacts
from clnp_core.tasks import datasets

DIGEST = datasets.load("digits").digest()
STEPS = 21 * 12


def spec(**changes):
    return preset("digits", {"epochs": 12, "single_task": False, **changes})


def content(made: dict[str, bytes], key: str) -> tuple[dict, dict]:
    """Tensors and data of an artifact, without what differs from one time to the next."""
    length = int.from_bytes(made[key][:8], "little")
    data = json.loads(json.loads(made[key][8 : 8 + length])["__metadata__"]["json"])
    data.pop("seconds")
    for epoch in data.get("epochs", ()):
        epoch.pop("seconds")
    return safetensors.torch.load(made[key]), data


def assert_same(one: dict[str, bytes], two: dict[str, bytes]) -> None:
    assert one.keys() == two.keys()
    for key in one:
        (tensors, data), (others, other) = content(one, key), content(two, key)
        assert data == other
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensors[name], others[name]) for name in tensors)


def stopping_after(steps: int):
    """A pulse that asks the stage to stop before its step of that number."""
    left = iter(range(steps))

    def pulse() -> None:
        if next(left, None) is None:
            raise Stopped

    return pulse


def often(artifacts: Artifacts, pulse) -> Context:
    """A context in which these short trainings come to a checkpoint, too."""
    return Context(artifacts, pulse, checkpoint_pause=0)


@pytest.fixture(scope="module")
def fit() -> stages.Stage:
    return stages.fit_stages(spec(), DIGEST, 1, None, None)[0]


@pytest.fixture(scope="module")
def uninterrupted(fit, tmp_path_factory):
    return perform([fit], Context(Artifacts(tmp_path_factory.mktemp("whole"))))


@given(stops=st.lists(st.integers(1, STEPS), min_size=1, max_size=3))
@settings(max_examples=5, deadline=None)
def test_resuming_gives_bit_for_bit_what_an_uninterrupted_training_gives(fit, uninterrupted, tmp_path_factory, stops):
    artifacts = Artifacts(tmp_path_factory.mktemp("stopped"))
    for steps in stops:
        try:
            perform([fit], often(artifacts, stopping_after(steps)))
        except Stopped:
            continue
    assert_same(perform([fit], Context(artifacts)), uninterrupted)


@pytest.mark.parametrize("method", ["clnp", "joint"])
def test_a_convolutional_network_resumes_too(tmp_path, method):
    """With what is dropped out, and with BatchNorm's running statistics."""
    changes = {"epochs": 8, "method": method, "network": NORMALISED, "stream.tasks": 2}
    asked = preset("split-digits-cnn", changes)
    (stage,) = stages.fit_stages(asked, DIGEST, asked.lessons[0], None, None)
    whole, stopped = Artifacts(tmp_path / "whole"), Artifacts(tmp_path / "stopped")
    made = perform([stage], Context(whole))
    for steps in (13, 11):
        with pytest.raises(Stopped):
            perform([stage], Context(stopped, stopping_after(steps), checkpoint_pause=0, checkpoint_epochs=1))
    assert stopped.checkpoint(stage.key).exists()
    assert_same(perform([stage], Context(stopped)), made)


NORMALISED = {
    "name": "normalised",
    "input_shape": [1, 8, 8],
    "hidden": [
        {"kind": "conv", "name": "c", "width": 12, "kernel": 3, "batch_norm": True, "dropout": 0.2},
        {"kind": "conv", "name": "e", "width": 20, "kernel": 3, "pool": {"kind": "max", "kernel": 2, "stride": 2}},
        {"kind": "dense", "name": "d", "width": 40, "batch_norm": True, "dropout": 0.3},
    ],
    "outputs": 2,
}


def test_training_alone_resumes_too(tmp_path):
    hyperparameters = stages.fit_stages(spec(), DIGEST, 1, None, None)[0].inputs["hyperparameters"]
    stage = stages.alone_stage(spec(), DIGEST, 1, hyperparameters)
    whole, stopped = Artifacts(tmp_path / "whole"), Artifacts(tmp_path / "stopped")
    with pytest.raises(Stopped):
        perform([stage], often(stopped, stopping_after(STEPS - 5)))
    assert_same(perform([stage], Context(stopped)), perform([stage], Context(whole)))


def test_a_stopped_training_does_not_begin_anew(fit, tmp_path):
    artifacts = Artifacts(tmp_path)
    with pytest.raises(Stopped):
        perform([fit], often(artifacts, stopping_after(STEPS - 1)))
    pulses = []
    perform([fit], Context(artifacts, lambda: pulses.append(1)))
    assert len(pulses) <= 7 * 21 + 100  # the seven epochs after the checkpoint, and the scan


def test_a_training_begins_anew_where_its_checkpoint_is_damaged(fit, uninterrupted, tmp_path):
    artifacts = Artifacts(tmp_path)
    with pytest.raises(Stopped):
        perform([fit], often(artifacts, stopping_after(STEPS - 1)))
    path = artifacts.checkpoint(fit.key)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert_same(perform([fit], Context(artifacts)), uninterrupted)


def learn(artifacts: Artifacts, tasks: int) -> list[Record]:
    """A run without an engine. Returns the records of its tasks."""
    return learned(spec(**{"stream.tasks": tasks}), Context(artifacts))


def learned(asked: RunSpec, context: Context) -> list[Record]:
    """The same, of any run on the digits."""

    def result(stage: Stage, candidate: int) -> Result:
        for key, made in perform([stage], context).items():
            context.artifacts.write(key, made)
        return context.artifacts.read(stage.key, RESULTS[stage.kind])

    return fold(asked, DIGEST, result)


def test_a_changed_answer_ends_the_stage(tmp_path, monkeypatch):
    """A commit that lets a later task into an earlier one's weights is found out at once."""
    honest = clnp.prune_and_commit

    def leaky(network, candidate, choice):
        committed, learned = honest(network, candidate, choice)
        if network.tasks:
            committed.layers[1].weight[network.owners[1] == 1] += 1e-6
        return committed, learned

    assert len(learn(Artifacts(tmp_path / "honest"), 2)) == 2
    monkeypatch.setattr(clnp, "prune_and_commit", leaky)
    with pytest.raises(ForgettingError, match=r"Task 1 .* after task 2, layer 2 is the first that differs"):
        learn(Artifacts(tmp_path / "leaky"), 2)


def test_a_worker_with_other_data_refuses(tmp_path):
    (stage,) = stages.fit_stages(spec(), "0" * 64, 1, None, None)
    with pytest.raises(DataError, match="not the one the run was started with"):
        perform([stage], Context(Artifacts(tmp_path)))


def test_permuted_mnist_is_learned(mnist_directory, tmp_path, monkeypatch):
    """One epoch on the real thing, with a fifth of the neurons."""
    monkeypatch.setenv("CLNP_DATA_DIR", str(mnist_directory))
    hidden = [{"kind": "dense", "name": name, "width": 400} for name in ("a", "b")]
    narrow = {"name": "narrow", "input_shape": [1, 28, 28], "hidden": hidden, "outputs": 10}
    quick = preset("permuted-mnist-quick", {"epochs": 1, "network": narrow})
    (stage,) = stages.fit_stages(quick, datasets.load("mnist").digest(), 1, None, None)
    _, data = content(perform([stage], Context(Artifacts(tmp_path))), stage.key)
    assert data["accuracy"] > 0.9
    assert data["curve"][0]["theta"] == [0.0, 0.0]
