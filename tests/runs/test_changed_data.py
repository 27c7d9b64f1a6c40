"""A run is bound to its data: what goes on from it refuses data that was replaced under its name."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clnp_core.cli import learn
from clnp_core.errors import DataError
from clnp_core.runs import sweep
from clnp_core.runs.comparison import comparison
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.fold.stages import fit_stages
from clnp_core.runs.spec import RunSpec, fork, preset
from clnp_core.runs.store import Store
from clnp_core.tasks.content import content_digest
from clnp_core.tasks.streams import from_arrays
from tests.conftest import Said
from tests.made_up import record, summary


def replace_data(seed: int, tasks: int = 3) -> dict[str, Any]:
    """Store other images under the same name; the specification of their stream."""
    draw = np.random.default_rng(seed)

    def images(count: int) -> tuple[np.ndarray, np.ndarray]:
        return draw.random((count, 1, 8, 8), dtype=np.float32), np.arange(count) % 10

    return from_arrays("mine", [(*images(30), *images(10)) for _ in range(tasks)])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path / "data"))
    return Store(tmp_path / "store")


@pytest.fixture
def spec(store: Store) -> RunSpec:
    """Of the data as it is at first."""
    return preset("digits", {"stream": replace_data(0), "single_task": False})


def begun(store: Store, spec: RunSpec) -> str:
    """A run that has learned its first task, and is paused."""
    run = store.add(spec)
    store.bind(run, content_digest(spec.stream.model_dump(mode="json")))
    store.put_learned(run, record())
    store.pause(run)
    return run


GO_ON: dict[str, Callable[[Store, str, RunSpec], object]] = {
    "resume": lambda store, run, spec: store.resume(run),
    "fork": lambda store, run, spec: store.add(fork(spec, 3, {"margin": 0.2})),
    "fork of a fork": lambda store, run, spec: store.add(fork(fork(spec, 2, {"margin": 0.2}), 3, {})),
    "extension": lambda store, run, spec: store.add(fork(spec, 3, {"stream.tasks": 4})),
    "another method": lambda store, run, spec: store.add(preset("digits", {"stream": spec.stream}), store.run(run)),
}


@pytest.mark.parametrize("way", GO_ON)
def test_what_goes_on_from_a_run_refuses_replaced_data(store: Store, spec: RunSpec, way: str):
    run = begun(store, spec)
    replace_data(1)
    before = store.runs()
    with pytest.raises(DataError) as refused:
        GO_ON[way](store, run, spec)
    sentence = str(refused.value)
    assert all(part in sentence for part in (run, "data set mine has changed", "put the former data back", "new run"))
    assert store.runs() == before
    replace_data(0)
    GO_ON[way](store, run, spec)
    assert {each.data for each in store.runs()} == {before[0].data}


def test_the_command_line_says_it_in_one_sentence(store: Store, spec: RunSpec, said: Said):
    run = begun(store, spec)
    replace_data(1)
    for command in (("resume", run), ("fork", run, "--at-task", 2)):
        status, shown, complaint = said(*command, "--store", store.location)
        assert (status, shown, len(complaint.splitlines())) == (2, "", 1)
        assert run in complaint
    assert store.run(run).data in said("show", run, "--store", store.location)[1]


def test_the_same_command_begins_a_new_run_on_the_new_data(
    store: Store, spec: RunSpec, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def end(store: Store, runs: list[str], *_: object) -> None:
        for run in runs:
            store.finish(run, summary())

    monkeypatch.setattr(learn, "see_through", end)
    paused = begun(store, spec)
    file = tmp_path / "spec.json"
    file.write_text(said("show", paused, "--json", "--store", store.location)[1])
    replace_data(1)
    status, shown, _ = said("run", file, "--store", store.location)
    assert (status, [run.state for run in store.runs()]) == (0, ["finished", "paused"])
    assert f"{paused} was begun on other data" in shown
    replace_data(0)
    assert said("run", file, "--store", store.location)[0] == 0
    assert store.run(paused).state == "finished"


def test_the_engine_refuses_what_was_queued_before_the_data_was_replaced(store: Store, spec: RunSpec):
    run = begun(store, spec)
    forked = store.add(fork(spec, 3, {}))
    store.resume(run)
    replace_data(1, tasks=1)
    asyncio.run(Engine(store).serve(until=[run, forked]))
    for each in (run, forked):
        assert store.run(each).state == "failed"
        assert f"The run {each} was learned on other data" in store.run(each).error
    assert len(store.learned(run)) == 1


def test_a_run_that_never_began_takes_the_data_there_is(store: Store, spec: RunSpec):
    run = store.add(spec)
    store.pause(run)
    replace_data(1)
    store.resume(run)
    assert store.run(run).data is None


def test_runs_on_replaced_data_are_no_seeds_of_one_group(store: Store, spec: RunSpec):
    first = begun(store, spec)
    replace_data(1)
    second = begun(store, preset("digits", {"stream": spec.stream, "single_task": False, "seed": 1}))
    one, other = comparison(store, [first, second])
    assert [run.run for run in one.runs] == [first]
    digests = [store.run(run).data[:12] for run in (first, second)]
    assert [group.name for group in (one, other)] == [f"clnp · data = {digest}" for digest in digests]


def test_a_sweep_takes_no_run_on_other_data_and_binds_those_that_it_queues(store: Store, spec: RunSpec, tmp_path: Path):
    axes = {"seed": [0, 1]}
    specs = [preset("digits", {"stream": spec.stream, "seed": seed}) for seed in axes["seed"]]
    done = begun(store, specs[0])
    store.finish(done, summary())
    same = store.sweep_runs(sweep.ask(store, axes, specs))
    assert same[0].id == done
    assert len({run.data for run in same.values()}) == 1
    replace_data(1)
    other = store.sweep_runs(sweep.ask(store, axes, specs))
    assert not {run.data for run in same.values()} & {run.data for run in other.values()}


def test_runs_of_an_older_store_are_bound_to_the_data_of_their_first_stage(store: Store, spec: RunSpec):
    run, never_begun = store.add(spec), store.add(spec)
    for digest in ("a" * 64, "b" * 64):
        store.link(run, fit_stages(spec, digest, 1, None, None)[0], 0)
    with sqlite3.connect(store.location / "clnp.sqlite") as database:
        database.execute("ALTER TABLE runs DROP COLUMN data")
        database.execute("PRAGMA user_version = 6")
    opened = Store(store.location)
    assert (opened.run(run).data, opened.run(never_begun).data) == ("a" * 64, None)
