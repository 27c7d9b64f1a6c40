"""What the page asks for: runs, of the store; and an engine that works on them."""

import streamlit as st

from clnp_core.runs import background
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store
from dashboard.link import link_to
from dashboard.said import attempt


def start_run(store: Store, spec: RunSpec) -> None:
    """Queue a run, see that an engine is there for it, and show it."""
    if attempt(lambda: link_to(store.add(spec))):
        start_engine(store)


def start_engine(store: Store) -> None:
    """See that an engine serves the store."""
    with st.spinner("Starting the engine …"):
        attempt(lambda: background.ensure_engine(store))
