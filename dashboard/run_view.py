"""One run on the page: how far it is, what it learned, and that it forgot nothing."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.analysis.metrics import forgetting
from clnp_core.methods import METHODS
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import ALONE, TUNED, Run, Store
from clnp_core.runs.summary import accuracy_matrix, layers
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
    if run.spec.partitions:
        if len(records) > 1 and run.state != "failed":  # what fails may be the promise itself
            _show_promise(records)
        if records:
            _show_table(run.spec, records)


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
        if run.summary["notes"]:
            st.info("  \n".join(run.summary["notes"]), icon=":material/info:")


def _turn(run: Run, runs: list[Run]) -> str:
    ahead = sum(other.is_active and other.created < run.created for other in runs)
    return f"{ahead} before it" if ahead else "its turn is next"


def _where(run: Run, epochs: Epochs, records: Records) -> str:
    """The task in progress; the ones before it may still be trained alone, for comparison, beside it."""
    spec = run.spec
    if len(records) == len(spec.lessons):
        return "training each task alone, for comparison" if spec.trains_alone else "finishing"
    task, tasks = spec.lessons[len(records)], spec.stream.tasks
    where = f"all {tasks} tasks at once" if METHODS[spec.method].at_once else f"task {task} of {tasks}"
    own = [epoch for epoch in epochs if epoch["task"] == task and epoch["candidate"] != ALONE]
    tuned = [epoch["epoch"] for epoch in own if epoch["candidate"] == TUNED]
    if tuned:
        tuning = spec.at(task).fine_tuning
        among = f" {tuned.count(1)} of {tuning.rounds}" if tuning.rounds > 1 else ""
        return f"{where} · fine-tuning{among}, epoch {tuned[-1]} of {tuning.epochs}"
    epoch = f" · epoch {max(epoch['epoch'] for epoch in own)} of {spec.at(task).epochs_of(task)}" if own else ""
    return f"{where}{epoch}"


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
    hidden = layers(run.spec, records)
    _show_measures(run.spec, records, hidden)
    at_once = METHODS[run.spec.method].at_once
    live_chart(
        figures.learning_curves(epochs, _chosen(run, records), theme, at_once=at_once),
        f"{run.id} curves",
        f"Loss and validation accuracy of {len(epochs)} epochs.",
    )
    left, right = st.columns(2)
    if hidden:
        with left:
            live_chart(
                figures.capacity(hidden, theme),
                f"{run.id} capacity",
                "Used capacity. " + " ".join(f"{layer['name']}: {_free(layer):.0%} free." for layer in hidden),
            )
    with right if hidden else left:
        matrix = accuracy_matrix(records)
        live_chart(
            figures.accuracy_matrix(matrix, run.spec.stream.tasks, theme),
            f"{run.id} matrix",
            f"Accuracy matrix after {len(matrix)} tasks; its last row is in the table.",
        )
    if records and not hidden:
        with right:
            _show_table(run.spec, records)


def _free(layer: dict[str, Any]) -> float:
    return layer["free"] / layer["width"]


def _chosen(run: Run, records: Records) -> dict[int, int]:
    """Task → the candidate of the grid it settled on; where later tasks do not search, theirs is the only one."""
    return {record["task"]: _settled(run.spec, record) for record in records if run.spec.fits(record["task"]) > 1}


def _settled(spec: RunSpec, record: dict[str, Any]) -> int:
    """The first candidate that was trained as the record says; without a partition λ is not part of it."""
    return next(
        place
        for place, (l1, rate) in enumerate(spec.at(record["task"]).grid)
        if rate == record["learning_rate"] and (not spec.partitions or l1 == tuple(record["lambda"]))
    )


def _show_measures(spec: RunSpec, records: Records, hidden: list[dict[str, Any]]) -> None:
    accuracy = records[-1]["accuracy"] if records else []
    with st.container(horizontal=True):
        _measure("Mean accuracy", _mean_percent(accuracy), "Over the tasks learned so far, on their test images.")
        if spec.trains_alone:
            alone = _mean_percent([record["single_task_accuracy"] for record in records])
            _measure("Each task alone", alone, "The same tasks, each trained alone on a whole network.")
        if not spec.partitions and not METHODS[spec.method].at_once:
            about = "How much worse earlier tasks are known now than at their best before, on average."
            _measure("Forgetting", _points(forgetting(accuracy_matrix(records))), about)
        for layer in hidden:
            _measure(f"Free in {layer['name']}", f"{_free(layer):.1%}", "Neurons no task has claimed.")


def _measure(label: str, value: str, about: str) -> None:
    st.metric(label, value, help=about, border=True, width="stretch")


def _points(fraction: float) -> str:
    return "–" if math.isnan(fraction) else f"{100 * fraction:.2f} points"


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


def _show_table(spec: RunSpec, records: Records) -> None:
    """A row for each task that was learned, also where all were at once and the records are one."""
    accuracy = records[-1]["accuracy"]
    columns = {"Task": range(1, len(accuracy) + 1), "Accuracy": accuracy}
    if spec.trains_alone:
        columns["Alone"] = [record["single_task_accuracy"] for record in records]
    if spec.partitions:
        columns["θ"] = [_theta(record["theta"]) for record in records]
        for place, layer in enumerate(spec.architecture.hidden):
            columns[_unbroken(layer.name.capitalize())] = [
                _unbroken(" / ".join(str(record[what][place]) for what in ("claimed", "reused", "free")))
                for record in records
            ]
    table = pd.DataFrame(columns).style.format({"Accuracy": _percent, "Alone": _percent})
    st.table(table, hide_index=True)
    if spec.partitions:
        st.caption("Of each layer: neurons the task claimed / neurons of earlier tasks it uses / neurons left free.")


def _theta(theta: list[float]) -> str:
    return _unbroken(" / ".join(f"{value:.3f}" for value in (theta if len(set(theta)) > 1 else theta[:1])))


def _unbroken(text: str) -> str:
    """On one line: a table too wide for a small screen is scrolled."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
