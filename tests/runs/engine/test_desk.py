"""The desk: which stages go to the workers when, and which go together."""

import asyncio

import pytest

from clnp_core.runs.engine.desk import Desk
from clnp_core.runs.fold import stages
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import preset

SPEC = preset("digits", {"lambda.2": [1e-3, 2e-3, 3e-3, 4e-3]})
FITS = stages.fit_stages(SPEC, "digest", 1, None, None)
ALONE = stages.alone_stage(SPEC, "digest", 1, FITS[0].inputs["hyperparameters"])
WIDE = [Stage("settle", {"task": task, "threads": 2}) for task in (1, 2)]


class Workers:
    """Note what is sent, and compute it when they are let."""

    def __init__(self, fails=lambda together: None):
        self.sent: list[list[Stage]] = []
        self.stopped: list[list[Stage]] = []
        self.let = asyncio.Event()
        self._fails = fails

    async def compute(self, together):
        self.sent.append(together)
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.stopped.append(together)
            raise
        if error := self._fails(together):
            raise error


async def asked(desk: Desk, wanted: list[Stage]) -> list[asyncio.Task]:
    """Ask for stages, and wait until the desk has sent what it has room for."""
    tasks = [asyncio.create_task(desk.computed(stage)) for stage in wanted]
    await asyncio.sleep(0.1)
    return tasks


def test_a_grid_is_sent_together_in_as_many_parts_as_there_is_room_for():
    async def scenario():
        workers = Workers()
        tasks = await asked(Desk(2, workers.compute), FITS)
        assert workers.sent == [FITS[:2], FITS[2:]]
        workers.let.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_threads_stay_within_the_places_and_training_alone_comes_last():
    async def scenario():
        workers = Workers()
        tasks = await asked(Desk(2, workers.compute), [ALONE, *WIDE])
        assert workers.sent == [WIDE[:1]]
        workers.let.set()
        await asyncio.gather(*tasks)
        assert workers.sent == [WIDE[:1], WIDE[1:], [ALONE]]

    asyncio.run(scenario())


def test_a_group_is_stopped_when_none_of_it_is_wanted_any_more():
    async def scenario():
        workers = Workers()
        desk = Desk(1, workers.compute)
        first, second, waiting = await asked(desk, [*FITS[:2], ALONE])
        waiting.cancel()
        first.cancel()
        await asyncio.sleep(0)
        assert workers.stopped == []
        second.cancel()
        await asyncio.gather(first, second, waiting, return_exceptions=True)
        assert workers.stopped == [FITS[:2]]
        assert workers.sent == [FITS[:2]], "what waited is sent no more"
        workers.let.set()
        await asyncio.gather(*await asked(desk, [ALONE]))

    asyncio.run(scenario())


def test_of_several_that_fail_together_each_is_tried_by_itself():
    def fails(together):
        return MemoryError("too much") if FITS[1] in together else None

    async def scenario():
        workers = Workers(fails)
        workers.let.set()
        tasks = await asked(Desk(1, workers.compute), FITS[:3])
        first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
        assert (first, third) == (None, None)
        assert isinstance(second, MemoryError)
        assert workers.sent == [FITS[:3], *([stage] for stage in FITS[:3])]

    asyncio.run(scenario())


@pytest.mark.parametrize("places", [1, 3])
def test_a_stage_of_more_threads_than_places_takes_them_all(places):
    async def scenario():
        workers, many = Workers(), Stage("grow", {"threads": 64})
        tasks = await asked(Desk(places, workers.compute), [many, ALONE])
        assert workers.sent == [[many]]
        workers.let.set()
        await asyncio.gather(*tasks)
        assert workers.sent == [[many], [ALONE]]

    asyncio.run(scenario())
