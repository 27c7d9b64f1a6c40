"""What the app costs its server, in short: switches to every page with 50 runs in the store, several visitors at once.

`python -m benchmarks.dashboard` measures it at length.
"""

import asyncio
import os
import statistics
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from benchmarks.visitor import crowd, serving, switch_times, visiting
from clnp_core.runs.engine import Engine
from clnp_core.runs.explore import trade_off
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store

RUNS, SWITCHES = 50, 5
SHORT = {"stream.tasks": 2, "epochs": 2, "single_task": False}
VISITORS, SECONDS, STAY_SECONDS = 8, 7, 3
MOST_SECONDS_OF_A_SWITCH, MOST_SECONDS_AT_ONCE = 0.3, 1.0
MOST_OF_A_CORE = 0.5


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of the app, on a store with a run, 49 copies of it with other seeds, and one that waits."""
    store = Store(tmp_path_factory.mktemp("store"))
    first = store.add(preset("digits", SHORT))
    asyncio.run(Engine(store, scheduler).serve(only=[first]))
    for task in (1, 2):  # what a page would ask an engine for
        (candidate,) = trade_off(store, first, task).candidates
        store.put_pruned(candidate.key, "test", {point.theta: point.accuracy for point in candidate.curve.points})
    for seed in range(1, RUNS):
        copy_run(store, first, seed)
    store.add(preset("digits"))  # no engine is there for it, but pages follow it as if it were at work
    with serving(store.location) as served:
        yield served
    assert store.engine() is None


@pytest.fixture
def address(app: tuple[str, psutil.Process]) -> str:
    return app[0]


def copy_run(store: Store, first: str, seed: int) -> None:
    """Add a run of another seed that came to the same."""
    run = store.add(preset("digits", SHORT | {"seed": seed}))
    for stage in store.stages(first):
        store.link(run, store.stage(stage["key"]), stage["candidate"])
    for record in store.learned(first):
        store.put_learned(run, record["task"], record)
    store.finish(run, store.run(first).summary | {"seed": seed})


def test_every_page_is_switched_to_in_a_blink(app: tuple[str, psutil.Process]):
    address, server = app

    async def switch() -> dict[str, float]:
        async with visiting(address) as visitor:
            await switch_times(visitor, 1)  # fills caches
            taken = {}
            for page in visitor.pages:
                before = cpu_seconds(server)
                times = [await visitor.open(page) for _ in range(SWITCHES)]
                at_work = (cpu_seconds(server) - before) / SWITCHES
                taken[page] = at_work if is_busy() else statistics.median(times)
            assert visitor.problems == []
            return taken

    taken = asyncio.run(switch())
    assert len(taken) >= 8
    assert {page: seconds for page, seconds in taken.items() if seconds > MOST_SECONDS_OF_A_SWITCH} == {}


async def stay_on(address: str, page: str, seconds: float) -> list[float]:
    """Somebody who looks at one page. Returns the seconds of each time that a part of it was drawn again."""
    async with visiting(address) as visitor:
        await visitor.open(page)
        return await visitor.stay(seconds)


@pytest.mark.parametrize("page", ["partition", "capacity", "accuracy"])
def test_a_run_that_is_over_is_not_drawn_again_while_others_are_at_work(address: str, page: str):
    assert asyncio.run(stay_on(address, page, 1.2)) == []


def test_several_visitors_at_once_wait_for_nothing(app: tuple[str, psutil.Process]):
    address, server = app

    async def come() -> tuple[list[float], list[float]]:
        # Whether one of the crowd stays long enough where a run is followed is up to chance; one more does.
        (turned, drawn), followed = await asyncio.gather(
            crowd(address, VISITORS, SECONDS, STAY_SECONDS), stay_on(address, "", SECONDS)
        )
        return turned, drawn + followed

    before = cpu_seconds(server)
    turned, drawn = asyncio.run(come())
    assert len(turned) > VISITORS
    assert drawn
    assert (cpu_seconds(server) - before) / SECONDS < MOST_OF_A_CORE
    assert is_busy() or np.quantile(turned + drawn, 0.95) < MOST_SECONDS_AT_ONCE


def cpu_seconds(server: psutil.Process) -> float:
    times = server.cpu_times()
    return times.user + times.system


def is_busy() -> bool:
    """Whether other work of the machine keeps the server waiting; its own seconds count then, not those of a clock."""
    return os.getloadavg()[0] > 2 * os.cpu_count()
