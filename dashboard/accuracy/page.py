"""Accuracy: how well tasks are learned and kept, in curves, in measures with their definitions, and to the bit."""

import streamlit as st

from clnp_core.runs.fold.results import Record
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.store import Run, Store
from dashboard.accuracy.view import show_measures, show_tasks
from dashboard.shared.run_page import run_page

TITLE = "Accuracy"
PLACE = 5


def show_run(store: Store, run: Run, records: list[Record]) -> None:
    """Show the measures of a run, then what it kept of each task."""
    summary = summarise(run.spec, records, run.seconds)
    if run.state == "failed":
        st.error(run.error, icon=":material/error:")
    show_measures(summary)
    if summary.notes:
        st.info("  \n".join(summary.notes), icon=":material/info:")
    show_tasks(store, run, records, summary)


run_page(TITLE, show_run)
