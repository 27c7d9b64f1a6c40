"""What a task's images are taken for, as two pages show it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from clnp_core.analysis import figures
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.classes import confusion
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code


def confusion_chart(store: Store, run: Run, task: int, learned: int) -> dict[str, Any]:
    """Give what `live_chart` takes for the confusion matrix of a task; `learned` tells after how many tasks.

    Raises
    ------
    StoreError
        As `clnp_core.runs.views.classes.confusion`.
    """
    theme = st.context.theme.type or "light"
    counts = confusion(store, run.id, task)
    wrong = counts.loc[counts["label"] != counts["answer"], "images"].sum()
    return {
        "figure": shared_figure(
            ("confusion", run.id, task, learned, theme), lambda: figures.confusion_matrix(counts, task, theme)
        ),
        "key": f"{run.id} confusion {task}",
        "alt": f"Of {counts['images'].sum()} test images of task {task}, {wrong} are taken for another class.",
        "code": run_code(run.id, f"figures.confusion_matrix(run.confusion({task}), {task})"),
    }
