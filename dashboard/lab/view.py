"""One run on the page: how far it is, what it learned, and that it forgot nothing."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from clnp_core.analysis import figures
from clnp_core.analysis.capacity import in_words
from clnp_core.analysis.epochs import ALONE, TUNED
from clnp_core.analysis.metrics import forgetting
from clnp_core.runs.classroom.turns import in_turn
from clnp_core.runs.fold.results import LayerSummary, Record
from clnp_core.runs.fold.summary import accuracy_matrix, layers
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from dashboard.components.live_chart import live_chart
from dashboard.lab.forks import show_origin
from dashboard.shared.kept_figure import kept_figure
from dashboard.shared.notebook_code import run_code
from dashboard.shared.number_text import percent, unbroken
from dashboard.shared.run_text import owner_text, plain, settings_text, state_text, time_left_text, title_text
from dashboard.shared.training_curves import training_curves, training_curves_code

# Of those that show a run: the label, its icon, and of which runs.
_PAGES = (
    ("Partition", "view_comfy", lambda spec: spec.partitions),
    ("Trade-off", "tune", lambda spec: spec.prunes),
    ("Capacity", "stacked_bar_chart", lambda spec: spec.partitions),
    ("Accuracy", "grid_on", lambda spec: True),
    ("Examples", "image_search", lambda spec: True),
)


def show_heading(store: Store, run: Run, runs: list[Run]) -> None:
    """Show the run's name, what people wrote to it, its settings, and where it comes from."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(title_text(run), anchor=False, width="content")
        if store.baseline() == run.id:
            st.badge("baseline", icon=":material/star:", color="orange")
        if not store.may_change(run) or run.owner:
            st.badge(plain(owner_text(run)), icon=":material/person:", color="blue")
        for tag in run.tags:
            st.badge(tag, color="gray")
    with st.container():
        if run.note:
            st.text(run.note)
    st.caption(f"{run.id} · {settings_text(run.spec)}" if run.name else settings_text(run.spec))
    show_origin(run, runs)


def show_links(store: Store, run: Run) -> None:
    """Link to the pages that show more of a run that has learned something."""
    baseline = store.baseline()
    with st.container(horizontal=True, gap="small"):
        if not store.learned(run.id):
            return
        for label, icon, is_shown in _PAGES:
            if is_shown(run.spec):
                page = f"{label.lower().replace('-', '')}/page.py"
                st.page_link(page, label=label, icon=f":material/{icon}:", query_params={"run": run.id})
        if baseline not in (None, run.id):
            runs = {"runs": f"{baseline},{run.id}"}
            st.page_link("compare/page.py", label="Compare", icon=":material/compare_arrows:", query_params=runs)


def show_state(store: Store, run: Run) -> None:
    """Show how far a run is, or why it is no further."""
    with st.container(key=f"state-{run.id}"):
        _show_state(store, run)


def show_results(store: Store, run: Run) -> None:
    """Show what a run has come to: measures, figures and tables."""
    trainings, records = store.last_epochs(run.id), store.learned(run.id)
    if trainings or run.is_active:
        _show_figures(store, run, sum(training["epoch"] for training in trainings), records)
    if run.spec.partitions and records:
        st.markdown(
            f":material/hourglass: **Room left.** {in_words(_plain(layers(run.spec, records)))}",
            help="Free neurons over the mean number that the last three tasks claimed. A full layer can grow.",
        )
    if run.spec.exact and len(records) > 1 and run.state != "failed":  # what fails may be the promise itself
        _show_promise(records)
    if run.spec.partitions and records:
        _show_table(run.spec, records)


def _show_state(store: Store, run: Run) -> None:
    done = f"{run.fraction:.0%}"
    if run.state == "queued":
        st.progress(run.fraction, f"Queued · {_turn(store, run)}")
    elif run.state == "running":
        spent = f"{_duration(run.seconds)} so far"
        parts = (state_text(run).capitalize(), done, spent, time_left_text(run), _where(store, run))
        st.progress(run.fraction, " · ".join(filter(None, parts)))
    elif run.state == "paused":
        st.progress(run.fraction, f"Paused at {done} · Resume continues from there; nothing is lost")
    elif run.state == "cancelled":
        st.progress(run.fraction, f"Cancelled at {done} · what it learned is kept; Resume continues from there")
    elif run.state == "interrupted":
        st.warning(
            f"Interrupted at {done}: the engine has ended. The run continues when the engine is started again.",
            icon=":material/power_off:",
        )
    elif run.state == "failed":
        st.error(run.error, icon=":material/error:", title=f"Failed at {done}")
        st.caption("Resume tries again from where it stopped; Fork continues with other settings.")
    else:
        st.progress(1.0, f"Finished in {_duration(run.summary.seconds)}")
        if run.summary.notes:
            st.info("  \n".join(run.summary.notes), icon=":material/info:")


def _turn(store: Store, run: Run) -> str:
    active = store.active()
    running = [other.id for other in active if other.state == "running"]
    order = [*running, *(other.id for other in in_turn(store, active, running))]
    if run.owner and store.is_held():
        return "the lecturer holds the queue"
    ahead = order.index(run.id) if run.id in order else 0  # it has just ended
    return f"{ahead} before it" if ahead else "its turn is next"


def _where(store: Store, run: Run) -> str:
    """Tell the task in progress; the ones before it may still be trained alone, for comparison, beside it."""
    if store.waits_for_workers(run.id):
        return "starting workers"
    spec, learned = run.spec, len(store.learned(run.id))
    if learned == len(spec.lessons):
        return "training each task alone, for comparison" if spec.trains_alone else "finishing"
    task, tasks = spec.lessons[learned], spec.stream.tasks
    where = f"all {tasks} tasks at once" if spec.at_once else f"task {task} of {tasks}"
    trainings = store.last_epochs(run.id)
    own = [training for training in trainings if training["task"] == task and training["candidate"] != ALONE]
    tuned = [training["epoch"] for training in own if training["candidate"] == TUNED]
    if tuned:
        tuning = spec.at(task).fine_tuning
        among = f" {len(tuned)} of {tuning.rounds}" if tuning.rounds > 1 else ""
        return f"{where} · fine-tuning{among}, epoch {tuned[-1]} of {tuning.epochs}"
    epoch = f" · epoch {max(training['epoch'] for training in own)} of {spec.at(task).epochs_of(task)}" if own else ""
    return f"{where}{epoch}"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else "{} min {} s".format(*divmod(round(seconds), 60))


def _show_figures(store: Store, run: Run, epochs: int, records: list[Record]) -> None:
    theme = st.context.theme.type or "light"
    hidden, tasks, learned = layers(run.spec, records), run.spec.stream.tasks, len(records)
    matrix = accuracy_matrix(records)

    def kept(place: str, stamp: Hashable, draw: Callable[[], Figure]) -> Figure:
        return kept_figure(place, (run.id, theme), stamp, run.is_active, draw)

    _show_measures(run.spec, records, hidden)
    curves = kept("curves", (epochs, learned), lambda: training_curves(store, run, records, theme))
    live_chart(
        curves,
        f"{run.id} curves",
        f"{curves.layout.title.text} of {epochs} epochs.",
        code=training_curves_code(run),
    )
    left, right = st.columns(2)
    if hidden:
        with left:
            live_chart(
                kept("capacity", learned, lambda: figures.capacity(_plain(hidden), theme)),
                f"{run.id} capacity",
                "Used capacity. " + " ".join(f"{layer.name}: {_free(layer):.0%} free." for layer in hidden),
                code=run_code(run.id, 'figures.capacity(run.summary()["layers"])') if records else "",
            )
    with right if hidden else left:
        code = run_code(run.id, f'figures.accuracy_matrix(run.summary()["accuracy"], tasks={tasks})')
        live_chart(
            kept("matrix", learned, lambda: figures.accuracy_matrix(matrix, tasks, theme)),
            f"{run.id} matrix",
            f"Accuracy matrix after {len(matrix)} tasks; its last row is in the table.",
            code=code if records else "",
        )
    if records and not hidden:
        with right:
            _show_table(run.spec, records)


def _plain(hidden: list[LayerSummary]) -> list[dict[str, Any]]:
    """Give the layers as the figures take them."""
    return [layer.to_json() for layer in hidden]


def _free(layer: LayerSummary) -> float:
    return layer.free / layer.width


def _show_measures(spec: RunSpec, records: list[Record], hidden: list[LayerSummary]) -> None:
    accuracy = records[-1].accuracy if records else []
    with st.container(horizontal=True):
        _measure("Mean accuracy", _mean_percent(accuracy), "Over the tasks learned so far, on their test images.")
        if spec.trains_alone:
            alone = _mean_percent([record.single_task_accuracy for record in records])
            _measure("Each task alone", alone, "The same tasks, each trained alone on a full network.")
        if not spec.exact and not spec.at_once:
            about = "How far the accuracy on earlier tasks has fallen from its best, on average."
            _measure("Forgetting", _points(forgetting(accuracy_matrix(records))), about)
        for layer in hidden:
            _measure(f"Free in {layer.name}", f"{_free(layer):.1%}", "Neurons no task has claimed.")


def _measure(label: str, value: str, about: str) -> None:
    st.metric(label, value, help=about, border=True, width="stretch")


def _points(fraction: float) -> str:
    return "–" if math.isnan(fraction) else f"{100 * fraction:.2f} points"


def _mean_percent(fractions: Sequence[float | None]) -> str:
    return percent(None if not fractions or None in fractions else sum(fractions) / len(fractions))


def _show_promise(records: list[Record]) -> None:
    later = len(records) - 1
    st.markdown(
        f":material/verified: **Nothing forgotten.** Task 1: identical after {later} later task{'s' * (later > 1)}.",
        help="After each task, every earlier task's outputs on its test images are compared with those it had when it "
        "was learned. A single different bit ends the run with an error.",
    )


def _show_table(spec: RunSpec, records: list[Record]) -> None:
    """Show a row for each task that was learned, also where all were at once and the records are one."""
    accuracy = records[-1].accuracy
    # In words already: pandas' own way of saying numbers takes longer than all the rest of the page.
    columns = {"Task": range(1, len(accuracy) + 1), "Accuracy": map(percent, accuracy)}
    if spec.trains_alone:
        columns["Alone"] = [percent(record.single_task_accuracy) for record in records]
    if spec.prunes:
        columns["θ"] = [_theta(record.theta) for record in records]
    if spec.partitions:
        for place, layer in enumerate(spec.architecture.hidden):
            columns[unbroken(layer.name.capitalize())] = [
                unbroken(f"{record.claimed[place]} / {record.reused[place]} / {record.free[place]}")
                for record in records
            ]
    st.table(pd.DataFrame(columns), hide_index=True)
    if spec.partitions:
        st.caption("For each layer: neurons the task claimed / neurons of earlier tasks it uses / neurons left free.")


def _theta(theta: tuple[float, ...]) -> str:
    return unbroken(" / ".join(f"{value:.3f}" for value in (theta if len(set(theta)) > 1 else theta[:1])))
