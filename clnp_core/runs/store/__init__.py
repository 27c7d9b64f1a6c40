"""The store: what was asked for and what came of it, in one SQLite file with artifact files beside it.

The engine alone writes results. Everyone else reads, and writes requests: a new run, pause, resume, cancel, remove.
Imports no torch: the dashboard and the listing commands read it.
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
        A directory, made if it is not there; `default_location()` if not given.

    Attributes
    ----------
    location : Path
    artifacts : Artifacts
        Results of stages.

    Raises
    ------
    StoreError
        If the directory or the database cannot be opened, is damaged, or was written by a newer version.
    """
