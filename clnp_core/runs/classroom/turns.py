"""The order in which queued runs begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from clnp_core.runs.store import Run, Store


def in_turn(store: Store, runs: Sequence[Run], begun: Collection[str], first: Collection[str] = ()) -> list[Run]:
    """List those of the active runs that wait, as they will begin. Owners take turns, each with the oldest of its runs.

    Next is who has the fewest runs at work, and of several whose last one began longest ago. Runs in `first` count as
    those of one more owner, who is before the others.

    Parameters
    ----------
    store : Store
    runs : sequence of Run
        As `Store.active` lists them.
    begun : collection of str
        Ids of the runs that are being worked on.
    first : collection of str
        Ids of the runs that somebody waits for.

    Returns
    -------
    list of Run
        Without those of students while the lecturer holds the queue.
    """

    def turn_of(run: Run) -> tuple[bool, str | None]:
        return (False, None) if run.id in first else (True, run.owner)

    at_work = Counter(turn_of(run) for run in runs if run.id in begun)
    waiting = [run for run in runs if run.id not in begun and run.state == "queued"]
    if waiting and store.is_held():
        waiting = [run for run in waiting if run.owner is None]
    # Of one owner all are equal, and it need not be known.
    last = store.last_started() if len({run.owner for run in waiting}) > 1 else {}
    places: list[tuple[int, bool, float, Run]] = []
    for run in waiting:
        turn = waits, owner = turn_of(run)
        places.append((at_work[turn], waits, last.get(owner) or 0.0, run))
        at_work[turn] += 1
    return [run for *_, run in sorted(places, key=lambda place: place[:3])]
