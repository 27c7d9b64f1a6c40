"""The lines of Python that make a page's figure in a notebook; the button "Code" shows them."""

_LINES = """\
from clnp_core.analysis import figures
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.store import Store

run = RunHandle(Store(), "{run}")
{figure}"""


def run_code(run: str, figure: str) -> str:
    """Write the lines that make a figure of a run, which `figure` calls `run`."""
    return _LINES.format(run=run, figure=figure)
