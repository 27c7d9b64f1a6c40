"""What a run shows of itself in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clnp_core.runs.handle import RunHandle


def as_table(handle: RunHandle) -> str:
    """Write what a run is, how far it is and what it came to so far, as a table in HTML."""
    run = handle.store.run(handle.id)
    learned = handle.store.learned(run.id)
    rows = {
        "run": run.id,
        "state": run.state if run.state == "finished" else f"{run.state}, {run.fraction:.0%} done",
        "preset": run.spec.preset or "–",
        "method": run.spec.method,
        "tasks learned": f"{len(learned)} of {run.spec.stream.tasks}",
    }
    if learned:
        told = handle.summary()
        rows["mean test accuracy"] = f"{told['mean_accuracy']:.2%}"
        if run.spec.prunes:
            rows["still free"] = ", ".join(f"{layer['free_after'][-1]} of {layer['name']}" for layer in told["layers"])
    if run.error:
        rows["error"] = run.error
    cells = (f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    return f"<table>{''.join(cells)}</table>"
