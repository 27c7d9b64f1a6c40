"""Waits for runs with a progress bar, in a notebook, a terminal or a script. Imports no torch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

from tqdm import TqdmWarning

from clnp_core.runs.background import see_on
from clnp_core.runs.estimate import seconds_left
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.store import Run

with warnings.catch_warnings():
    # In a notebook without ipywidgets the bar is text, which is good enough.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

_BAR = "{{desc}} {{percentage:3.0f}}% |{{bar}}| {} left"
_POLL_SECONDS = 0.2


def wait(run: RunHandle, *others: RunHandle) -> None:
    """Wait until runs are finished, with a bar that shows their progress and the time left.

    An interrupt ends only the waiting: the runs go on. If no engine serves the store any more, one is started.

    >>> runs = [submit(preset("digits", {"seed": seed})) for seed in range(5)]  # doctest: +SKIP
    >>> wait(*runs)  # doctest: +SKIP
    2 of 5 runs  57% |█████████████▏         | 00:21 left

    Raises
    ------
    ClnpError
        As soon as a run fails or is stopped, with the reason.
    """
    handles = (run, *others)
    found = [handle.store.run(handle.id) for handle in handles]
    with tqdm(total=len(found), initial=_done(found), bar_format=_BAR.format("?")) as bar:
        while True:
            bar.n, left = _done(found), seconds_left(found)
            bar.bar_format = _BAR.format("?" if left is None else tqdm.format_interval(left))
            bar.set_description_str(_in_words(found))
            if not any(each.goes_on for each in found) or _failed(found):
                break
            time.sleep(_POLL_SECONDS)
            found = [see_on(handle.store, handle.id) for handle in handles]
    for place in _failed(found):
        handles[place].wait()  # says why


def _done(runs: Sequence[Run]) -> float:
    return sum(run.fraction for run in runs)


def _failed(runs: Sequence[Run]) -> list[int]:
    """Return the indices of runs that failed or were stopped."""
    return [place for place, run in enumerate(runs) if not run.goes_on and run.state != "finished"]


def _in_words(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return runs[0].id
    return f"{sum(run.state == 'finished' for run in runs)} of {len(runs)} runs"
