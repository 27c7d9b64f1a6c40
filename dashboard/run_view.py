"""One run on the page: how far it is, what it learned, and that it forgot nothing."""

from typing import Any

import pandas as pd
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.runs.store import ALONE, Run, Store
from clnp_core.runs.summary import summarise
from dashboard.live_chart import live_chart
from dashboard.words import settings, state_word, time_left

Epochs = list[dict[str, Any]]
Records = list[dict[str, Any]]


def show_run(store: Store, run: Run, runs: list[Run]) -> None:
    """Show one of the runs.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    epochs, records = store.epochs(run.id), store.learned(run.id)
    with st.container(key=f"state-{run.id}"):
        _show_state(run, epochs, records, runs)
    st.caption(settings(run.spec) + _origin(run, runs))
    if epochs or run.is_active:
        _show_figures(run, epochs, records)
    if len(records) > 1 and run.state != "failed":  # what fails may be the promise itself
        _show_promise(records)
    if records:
        _show_table(run, records)


def _show_state(run: Run, epochs: Epochs, records: Records, runs: list[Run]) -> None:
    done = f"{run.fraction:.0%}"
    if run.state == "queued":
        st.progress(run.fraction, f"Queued · {_turn(run, runs)}")
    elif run.state == "running":
        spent = f"{_duration(run.seconds)} so far"
        parts = (state_word(run).capitalize(), done, spent, time_left(run), _where(run, epochs, records))
        st.progress(run.fraction, " · ".join(filter(None, parts)))
    elif run.state == "paused":
        st.progress(run.fraction, f"Paused at {done} · Resume goes on from there; nothing is lost")
    elif run.state == "cancelled":
        st.progress(run.fraction, f"Cancelled at {done} · what it learned is kept; Resume goes on from there")
    elif run.state == "interrupted":
        st.warning(
            f"Interrupted at {done}: the engine is gone. The run goes on by itself when the engine is started again.",
            icon=":material/power_off:",
        )
    elif run.state == "failed":
        st.error(run.error, icon=":material/error:", title=f"Failed at {done}")
    else:
        st.progress(1.0, f"Finished in {_duration(run.summary['seconds'])}")
        for note in run.summary["notes"]:
            st.info(note, icon=":material/info:")


def _turn(run: Run, runs: list[Run]) -> str:
    ahead = sum(other.is_active and other.created < run.created for other in runs)
    return f"{ahead} before it" if ahead else "its turn is next"


def _where(run: Run, epochs: Epochs, records: Records) -> str:
    """The task in progress; the ones before it may still be trained alone, for comparison, beside it."""
    task = len(records) + 1
    if task > run.spec.stream.tasks:
        return "training each task alone, for comparison" if run.spec.single_task else "finishing"
    reached = [epoch["epoch"] for epoch in epochs if epoch["task"] == task and epoch["candidate"] != ALONE]
    epoch = f" · epoch {max(reached)} of {run.spec.at(task).epochs}" if reached else ""
    return f"task {task} of {run.spec.stream.tasks}{epoch}"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else "{} min {} s".format(*divmod(round(seconds), 60))


def _origin(run: Run, runs: list[Run]) -> str:
    """Of which run it is a fork, if of any; of one that is deleted only that it was one."""
    spec = run.spec
    if not spec.fork_of:
        return ""
    earlier = (other.id for other in runs if other.created < run.created and other.spec == spec.fork_of)
    return f"  \nForked from {next(earlier, 'a deleted run')}: these settings hold from task {spec.at_task} on."


def _show_figures(run: Run, epochs: Epochs, records: Records) -> None:
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
    return {
        record["task"]: run.spec.at(record["task"]).grid.index((tuple(record["lambda"]), record["learning_rate"]))
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
