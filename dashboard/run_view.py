"""One run on the page: how far it is, what it learned, and that it forgot nothing."""

import time
from typing import Any

import pandas as pd
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.errors import ClnpError
from clnp_core.runs.store import ALONE, Run, Store
from clnp_core.runs.summary import summarise
from dashboard.live_chart import live_chart

Records = list[dict[str, Any]]

_ACTIVE = ("queued", "running")
_TICK_SECONDS = 0.5
_PATIENCE_SECONDS = 30


def show_run(store: Store, run: str) -> None:
    """Show a run, and follow it for as long as it is active.

    Raises
    ------
    StoreError
        If there is none of that id.
    """
    state = store.run(run).state
    follow = st.fragment(_show, run_every=_TICK_SECONDS if state in _ACTIVE else None)
    follow(store, run, state)


def _show(store: Store, run_id: str, shown_state: str) -> None:
    try:
        run, epochs, records = store.run(run_id), store.epochs(run_id), store.learned(run_id)
    except ClnpError as error:
        st.error(str(error), icon=":material/error:")
        return
    with st.container(key=f"state-{run.id}"):
        _show_state(store, run, epochs)
    if epochs or run.state in _ACTIVE:
        _show_figures(run, epochs, records)
    if len(records) > 1 and run.state != "failed":  # what fails may be the promise itself
        _show_promise(records)
    if records:
        _show_table(run, records)
    if run.state != shown_state:
        st.rerun()  # the list of runs names states, and an ended run needs no tick


def _show_state(store: Store, run: Run, epochs: list[dict[str, Any]]) -> None:
    if run.state == "queued":
        st.progress(0.0, "Waiting for its process to begin")
        if time.time() - run.created > _PATIENCE_SECONDS:
            st.warning(f"Nothing has come from its process yet. What it printed is in {store.folder(run.id)}/log.txt.")
    elif run.state == "running":
        st.progress(run.fraction, f"Running · {run.fraction:.0%} · {_where(run, epochs)} · {_elapsed(run)}")
    elif run.state == "failed":
        st.error(run.error, icon=":material/error:", title="Failed")
    elif run.state == "interrupted":
        st.warning(
            f"Interrupted at {run.fraction:.0%}: the process that ran it is gone. What it had learned is kept.",
            icon=":material/power_off:",
        )
    else:
        st.progress(1.0, f"Finished in {_elapsed(run)}")
        for note in run.summary["notes"]:
            st.info(note, icon=":material/info:")


def _where(run: Run, epochs: list[dict[str, Any]]) -> str:
    if not epochs:
        return "preparing"
    last = epochs[-1]
    alone = " alone, for comparison" if last["candidate"] == ALONE else ""
    return f"task {last['task']} of {run.spec.stream.tasks}{alone} · epoch {last['epoch']} of {run.spec.epochs}"


def _elapsed(run: Run) -> str:
    seconds = (run.finished or time.time()) - run.started
    return f"{seconds:.1f} s" if seconds < 60 else "{} min {} s".format(*divmod(round(seconds), 60))


def _show_figures(run: Run, epochs: list[dict[str, Any]], records: Records) -> None:
    theme = st.context.theme.type or "light"
    matrix, layers = [record["accuracy"] for record in records], _layers(run, records)
    _show_measures(run, records, layers)
    live_chart(
        figures.learning_curves(epochs, _chosen(run, records), theme),
        f"{run.id} curves",
        f"Loss and validation accuracy of {len(epochs)} epochs.",
    )
    left, right = st.columns(2)
    with left:
        live_chart(
            figures.capacity(layers, theme),
            f"{run.id} capacity",
            "Used capacity. " + " ".join(f"{layer['name']}: {_free(layer):.0%} free." for layer in layers),
        )
    with right:
        live_chart(
            figures.accuracy_matrix(matrix, run.spec.stream.tasks, theme),
            f"{run.id} matrix",
            f"Accuracy matrix after {len(records)} tasks; its last row is in the table below.",
        )


def _layers(run: Run, records: Records) -> list[dict[str, Any]]:
    if records:
        return summarise(run.spec, records, seconds=0)["layers"]
    return [
        {"name": layer.name, "width": layer.width, "claimed": [], "reused": [], "free": layer.width}
        for layer in run.spec.architecture.hidden
    ]


def _free(layer: dict[str, Any]) -> float:
    return layer["free"] / layer["width"]


def _chosen(run: Run, records: Records) -> dict[int, int]:
    """Task → the candidate of the grid it settled on; where later tasks do not search, theirs is the only one."""
    grid = run.spec.grid
    return {
        record["task"]: grid.index((tuple(record["lambda"]), record["learning_rate"]))
        for record in records
        if run.spec.fits(record["task"]) > 1
    }


def _show_measures(run: Run, records: Records, layers: list[dict[str, Any]]) -> None:
    alone = [record["single_task_accuracy"] for record in records]
    accuracy = records[-1]["accuracy"] if records else []
    with st.container(horizontal=True):
        for label, value, about in (
            ("Mean accuracy", _mean_percent(accuracy), "Over the tasks learned so far, on their test images."),
            ("Each task alone", _mean_percent(alone), "The same tasks, each trained alone on a whole network."),
            *((f"Free in {layer['name']}", f"{_free(layer):.1%}", "Neurons no task has claimed.") for layer in layers),
        ):
            st.metric(label, value, help=about, border=True, width="stretch")


def _mean_percent(fractions: list[float | None]) -> str:
    return _percent(None if not fractions or None in fractions else sum(fractions) / len(fractions))


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.2%}"


def _show_promise(records: Records) -> None:
    later = len(records) - 1
    st.markdown(
        f":material/verified: **Nothing forgotten.** Task 1: identical after {later} later task{'s' * (later > 1)}.",
        help="After each task, every earlier task's outputs on its test images are compared with those it had when it "
        "was learned. A single different bit ends the run with an error.",
    )


def _show_table(run: Run, records: Records) -> None:
    table = pd.DataFrame(
        {
            "Task": [record["task"] for record in records],
            "Accuracy": records[-1]["accuracy"],
            "Alone": [record["single_task_accuracy"] for record in records],
            "θ": [" / ".join(f"{theta:.3f}" for theta in dict.fromkeys(record["theta"])) for record in records],
            **{
                f"{layer.name.capitalize()} {what}": [record[what][place] for record in records]
                for place, layer in enumerate(run.spec.architecture.hidden)
                for what in ("claimed", "reused", "free")
            },
        }
    )
    st.table(table.style.format({"Accuracy": _percent, "Alone": _percent}), hide_index=True)
