"""The store: requested runs and their results, in one SQLite file with artifact files beside it.

Only the engine writes results. All other processes read, and write requests: a new run, pause, resume, cancel, remove.
Imports no torch, because the dashboard and most commands read the store.
"""

from clnp_core.runs.store.database import default_location
from clnp_core.runs.store.requests import Requests
from clnp_core.runs.store.results import Results
from clnp_core.runs.store.rows import Run, Sweep

__all__ = ["Run", "Store", "Sweep", "default_location"]


class Store(Requests, Results):
    """Runs and their results in a directory.

    Parameters
    ----------
    location : Path, optional
        Its directory, created if needed; by default `default_location()`.

    Attributes
    ----------
    location : Path
    artifacts : Artifacts
        The results of stages.

    Raises
    ------
    StoreError
        If the directory or the database cannot be opened, is damaged, or was written by a newer version.

    Examples
    --------
    >>> from pathlib import Path
    >>> from clnp_core.runs.spec import preset
    >>> store = Store(Path("experiments"))
    >>> run = store.add(preset("digits", {"stream.tasks": 2}))
    >>> store.run(run).state
    'queued'

    The next engine that serves the store learns the tasks; until then the run can be paused, removed and so on:

    >>> store.pause(run)
    >>> [each.state for each in store.runs()]
    ['paused']
    """
