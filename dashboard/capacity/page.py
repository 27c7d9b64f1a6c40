"""Capacity and reuse: how full the network is and will be, how wide it has to be, whose neurons are used again."""

import streamlit as st

from clnp_core.runs.fold.results import Record
from clnp_core.runs.fold.summary import layers
from clnp_core.runs.store import Run, Store
from dashboard.capacity.planner import show_planner
from dashboard.capacity.view import show_capacity, show_reuse, show_transfer
from dashboard.shared.run_page import run_page

TITLE = "Capacity"
PLACE = 4


def show_run(store: Store, run: Run, records: list[Record]) -> None:
    """Show the capacity of a run, what more tasks would need, then its reuse."""
    show_capacity(run, layers(run.spec, records))
    show_planner(store, run, records)
    st.subheader("Reuse", anchor=False)
    show_reuse(store, run)
    show_transfer(store, run)


run_page(TITLE, show_run, wanted=lambda spec: spec.partitions)
