"""One run's accuracies class by class, and on demand what a task's images are taken for."""

from __future__ import annotations

import streamlit as st

from clnp_core.analysis import figures
from clnp_core.runs.fold.results import Summary
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.classes import class_table
from dashboard.components.live_chart import live_chart
from dashboard.shared.confusion import confusion_chart
from dashboard.shared.errors import show_errors
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code
from dashboard.shared.number_text import percent


def show_classes(store: Store, run: Run, summary: Summary, theme: figures.Theme) -> None:
    """Show a row for each task and a column for each class, and beside it the confusion of the task chosen."""
    st.subheader("Classes", anchor=False)
    if not summary.by_class:
        st.caption("An earlier version learned this run, and kept no accuracy by class.")
        return
    task = st.selectbox(
        "What images are taken for",
        sorted(summary.by_class),
        None,
        key=f"{run.id} confusion",
        format_func=lambda task: f"task {task}",
        placeholder="Choose a task",
        help="A confusion matrix: of each class's test images, how many are answered with each class.",
        width=240,
    )
    if task is None:
        _accuracy_by_class(run, summary, theme)
        return
    left, right = st.columns(2)
    with left:
        _accuracy_by_class(run, summary, theme)
    with right, show_errors():
        live_chart(**confusion_chart(store, run, task, summary.tasks))


def _accuracy_by_class(run: Run, summary: Summary, theme: figures.Theme) -> None:
    tasks = run.spec.stream.tasks
    of = "by class", run.id, summary.tasks, tasks, theme
    table = class_table(run.spec, summary.by_class)
    lowest = table.loc[table["accuracy"].idxmin()]
    live_chart(
        shared_figure(of, lambda: figures.accuracy_by_class(table, tasks, theme)),
        f"{run.id} accuracy by class",
        f"Test accuracy on each class of each task; the lowest is {percent(lowest['accuracy'])}, on class "
        f"{lowest['class']} of task {lowest['task']}.",
        code=run_code(run.id, f'figures.accuracy_by_class(run.metrics("class"), tasks={tasks})'),
    )
