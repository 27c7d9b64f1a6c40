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

    >>> store = Store(Path("experiments"))  # doctest: +SKIP
    >>> store.add(preset("digits"))  # doctest: +SKIP
    'digits-1f0c3a'

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
    """
