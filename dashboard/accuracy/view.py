"""One run's accuracies on the page: measures with their definitions, curves, and what is kept of each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.analysis.metrics import forgetting_by_task
from clnp_core.runs.fold.results import Record, Summary
from clnp_core.runs.store import Run, Store
from dashboard.accuracy.classes import show_classes
from dashboard.components.live_chart import live_chart
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code
from dashboard.shared.number_text import counted, percent, unbroken
from dashboard.shared.training_curves import training_curves, training_curves_code

_DIGITS = 12  # of a fingerprint that are shown
_WHEN_LEARNED = unbroken("When learned")


@dataclass(frozen=True)
class Measure:
    """A measure of a whole sequence, and how it is defined.

    Attributes
    ----------
    key : str
        Its name in a summary.
    name, about, formula, source : str
        For the page: what it is called, means and is computed by, in LaTeX, and who defined it.
    signed : bool
        Whether it is a difference, in points.
    """

    key: str
    name: str
    about: str
    formula: str
    source: str
    signed: bool = True


MEASURES = (
    Measure(
        "mean_accuracy",
        "Mean accuracy",
        "Mean accuracy on all tasks learned so far: the mean of the accuracy matrix's last row.",
        r"\frac{1}{T} \sum_{j=1}^{T} A_{T,j}",
        "Table 1 of the paper",
        signed=False,
    ),
    Measure(
        "forgetting",
        "Forgetting",
        "How far the accuracy on earlier tasks has fallen from its best, on average.",
        r"\frac{1}{T-1} \sum_{j=1}^{T-1} \left( \max_{j \le i < T} A_{i,j} - A_{T,j} \right)",
        "Chaudhry et al. 2018, 'Riemannian walk for incremental learning', section 3",
    ),
    Measure(
        "backward_transfer",
        "Backward transfer",
        "How learning later tasks changed the accuracy on earlier ones, on average; negative where it fell.",
        r"\frac{1}{T-1} \sum_{j=1}^{T-1} \left( A_{T,j} - A_{j,j} \right)",
        "Lopez-Paz and Ranzato 2017, 'Gradient episodic memory', equation 3",
    ),
    Measure(
        "forward_transfer",
        "Forward transfer",
        "How much better tasks are learned after earlier ones than from scratch, on average over all but the first.",
        r"\frac{1}{T-1} \sum_{j=2}^{T} \left( A_{j,j} - a_j \right)",
        "Wang et al. 2024, 'A comprehensive survey of continual learning'; other measures go by similar names",
    ),
)


def show_measures(summary: Summary) -> None:
    """Show the measures of the sequence so far, and define them."""
    with st.container(horizontal=True, key="measures"):
        for measure in MEASURES:
            value = getattr(summary, measure.key)
            shown = _points(value) if measure.signed else percent(value)
            st.metric(measure.name, shown, help=measure.about, border=True, width="stretch")
        if alone := summary.single_task_accuracy:
            mean = None if None in alone else sum(alone) / len(alone)
            about = "Mean over the same tasks, each trained alone on a full network."
            st.metric("Each task alone", percent(mean), help=about, border=True, width="stretch")
    with st.expander("How these are defined", icon=":material/function:"):
        st.markdown(
            "$A_{i,j}$ is the accuracy on the test images of task $j$ after task $i$ was learned, $T$ the number of "
            "tasks learned so far, and $a_j$ the accuracy of task $j$ trained alone from scratch. Differences are in "
            "percentage points. A dash means that a measure is not defined: for a single task, for tasks learned all "
            "at once, or if tasks were not also trained alone."
        )
        for measure in MEASURES:
            st.markdown(f"**{measure.name}.** {measure.about} *{measure.source}.*")
            st.latex(measure.formula)


def show_tasks(store: Store, run: Run, records: Sequence[Record], summary: Summary) -> None:
    """Show curves over epochs and over tasks, the accuracy matrix, and what is kept of each task."""
    theme, tasks, matrix = st.context.theme.type or "light", run.spec.stream.tasks, summary.accuracy
    epochs, at_once = sum(each["epoch"] for each in store.last_epochs(run.id)), run.spec.at_once
    of = "learning curves", run.id, epochs, len(records), theme
    curves = shared_figure(of, lambda: training_curves(store, run, records, theme))
    live_chart(
        curves,
        f"{run.id} learning curves",
        f"{curves.layout.title.text} of {epochs} epochs.",
        code=training_curves_code(run),
    )
    charts = [_matrix] if at_once else [_matrix, _over_tasks, _mean]
    columns = st.columns(3)
    for column, chart in zip(columns, charts, strict=False):
        with column:
            chart(run.id, matrix, summary.single_task_accuracy or (), tasks, theme)
    if at_once:  # it has no course over tasks
        with columns[1]:
            _show_kept(run, records, summary)
        show_classes(store, run, summary, theme)
    else:
        show_classes(store, run, summary, theme)
        _show_kept(run, records, summary)


_Alone = Sequence[float | None]
_Matrix = tuple[tuple[float, ...], ...]


def _matrix(run: str, matrix: _Matrix, alone: _Alone, tasks: int, theme: figures.Theme) -> None:
    live_chart(
        shared_figure(("matrix", matrix, tasks, theme), lambda: figures.accuracy_matrix(matrix, tasks, theme)),
        f"{run} accuracy matrix",
        f"Accuracy matrix after {len(matrix)} tasks; its last row: {', '.join(map(percent, matrix[-1]))}.",
        code=run_code(run, f'figures.accuracy_matrix(run.summary()["accuracy"], tasks={tasks})'),
    )


def _over_tasks(run: str, matrix: _Matrix, alone: _Alone, tasks: int, theme: figures.Theme) -> None:
    of = matrix, alone, tasks, theme
    live_chart(
        shared_figure(("over tasks", *of), lambda: figures.accuracy_over_tasks(*of)),
        f"{run} accuracy over tasks",
        "Test accuracy on each task as later ones are learned. "
        + " ".join(f"Task {task}: {percent(each)} now." for task, each in enumerate(matrix[-1], start=1)),
        code=run_code(run, _with_alone("accuracy_over_tasks", tasks)),
    )


def _mean(run: str, matrix: _Matrix, alone: _Alone, tasks: int, theme: figures.Theme) -> None:
    of = matrix, alone, tasks, theme
    live_chart(
        shared_figure(("mean", *of), lambda: figures.mean_accuracy(*of)),
        f"{run} mean accuracy",
        f"Mean test accuracy on the tasks so far, after each of {len(matrix)} tasks.",
        code=run_code(run, _with_alone("mean_accuracy", tasks)),
    )


def _with_alone(figure: str, tasks: int) -> str:
    return (
        "summary = run.summary()\n"
        f'figures.{figure}(summary["accuracy"], summary.get("single_task_accuracy", ()), tasks={tasks})'
    )


def _show_kept(run: Run, records: Sequence[Record], summary: Summary) -> None:
    """Show what is left of each task: the same bits where the method promises them, else how much was forgotten."""
    matrix = summary.accuracy
    columns: dict[str, Sequence[Any]] = {"Task": range(1, len(matrix) + 1)}
    if run.spec.exact:
        columns |= _fingerprints(run, records)
        st.subheader("Fingerprints", anchor=False)
    if alone := summary.single_task_accuracy:
        columns["Alone"] = pd.Series(alone, dtype=float)
    if all(matrix):
        columns[_WHEN_LEARNED] = [row[-1] for row in matrix]
    columns["Now"] = matrix[-1]
    if run.spec.measure == "balanced":
        now = [summary.by_class.get(task) for task in range(1, len(matrix) + 1)]
        columns["Now, balanced"] = pd.Series([each and each.balanced for each in now], dtype=float)
    if all(matrix) and not run.spec.exact:
        # The last task has had no time to be forgotten.
        columns["Forgotten"] = pd.Series([*forgetting_by_task(matrix), None], dtype=float)
        st.subheader("Forgetting by task", anchor=False)
    formats = dict.fromkeys(("Alone", _WHEN_LEARNED, "Now", "Now, balanced"), "{:.2%}") | {"Forgotten": _points}
    st.table(pd.DataFrame(columns).style.format(formats, na_rep="–"), hide_index=True)
    if run.spec.exact:
        st.caption(_about_fingerprints(records))
    elif all(matrix):
        st.caption("Forgotten: the task's best accuracy before the last task was learned, less its accuracy now.")


def _fingerprints(run: Run, records: Sequence[Record]) -> dict[str, list[str]]:
    told = {"Fingerprint": [f"{record.fingerprint[:_DIGITS]}…" for record in records]}
    if run.state == "failed":  # what failed may be the promise itself
        return told
    return told | {"Checked": [_checked(record.task, records) for record in records]}


def _checked(task: int, records: Sequence[Record]) -> str:
    later = len(records) - task
    how = "the same except for rounding" if any(task in record.rounded for record in records) else "identical"
    return unbroken(f"{how} after {counted(later, 'later task')}" if later else "just learned")


def _about_fingerprints(records: Sequence[Record]) -> str:
    about = (
        "A fingerprint is the SHA-256 of a task's raw logits on 512 test samples, taken when it was learned and "
        "computed again after every later one. A single different bit ends the run with an error."
    )
    if any(any(record.grown) for record in records):
        about += (
            " When a layer grew, the task's own narrow network was checked to the bit, and a new fingerprint was taken "
            "at the new width."
        )
    if any(record.rounded for record in records):
        about += (
            " When the run continued on another kind of processor, logits were compared to a hundred-thousandth of the "
            "largest, and new fingerprints were taken."
        )
    return about


def _points(fraction: float | None) -> str:
    return "–" if fraction is None else unbroken(f"{100 * fraction:+.2f} points")
