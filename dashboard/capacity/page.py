"""Capacity and reuse: how full the network is and will be, and whose neurons later tasks use again."""

import streamlit as st

from clnp_core.runs.fold.results import Record
from clnp_core.runs.fold.summary import layers
from clnp_core.runs.store import Run, Store
from dashboard.capacity.view import show_capacity, show_reuse
from dashboard.shared.run_page import run_page

TITLE = "Capacity"
PLACE = 4


def show_run(store: Store, run: Run, records: list[Record]) -> None:
    """Show the capacity of a run, then its reuse."""
    show_capacity(run, layers(run.spec, records))
    st.subheader("Reuse", anchor=False)
    show_reuse(store, run)


run_page(TITLE, show_run, wanted=lambda spec: spec.partitions)
