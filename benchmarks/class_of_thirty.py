"""A class at work: `python -m benchmarks.class_of_thirty [--minutes M] [--students N] [--json FILE]`.

The app serves a class, with an engine. Students come in by the code, each with a name. Five of them ask for as many
runs as they may have, one after the other, and for one more; all turn from page to page for minutes, while these learn.

- Times of all requests, and the app's memory.
- In which order runs begin: each of the five has had as many turns as the others, but for one.
- What becomes of whoever gives wrong codes as fast as possible, and at which pace these are looked at.
- What becomes of attempts of each student to cancel and delete the runs of another one and of the lecturer, by telling
  the server that these buttons were pressed.

Students speak Streamlit's protocol over websockets, as in `benchmarks.dashboard`.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import report
from benchmarks.dashboard import watch
from benchmarks.visitor import Visitor, looking_around, serving, visiting
from clnp_core.runs.background import end_engine, ensure_engine
from clnp_core.runs.classroom.codes import classroom_of
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store

QUOTA, ASKING = 3, 5
STAY_SECONDS = 5
GUESSES = 60
SHORT = {"stream.tasks": 3, "single_task": False}


def measure(minutes: float, students: int) -> dict[str, Any]:
    """Hold the class; print what came out beside what was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        lecturers = store.add(preset("digits", SHORT))
        ensure_engine(store)
        try:
            with serving(store.location, QUOTA) as (address, server):
                figures = asyncio.run(_class(store, address, server, lecturers, 60 * minutes, students))
            report.table(_beside_what_was_asked(figures))
        finally:
            end_engine(store)
    return figures


async def _class(
    store: Store, address: str, server: psutil.Process, lecturers: str, seconds: float, students: int
) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        present = [await stack.enter_async_context(visiting(address)) for _ in range(students)]
        await asyncio.gather(*(_come_in(store, visitor, number) for number, visitor in enumerate(present, 1)))
        store.hold(True)  # until all have asked
        refused = [await _ask(visitor, number) for number, visitor in enumerate(present[:ASKING], 1)]
        guessed = await _guess(address)
        store.hold(False)
        watching = asyncio.create_task(watch(server, memory := []))
        turned, drawn = await looking_around(present, seconds, STAY_SECONDS)
        watching.cancel()
        targets = [next(run.id for run in store.runs() if run.owner == _name(1)), lecturers]
        before = [store.run(run) for run in targets]
        await present[0].open("", f"run={targets[0]}")
        keys = [present[0].widgets[button] for button in ("Cancel", "Pause", "Delete")]
        await asyncio.gather(*(_trespass(visitor, targets, keys) for visitor in present[1:]))
        changed = sum(store.run(old.id).wanted != old.wanted for old in before)  # an error, if it were deleted
    started = sorted((run for run in store.runs() if run.owner and run.started), key=lambda run: run.started or 0)
    return {
        "requests": turned + drawn,
        "memory MiB": memory,
        "names": store.students(),
        "asked for": Counter(run.owner for run in store.runs() if run.owner),
        "refused": sum(refused),
        "begun": [run.owner for run in started],
        "uneven": _uneven([run.owner for run in started]),
        "codes looked at": guessed,
        "changed by others": changed,
    }


def _name(number: int) -> str:
    return f"Student {number}"


async def _come_in(store: Store, visitor: Visitor, number: int) -> None:
    code = classroom_of(store.location).code
    await visitor.press("Come in", {"Code": code, "Your name": _name(number)})
    assert _name(number) in store.students(), visitor.told


async def _ask(visitor: Visitor, number: int) -> int:
    """Ask for one run more than there may be, each of another seed. Returns how often that was refused."""
    await visitor.open("")
    for turn in range(QUOTA + 1):
        await visitor.press("Start", {"Seed": 100 * number + turn})
    return sum("under way" in told for told in visitor.told)


async def _guess(address: str) -> dict[str, float]:
    """Give wrong codes as fast as possible. Returns how many were looked at, and for how long that was."""
    async with visiting(address) as visitor:
        begun = time.monotonic()
        for number in range(GUESSES):
            await visitor.press("Come in", {"Code": f"{number:06}", "Your name": "Mallory"})
        told = Counter(told.split(" ")[0] for told in visitor.told)
        assert told["This"] + told["Too"] == GUESSES, told
        return {"looked at": told["This"], "given": GUESSES, "seconds": time.monotonic() - begun}


async def _trespass(visitor: Visitor, targets: Sequence[str], keys: Sequence[str]) -> None:
    """Tell the server that buttons were pressed that only the page of an own run has."""
    await visitor.open("")
    for run in targets:
        for key in keys:
            await visitor.press(key, query_string=f"run={run}")


def _uneven(begun: Sequence[str | None]) -> int:
    """By how many turns one of those who asked was ahead of another, at most, while both still had runs to begin."""
    turns: Counter[str | None] = Counter({_name(number): 0 for number in range(1, ASKING + 1)})
    most = 0
    for owner in begun:
        turns[owner] += 1
        most = max(most, max(turns.values()) - min(turns.values()))
    return most


def _beside_what_was_asked(figures: dict[str, Any]) -> list[dict[str, Any]]:
    requests, memory = np.array(figures["requests"]), figures["memory MiB"]
    half, guessed = memory[len(memory) // 2 :], figures["codes looked at"]
    rows = [
        ("students with names", len(figures["names"]), ""),
        (
            "runs asked for; refused, as beyond the quota",
            f"{figures['asked for'].total()}; {figures['refused']}",
            "15; 5",
        ),
        ("runs begun", len(figures["begun"]), ""),
        ("turns that one of five was ahead of another", figures["uneven"], "1"),
        ("requests", len(requests), ""),
        ("median, ms", 1e3 * float(np.median(requests)), ""),
        ("p95, ms", 1e3 * float(np.quantile(requests, 0.95)), "< 1000"),
        ("memory half way, MiB", half[0], ""),
        ("memory at the end, MiB", half[-1], "flat"),
        (
            f"of {guessed['given']} wrong codes in {guessed['seconds']:.0f} s looked at",
            guessed["looked at"],
            "10, and one every 2 s",
        ),
        ("runs of others that were changed", figures["changed by others"], "0"),
    ]
    return [{"what": what, "measured": measured, "asked": asked} for what, measured, asked in rows]


if __name__ == "__main__":
    report.main(__doc__, measure, minutes={"type": float, "default": 10.0}, students={"type": int, "default": 30})
