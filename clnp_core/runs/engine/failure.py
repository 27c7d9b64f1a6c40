"""What failed, in a sentence for the user and in the last lines of the traceback for developers."""

from __future__ import annotations

import traceback

from distributed import KilledWorker

from clnp_core.errors import ClnpError
from clnp_core.runs.fold.stages import Stage

_TRACEBACK_LINES = 12


class StageFailed(ClnpError):
    """A stage failed with an unexpected exception.

    Attributes
    ----------
    detail : str
        The last lines of its traceback.
    """

    def __init__(self, stage: Stage, error: Exception) -> None:
        what = str(error).splitlines()[0] if str(error) else "no reason given"
        if isinstance(error, KilledWorker):
            what = f"{error.allowed_failures + 1} workers died while computing it, one after the other"
        super().__init__(f"The stage '{stage.describes}' failed, {type(error).__name__}: {what}")
        self.detail = last_lines(error)


def last_lines(error: Exception) -> str:
    """Write the last lines of an exception's traceback."""
    lines = "".join(traceback.format_exception(error)).rstrip().splitlines()
    return "\n".join(lines[-_TRACEBACK_LINES:])
