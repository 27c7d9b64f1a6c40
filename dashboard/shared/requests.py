"""What the pages ask for: the store; runs, of the store; and an engine that works on them."""

import streamlit as st

from clnp_core.runs import background
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store
from dashboard.shared.link import link_to
from dashboard.shared.said import attempt

open_store = st.cache_resource(Store, show_spinner=False)
"""The store at a place, opened once for all visitors."""


def start_run(store: Store, spec: RunSpec) -> None:
    """Queue a run, see that an engine is there for it, and show it."""
    if attempt(lambda: link_to(store.add(spec))):
        start_engine(store)


def start_engine(store: Store) -> None:
    """See that an engine serves the store."""
    with st.spinner("Starting the engine …"):
        attempt(lambda: background.ensure_engine(store))
