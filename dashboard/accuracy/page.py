"""Accuracy: how well tasks are learned and kept, in curves, in measures with their definitions, and to the bit."""

from typing import Any

import streamlit as st

from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.store import Run, Store, default_location
from dashboard.accuracy.view import show_measures, show_tasks
from dashboard.shared.requests import open_store
from dashboard.shared.run_picker import is_live, pick_run
from dashboard.shared.said import said
from dashboard.shared.words import settings

_TICK_SECONDS = 1


def main() -> None:
    st.title("Accuracy", anchor=False)
    with said():
        store = open_store(default_location())
        active = is_live(store)
        st.fragment(follow, run_every=_TICK_SECONDS if active else None)(store, active)


def follow(store: Store, active: bool) -> None:
    """The run that is looked at, again and again for as long as it is active."""
    with said():
        picked = pick_run(store)
        if picked:
            show(store, *picked)
        if is_live(store) != active:
            st.rerun()  # what has ended needs no tick


def show(store: Store, run: Run, records: list[dict[str, Any]]) -> None:
    summary = summarise(run.spec, records, run.seconds)
    st.caption(settings(run.spec))
    if run.state == "failed":
        st.error(run.error, icon=":material/error:")
    show_measures(summary)
    show_tasks(store, run, records, summary)


main()
