"""The store that the pages read and queue runs in, and the engine that works on them."""

from pathlib import Path

import streamlit as st

from clnp_core.errors import CodeError
from clnp_core.runs import background
from clnp_core.runs.classroom.student import StudentStore
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from dashboard.shared.errors import attempt
from dashboard.shared.link import link_to_run
from dashboard.shared.visit import classroom, quota, visitor

all_runs_store = st.cache_resource(Store, show_spinner=False)
"""Open the store at a place, once for all visitors, for what is done in nobody's name."""


def open_store(location: Path) -> Store:
    """Open the store at a place, as who visits may use it.

    Raises
    ------
    CodeError
        If the app serves a class, and the visitor has not come in.
    StoreError
        If it cannot be opened.
    """
    store = all_runs_store(location)
    if classroom() is None:
        return store
    who = visitor()
    if who is None:
        raise CodeError("Come into the class first, by its code.")
    return store if who.is_lecturer else StudentStore(store, who.name, quota())


def start_run(store: Store, spec: RunSpec, like: Run | None = None) -> None:
    """Queue a run, on the data of another if that is given; see that an engine is there for it, and show it."""
    if attempt(lambda: link_to_run(store.add(spec, like))):
        start_engine(store)


def start_engine(store: Store) -> None:
    """See that an engine serves the store."""
    with st.spinner("Starting the engine …"):
        attempt(lambda: background.ensure_engine(store))


def offer_engine(store: Store, runs: list[Run]) -> None:
    """Where some of the runs wait for an engine and there is none, say so and offer to start one."""
    waiting = sum(run.state in ("queued", "interrupted") for run in runs)
    if not waiting or store.engine() is not None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="engine"):
        wait = "1 run waits" if waiting == 1 else f"{waiting} runs wait"
        st.markdown(f":material/power_off: **The engine is not running.** {wait} for it.", width="stretch")
        if st.button("Start the engine", icon=":material/power_settings_new:", type="primary"):
            start_engine(store)
            st.rerun()
