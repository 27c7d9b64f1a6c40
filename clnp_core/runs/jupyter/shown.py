"""What a run and a sweep show of themselves in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from clnp_core.analysis.setting_words import setting_name, setting_value

if TYPE_CHECKING:
    from clnp_core.runs.handle import RunHandle, SweepHandle

_MOST_SEQUENCES = 10
_UNKNOWN = "–"


def run_as_table(handle: RunHandle) -> str:
    """Write what a run is, how far it is and what it came to so far, as a table in HTML."""
    run = handle.store.run(handle.id)
    learned = handle.store.learned(run.id)
    rows = {
        "run": run.id,
        "state": run.state if run.state == "finished" else f"{run.state}, {run.fraction:.0%} done",
        "preset": run.spec.preset or _UNKNOWN,
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


def sweep_as_table(handle: SweepHandle) -> str:
    """Write how far a sweep is and what its sequences came to so far, the most accurate first, as HTML."""
    frame, axes = handle.table(), handle.store.sweep(handle.id).over
    told = f"{handle.id}: {(frame['state'] == 'finished').sum()} of {len(frame)} sequences finished."
    if len(frame) > _MOST_SEQUENCES:
        told += f" The {_MOST_SEQUENCES} most accurate:"
    best = frame.sort_values("mean_accuracy", ascending=False, kind="stable").head(_MOST_SEQUENCES)
    shown = {setting_name(path): [_setting(path, value) for value in best[path]] for path in axes}
    shown |= {
        "mean test accuracy": best["mean_accuracy"].map(_share),
        "capacity used": best["capacity_used"].map(_share),
        "tasks": best["tasks_fitted"],
        "state": best["state"],
        "run": best["run"],
    }
    return f"<p>{escape(told)}</p>{pd.DataFrame(shown).to_html(index=False, border=0)}"


def _setting(path: str, value: Any) -> str:
    return _UNKNOWN if pd.isna(value) else setting_value(path, value)


def _share(value: float) -> str:
    return _UNKNOWN if pd.isna(value) else f"{value:.2%}"
