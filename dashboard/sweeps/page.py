"""Sweeps: the same sequence of tasks with many settings, and what each of them came to."""

from functools import partial

import streamlit as st

from clnp_core.runs import sweep as sweeps
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store, Sweep, default_location
from clnp_core.runs.sweep import Axes
from dashboard.shared.empty import show_empty
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.follow import follow
from dashboard.shared.store import open_store, start_engine
from dashboard.sweeps.controls import choose_sweep
from dashboard.sweeps.view import choose_shown, link_to_sweep, linked_sweep, show_sweep

TITLE = "Sweeps"
PLACE = 7


def main() -> None:
    st.title(TITLE, anchor=False)
    with show_errors():
        store = open_store(default_location())
        axes, specs, start = choose_sweep()
        if start:
            start_sweep(store, axes, specs)
        if not store.sweeps() and not linked_sweep():
            invite(store, axes, specs)
            return
        shown = choose_shown(store)
        active = any(run.is_active for run in store.sweep_runs(shown.id).values())
        follow(partial(show_linked, store, shown), active)


def start_sweep(store: Store, axes: Axes, specs: list[RunSpec]) -> None:
    """Queue what of a sweep the store does not have yet, see that an engine is there for it, and show it."""
    if attempt(lambda: link_to_sweep(sweeps.ask(store, axes, specs))):
        start_engine(store)


def show_linked(store: Store, sweep: Sweep) -> bool:
    """Show a sweep. Returns whether a run of it is active."""
    runs = list(store.sweep_runs(sweep.id).values())
    show_sweep(store, sweep, runs)
    return any(run.is_active for run in runs)


def invite(store: Store, axes: Axes, specs: list[RunSpec]) -> None:
    """Show what a sweep is, in a store without any."""

    def offer_start() -> None:
        label = f"Start {len(specs)} sequences" if specs else "Start"
        if st.button(label, icon=":material/play_arrow:", disabled=not specs):
            start_sweep(store, axes, specs)
            st.rerun()

    show_empty(
        "No sweep yet",
        "A sweep learns the same sequence of tasks again and again, each time with other settings, and shows what "
        "every setting gains and costs. Choose the values to compare in the side panel (» on a small screen) and "
        "press **Start**.",
        offer_start,
    )


main()
