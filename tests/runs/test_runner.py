"""Whole runs, short ones, on the real digits."""

import json

import pytest
from safetensors import safe_open

from clnp_core.errors import DataError, DivergedError, ForgettingError
from clnp_core.methods import clnp
from clnp_core.runs import runner
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


def run(store, changes, observe=lambda event: None):
    spec = preset("digits", {"stream.tasks": 3, "epochs": 6, **changes})
    name = store.add(spec)
    return name, runner.execute(store, name, observe)


def test_a_summary_holds_what_is_promised(store):
    events = []
    name, summary = run(store, {}, events.append)
    assert (summary["preset"], summary["seed"], summary["tasks"]) == ("digits", 0, 3)
    assert [len(row) for row in summary["accuracy"]] == [1, 2, 3]
    assert summary["mean_accuracy"] == pytest.approx(sum(summary["accuracy"][-1]) / 3)
    assert len(summary["single_task_accuracy"]) == 3
    assert summary["identical_logits"] is True
    for layer in summary["layers"]:
        assert layer["free"] == layer["width"] - sum(layer["claimed"])
        assert len(layer["reused"]) == 3
    assert summary["layers"][1]["reused"] == [0, 0, 0]  # the single head's mask hides earlier tasks' neurons
    assert [len(summary[key]) for key in ("theta", "lambda", "learning_rate")] == [3, 3, 3]
    assert summary["lambda"][0] == [1e-5, 1e-3, 3e-4]
    # Nothing is forgotten: every column of the accuracy matrix is constant.
    assert [row[0] for row in summary["accuracy"]] == [summary["accuracy"][0][0]] * 3
    assert json.loads(json.dumps(summary)) == summary

    stored = store.run(name)
    assert (stored.state, stored.fraction, stored.summary) == ("finished", 1.0, summary)
    assert [record["task"] for record in store.learned(name)] == [1, 2, 3]
    epochs = store.epochs(name)
    assert len(epochs) == 2 * 3 * 6
    assert sum(isinstance(event, runner.Progress) for event in events) == len(epochs)
    fractions = [event.fraction for event in events if isinstance(event, runner.Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_summary_and_another_another(store):
    (_, one), (_, again), (_, other) = (run(store, {"seed": seed, "single_task": False}) for seed in (5, 5, 6))
    one.pop("seconds"), again.pop("seconds")
    assert one == again
    assert one["accuracy"] != other["accuracy"]


def test_artifacts_are_kept_without_pickle(store):
    name, summary = run(store, {"single_task": False})
    with safe_open(store.folder(name) / "network.safetensors", "pt") as network:
        owner = network.get_tensor("owner.1")
        assert [(owner == task).sum().item() for task in (1, 2, 3)] == summary["layers"][1]["claimed"]
    with safe_open(store.folder(name) / "stream.safetensors", "np") as stream:
        assert stream.get_tensor("permutations").shape == (3, 64)


def test_the_first_task_searches_the_grid_and_the_others_keep_what_it_found(store):
    changes = {"lambda.2": [1e-4, 2e-3], "learning_rate": [1e-2, 3e-3], "single_task": False}
    name, summary = run(store, changes)
    fits = [(epoch["task"], epoch["candidate"]) for epoch in store.epochs(name) if epoch["epoch"] == 1]
    assert fits == [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (3, 0)]
    assert len({tuple(values) for values in summary["lambda"]}) == 1
    name, _ = run(store, {**changes, "search": "every-task", "stream.tasks": 2})
    assert sum(epoch["epoch"] == 1 for epoch in store.epochs(name)) == 8


def test_a_threshold_per_layer_is_reported_per_layer(store):
    _, summary = run(store, {"theta_mode": "per-layer", "stream.tasks": 1, "single_task": False})
    assert len(summary["theta"][0]) == 2


def test_a_full_single_head_network_stops_with_what_it_has(store):
    changes = {"theta": 0, "lambda.1": 0, "lambda.2": 0, "lambda.output": 0, "stream.tasks": 30, "epochs": 2}
    name, summary = run(store, {**changes, "single_task": False})
    assert summary["tasks"] < 30
    assert summary["layers"][1]["free"] == 0
    assert f"full after task {summary['tasks']} of 30" in summary["notes"][-1]
    assert store.run(name).state == "finished"


def test_multi_head_reuses_the_last_layer(store):
    _, summary = run(store, {"head": "multi", "single_task": False})
    assert summary["layers"][1]["reused"][2] > 0


def test_a_changed_answer_ends_the_run(store, monkeypatch):
    """A commit that lets a later task into an earlier one's weights is found out at once."""
    honest = clnp.prune_and_commit

    def leaky(network, candidate, choice):
        committed, learned = honest(network, candidate, choice)
        if network.tasks:
            committed.weights[1][network.owners[1] == 1] += 1e-6
        return committed, learned

    monkeypatch.setattr(clnp, "prune_and_commit", leaky)
    with pytest.raises(ForgettingError, match=r"Task 1 .* after task 2, layer 2 is the first that differs"):
        run(store, {"single_task": False})
    failed = store.runs()[0]
    assert failed.state == "failed"
    assert "Task 1 no longer answers" in failed.error
    assert len(store.learned(failed.id)) == 1  # what was learned before is kept


def test_divergence_ends_the_run_with_a_sentence(store):
    with pytest.raises(DivergedError, match="Task 1: training diverged"):
        run(store, {"learning_rate": 1e38})
    failed = store.runs()[0]
    assert (failed.state, store.epochs(failed.id)[-1]["loss"]) == ("failed", None)
    assert "lower learning_rate" in failed.error


def test_missing_data_fails_the_run_with_a_reason(store, tmp_path, monkeypatch):
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04")
    name = store.add(preset("permuted-mnist-quick"))
    with pytest.raises(DataError):
        runner.execute(store, name)
    assert "mnist.npz is damaged" in store.run(name).error


def test_permuted_mnist_is_learned(store, mnist_directory, monkeypatch):
    """One epoch on the real thing, at full width; the presets' own figures are measured in benchmarks."""
    monkeypatch.setenv("CLNP_DATA_DIR", str(mnist_directory))
    name = store.add(preset("permuted-mnist-quick", {"stream.tasks": 1, "epochs": 1}))
    summary = runner.execute(store, name)
    assert summary["mean_accuracy"] > 0.95
