"""What a figure's button "Code" shows: the lines of Python that make the same figure in a notebook."""

_LINES = """\
from clnp_core.analysis import figures
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.store import Store

run = RunHandle(Store(), "{run}")
{figure}"""


def run_code(run: str, figure: str) -> str:
    """Lines that make a figure of a run, which `figure` calls `run`."""
    return _LINES.format(run=run, figure=figure)
