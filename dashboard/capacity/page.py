"""Capacity and reuse: how full the network is and will be, and whose neurons later tasks use again."""

from typing import Any

import streamlit as st

from clnp_core.runs.fold.summary import layers
from clnp_core.runs.store import Run, Store, default_location
from dashboard.capacity.view import show_capacity, show_reuse
from dashboard.shared.requests import open_store
from dashboard.shared.run_picker import is_live, pick_run
from dashboard.shared.said import said
from dashboard.shared.words import settings

_TICK_SECONDS = 1


def main() -> None:
    st.title("Capacity", anchor=False)
    with said():
        store = open_store(default_location())
        active = is_live(store)
        st.fragment(follow, run_every=_TICK_SECONDS if active else None)(store, active)


def follow(store: Store, active: bool) -> None:
    """The run that is looked at, again and again for as long as it is active."""
    with said():
        picked = pick_run(store, wanted=lambda spec: spec.partitions)
        if picked:
            show(store, *picked)
        if is_live(store) != active:
            st.rerun()  # what has ended needs no tick


def show(store: Store, run: Run, records: list[dict[str, Any]]) -> None:
    st.caption(settings(run.spec))
    show_capacity(run, layers(run.spec, records))
    st.subheader("Reuse", anchor=False)
    show_reuse(store, run)


main()
