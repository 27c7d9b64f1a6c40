"""Whole runs, short ones, on the real digits and real worker processes."""

import asyncio
import json
import multiprocessing
import os
import tempfile
from contextlib import suppress
from multiprocessing.connection import Listener
from unittest import mock

import pytest
import torch
from distributed import Client
from safetensors import safe_open

from clnp_core.analysis.epochs import ALONE
from clnp_core.analysis.metrics import mean_accuracy
from clnp_core.errors import StoreError
from clnp_core.runs.engine import cluster
from clnp_core.runs.engine import service as engine_module
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.engine.worker import perform_on_worker
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.tasks.content import content_digest
from tests.runs import on_worker
from tests.runs.conftest import identical, serve


def test_a_summary_holds_what_is_promised(store, learn):
    run, summary = learn({"single_task": True})
    assert (summary["preset"], summary["seed"], summary["tasks"]) == ("digits", 0, 3)
    assert [len(row) for row in summary["accuracy"]] == [1, 2, 3]
    assert summary["mean_accuracy"] == pytest.approx(mean_accuracy(summary["accuracy"]))
    assert len(summary["single_task_accuracy"]) == 3
    assert all(0.5 < accuracy < 1 for accuracy in summary["single_task_accuracy"])
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

    stored = store.run(run)
    assert (stored.state, stored.fraction, stored.summary.to_json()) == ("finished", 1.0, summary)
    assert stored.data == content_digest(stored.spec.stream.model_dump(mode="json"))
    assert [record.task for record in store.learned(run)] == [1, 2, 3]
    epochs = store.epochs(run)
    assert len(epochs) == 2 * 3 * 3
    assert sum(epoch["candidate"] == ALONE for epoch in epochs) == 3 * 3
    assert identical(store, run) == [1, 2, 3]


def test_a_run_that_is_asked_for_again_trains_nothing(store, learn):
    first, one = learn({"seed": 5})
    again, two = learn({"seed": 5})
    assert one | {"seconds": 0} == two | {"seconds": 0}
    assert {stage["computed"] for stage in store.stages(again)} == {1}
    assert [stage["key"] for stage in store.stages(first)] == [stage["key"] for stage in store.stages(again)]
    assert store.epochs(first) == store.epochs(again)


def test_another_store_computes_the_same(learn, tmp_path):
    (_, one), (_, other_seed) = (learn({"seed": seed}) for seed in (5, 6))
    _, elsewhere = learn({"seed": 5}, into=Store(tmp_path))
    assert one | {"seconds": 0} == elsewhere | {"seconds": 0}
    assert one["accuracy"] != other_seed["accuracy"]


def test_another_margin_chooses_anew_among_the_candidates_there_are(store, learn):
    grid = {"lambda.2": [1e-4, 2e-3], "learning_rate": [1e-2, 3e-3], "seed": 7, "stream.tasks": 1}
    learn({**grid, "margin": 0.001})
    run, _ = learn({**grid, "margin": 0.2})
    computed = [(stage["kind"], stage["computed"]) for stage in store.stages(run)]
    assert computed == [("stream", 1), *[("fit", 1)] * 4, ("settle", 1)]


def test_the_first_task_searches_the_grid_and_the_others_keep_what_it_found(store, learn):
    changes = {"lambda.2": [1e-4, 2e-3], "learning_rate": [1e-2, 3e-3]}
    run, summary = learn(changes)
    fits = [(stage["task"], stage["candidate"]) for stage in store.stages(run) if stage["kind"] == "fit"]
    assert fits == [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (3, 0)]
    assert len({tuple(values) for values in summary["lambda"]}) == 1
    run, _ = learn({**changes, "search": "every-task", "stream.tasks": 2})
    assert sum(stage["kind"] == "fit" for stage in store.stages(run)) == 8


def test_a_fork_shares_what_came_before_it(store, learn, scheduler):
    run, _ = learn({})
    spec = fork(store.run(run).spec, 3, {"theta": 0.5, "stream.tasks": 4})
    forked, summary = serve(store, spec, scheduler)
    before, after = store.stages(run), store.stages(forked)
    shared = {stage["key"] for stage in before} & {stage["key"] for stage in after}
    assert {stage["task"] for stage in before if stage["key"] in shared} == {1, 2, 3}  # of task 3 the training alone
    assert all(stage["computed"] == 1 for stage in after)
    assert summary["theta"][2:] == [0.5, 0.5]
    assert summary["accuracy"][1] == store.run(run).summary.to_json()["accuracy"][1]


def test_artifacts_are_kept_without_pickle(store, learn):
    run, summary = learn({})
    stages = store.stages(run)
    with safe_open(store.artifacts.path(stages[-1]["network"]), "pt") as network:
        owner = network.get_tensor("owners.1")
        assert [(owner == task).sum().item() for task in (1, 2, 3)] == summary["layers"][1]["claimed"]
    with safe_open(store.artifacts.path(stages[0]["key"]), "np") as stream:
        assert stream.get_tensor("permutations").shape == (3, 64)


def test_a_threshold_per_layer_is_reported_per_layer(learn):
    _, summary = learn({"theta_mode": "per-layer", "stream.tasks": 1})
    assert len(summary["theta"][0]) == 2


def test_a_full_single_head_network_stops_with_what_it_has(store, learn):
    none = {"lambda.1": 0, "lambda.2": 0, "lambda.output": 0, "theta": 0}
    run, summary = learn({**none, "stream.tasks": 30, "epochs": 2})
    assert summary["tasks"] < 30
    assert summary["layers"][1]["free"] == 0
    assert f"full after task {summary['tasks']} of 30" in summary["notes"][-1]
    assert store.run(run).state == "finished"


def test_multi_head_reuses_the_last_layer(store, learn):
    run, summary = learn({"head": "multi"})
    assert summary["layers"][1]["reused"][2] > 0
    assert identical(store, run) == [1, 2, 3]


def test_while_an_app_is_open_workers_are_kept_and_the_engine_is_not_idle(tmp_path, monkeypatch):
    store, started = Store(tmp_path), asyncio.Event()

    async def own_workers(count):
        started.set()
        await asyncio.Future()

    async def seen():
        with store.hold_app():
            serving = asyncio.create_task(Engine(store).serve(idle_seconds=0))
            await asyncio.wait_for(started.wait(), 60)
            assert not serving.done()
        await asyncio.wait_for(serving, 60)

    monkeypatch.setattr(engine_module, "own_workers", own_workers)
    asyncio.run(seen())


def test_workers_look_for_data_where_the_engine_that_starts_them_does(monkeypatch, tmp_path):
    """Also where this process has started workers before, when its environment was another."""

    async def folder_of_a_worker():
        async with await cluster.own_workers(1) as own, Client(own, asynchronous=True, set_as_default=False) as client:
            (folder,) = (await client.run(os.getenv, "CLNP_DATA_DIR")).values()
            return folder

    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path / "first"))
    assert asyncio.run(folder_of_a_worker()) == str(tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLNP_DATA_DIR", "second")
    assert asyncio.run(folder_of_a_worker()) == str(tmp_path / "second")
    monkeypatch.delenv("CLNP_DATA_DIR")
    assert asyncio.run(folder_of_a_worker()) == ""  # which names none


def test_divergence_ends_the_run_with_a_sentence(store, learn):
    run, _ = learn({"learning_rate": 1e38})
    failed = store.run(run)
    assert (failed.state, store.epochs(run)[-1]["loss"]) == ("failed", None)
    assert "training diverged" in failed.error
    assert "lower learning_rate" in failed.error


def test_missing_data_fails_the_run_with_a_reason(store, scheduler, tmp_path, monkeypatch):
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04")
    run, _ = serve(store, preset("permuted-mnist-quick"), scheduler)
    assert "mnist.npz is damaged" in store.run(run).error


def test_where_no_folder_is_shared_artifacts_travel_through_the_scheduler(learn, tmp_path, monkeypatch):
    _, shared = learn({})
    monkeypatch.setattr(engine_module, "TOKEN_FILE", "another.token")  # what the workers look for is not there
    apart = Store(tmp_path)
    run, summary = learn({}, into=apart)
    assert shared | {"seconds": 0} == summary | {"seconds": 0}
    assert identical(apart, run) == [1, 2, 3]


def test_runs_of_different_seeds_go_in_parallel(tmp_path, scheduler):
    store = Store(tmp_path)
    short = {"stream.tasks": 2, "epochs": 6, "single_task": False}
    runs = [store.add(preset("digits", {**short, "seed": seed})) for seed in (1, 2)]
    asyncio.run(Engine(store, scheduler).serve(idle_seconds=1))
    first, second = map(store.run, runs)
    assert (first.state, second.state) == ("finished", "finished")
    assert second.started < first.finished


def test_an_engine_for_some_runs_serves_the_others_too_and_begins_with_its_own(tmp_path, scheduler):
    store = Store(tmp_path)
    short = {"stream.tasks": 1, "epochs": 3, "single_task": False}
    others = [store.add(preset("digits", {**short, "epochs": 5000, "patience": 5000, "seed": seed})) for seed in (1, 2)]
    own = [store.add(preset("digits", {**short, "seed": seed})) for seed in (3, 4)]
    asyncio.run(Engine(store, scheduler).serve(until=own))
    assert [store.run(run).state for run in own] == ["finished"] * 2
    assert [store.run(run).state for run in others] == ["queued"] * 2
    # There are two places: one for each side, and then one for what is left.
    assert [[text for _, text in store.events(run)] for run in others] == [["work begins", "work stops: queued"], []]


@pytest.mark.parametrize(("ask", "state"), [(Store.pause, "paused"), (Store.cancel, "cancelled")])
def test_a_run_stops_in_the_middle_of_its_training(tmp_path, scheduler, ask, state):
    """And its workers are free then: without being stopped they would train for many minutes."""
    store = Store(tmp_path)
    long = {"stream.tasks": 1, "epochs": 3000, "patience": 3000, "batch_size": 4, "single_task": False}
    run = store.add(preset("digits", {**long, "lambda.2": [1e-3, 2e-3]}))

    async def scenario() -> None:
        serving = asyncio.create_task(Engine(store, scheduler).serve(until=[run]))
        async with Client(scheduler, asynchronous=True, set_as_default=False) as client:
            while not store.epochs(run):
                await asyncio.sleep(0.1)
            ask(store, run)
            await serving
            while any((await client.processing()).values()):
                await asyncio.sleep(0.05)

    asyncio.run(scenario())
    assert store.run(run).state == state
    assert 0 < store.run(run).fraction < 0.5


def test_a_paused_run_goes_on_from_its_checkpoint(tmp_path, scheduler, learn):
    store = Store(tmp_path)

    async def paused_after_a_checkpoint(run: str) -> bool:
        serving = asyncio.create_task(Engine(store, scheduler).serve(until=[run]))
        while not serving.done() and not any(store.artifacts.folder.rglob("*.checkpoint")):
            await asyncio.sleep(0.02)
        with suppress(StoreError):  # it is over
            store.pause(run)
        await serving
        return store.run(run).state == "paused" and any(store.artifacts.folder.rglob("*.checkpoint"))

    # On a machine so fast that its training is over before it is paused, a run takes twice as many epochs.
    for epochs in (25 * 2**more for more in range(7)):
        changes = {"stream.tasks": 1, "epochs": epochs, "patience": epochs, "batch_size": 8}
        run = store.add(preset("digits", {**changes, "single_task": False}))
        if asyncio.run(paused_after_a_checkpoint(run)):
            break
    (fit,) = (stage["key"] for stage in store.stages(run) if stage["kind"] == "fit")
    before = store.epochs(run)
    assert store.artifacts.checkpoint(fit).is_file()
    store.resume(run)
    asyncio.run(Engine(store, scheduler).serve(until=[run]))
    assert store.run(run).state == "finished"
    # Seconds tell that epochs before the checkpoint were not trained again. It has five; perhaps fewer were told of.
    told = before[:5]
    assert told
    assert store.epochs(run)[: len(told)] == told
    assert not store.artifacts.checkpoint(fit).exists()
    _, uninterrupted = learn(changes)
    assert store.run(run).summary.to_json() | {"seconds": 0} == uninterrupted | {"seconds": 0}


def test_a_stage_whose_worker_dies_is_tried_again_three_times_and_then_fails_the_run(store, learn, monkeypatch):
    monkeypatch.setattr(engine_module, "perform_on_worker", on_worker.die)
    run, _ = learn({"seed": 40})
    failed = store.run(run)
    assert failed.state == "failed"
    said = "KilledWorker: 4 workers died while computing it, one after the other"
    assert failed.error == f"The stage 'drawing the stream' failed, {said}"


def test_candidates_of_a_grid_are_trained_together_in_as_many_parts_as_there_are_workers(
    store, learn, scheduler, tmp_path, monkeypatch
):
    def spy(alike, *arguments):
        (tmp_path / alike[0].key).write_text(f"{alike[0].kind} {len(alike)}")
        return perform_on_worker(alike, *arguments)

    monkeypatch.setattr(engine_module, "perform_on_worker", spy)
    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2)  # a test before this one may have killed some
    run, _ = learn({"lambda.2": [5e-4, 7e-4, 1e-3, 2e-3, 3e-3, 4e-3], "stream.tasks": 1, "seed": 42})
    sent = sorted(path.read_text() for path in tmp_path.iterdir())
    assert sent == ["fit 3", "fit 3", "settle 1", "stream 1"]
    epochs = store.epochs(run)
    assert [sum(epoch["candidate"] == candidate for epoch in epochs) for candidate in range(6)] == [3] * 6


def test_a_stage_that_fails_takes_no_other_with_it(store, learn, monkeypatch):
    """Where several are trained together and it fails, each is tried by itself."""

    def fail_together(alike, *arguments):
        if len(alike) > 1:
            raise MemoryError("too many at once")
        return perform_on_worker(alike, *arguments)

    monkeypatch.setattr(engine_module, "perform_on_worker", fail_together)
    run, summary = learn({"lambda.2": [5e-4, 1e-3, 2e-3], "stream.tasks": 1, "seed": 43})
    assert store.run(run).state == "finished"
    assert summary["tasks"] == 1


def test_a_device_that_is_not_there_is_said_in_a_sentence(store, learn):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    run, _ = learn({"device": "cuda"})
    assert store.run(run).state == "failed"
    assert "the worker finds no CUDA device; give device=cpu" in store.run(run).error


def test_a_gpu_that_is_full_is_said_in_a_sentence_and_what_a_training_took_is_given_back(
    store, learn, monkeypatch, tmp_path
):
    """torch keeps what a training took, until it is told to return it: after every stage, also one that failed."""

    def full(alike, *arguments):
        def train(alike, context):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

        def empty():
            (tmp_path / f"after {alike[0].kind}").touch()

        with (
            mock.patch("clnp_core.runs.engine.work._fit", train),
            mock.patch("torch.cuda.is_initialized", return_value=True),
            mock.patch("torch.cuda.empty_cache", empty),
        ):
            return perform_on_worker(alike, *arguments)

    monkeypatch.setattr(engine_module, "perform_on_worker", full)
    run, _ = learn({"seed": 44})
    assert store.run(run).state == "failed"
    assert store.run(run).error.startswith("The GPU's memory is full; start the engine with fewer workers")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after fit", "after stream"]


def test_an_exception_nobody_expected_is_kept_with_its_last_lines(store, learn, monkeypatch):
    monkeypatch.setattr(engine_module, "perform_on_worker", on_worker.fail)
    run, _ = learn({"seed": 41})
    failed = store.run(run)
    assert failed.error == "The stage 'drawing the stream' failed, ZeroDivisionError: there is nothing to divide by"
    assert 'raise ZeroDivisionError("there is nothing to divide by")' in failed.detail
    assert len(failed.detail.splitlines()) <= 12


def test_a_second_engine_says_who_holds_the_store(tmp_path, scheduler):
    store = Store(tmp_path)
    with store.hold_engine(), pytest.raises(StoreError, match=r"has an engine already: process \d+"):
        asyncio.run(Engine(store, scheduler).serve())


def test_sockets_fit_where_temporary_files_have_a_long_path(tmp_path, monkeypatch):
    """As on clusters, which make a folder for each job."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("job" * 40)))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)
    cluster.choose_folder_for_sockets()
    with Listener(family="AF_UNIX") as listener:
        assert not listener.address.startswith(str(tmp_path))
    assert tempfile.gettempdir() == str(tmp_path / ("job" * 40))


def test_no_scheduler_at_the_address_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with pytest.raises(StoreError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9"):
        asyncio.run(Engine(Store(tmp_path), "tcp://127.0.0.1:9").serve())


def test_pruning_frees_what_no_run_needs(tmp_path, learn):
    store = Store(tmp_path)
    kept, _ = learn({}, into=store)
    gone, _ = learn({"margin": 0.2}, into=store)
    assert store.unneeded() == []
    only_gone = {stage["key"] for stage in store.stages(gone)} - {stage["key"] for stage in store.stages(kept)}
    store.remove(gone)
    assert only_gone <= set(store.unneeded())
    assert store.prune() > 0
    assert store.unneeded() == []
    assert identical(store, kept) == [1, 2, 3]
