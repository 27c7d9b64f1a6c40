"""Sweeps: the same sequence of tasks with many settings, and what each of them came to."""

import streamlit as st

from clnp_core.runs import sweep as sweeps
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store, Sweep, default_location
from clnp_core.runs.sweep import Axes
from dashboard.shared.requests import open_store, start_engine
from dashboard.shared.said import attempt, said
from dashboard.sweeps.controls import choose_sweep
from dashboard.sweeps.view import choose_shown, link_to_sweep, linked_sweep, show_sweep

_TICK_SECONDS = 1


def main() -> None:
    st.title("Sweeps", anchor=False)
    with said():
        store = open_store(default_location())
        axes, specs, start = choose_sweep()
        if start:
            start_sweep(store, axes, specs)
        if not store.sweeps() and not linked_sweep():
            invite(store, axes, specs)
            return
        shown = choose_shown(store)
        active = any(run.is_active for run in store.sweep_runs(shown.id).values())
        st.fragment(follow, run_every=_TICK_SECONDS if active else None)(store, shown, active)


def start_sweep(store: Store, axes: Axes, specs: list[RunSpec]) -> None:
    """Queue what of a sweep the store does not have yet, see that an engine is there for it, and show it."""
    if attempt(lambda: link_to_sweep(sweeps.ask(store, axes, specs))):
        start_engine(store)


def follow(store: Store, sweep: Sweep, active: bool) -> None:
    """The sweep that is looked at, again and again for as long as a run of it is active."""
    with said():
        runs = list(store.sweep_runs(sweep.id).values())
        show_sweep(store, sweep, runs)
        if any(run.is_active for run in runs) != active:
            st.rerun()  # what has ended needs no tick


def invite(store: Store, axes: Axes, specs: list[RunSpec]) -> None:
    """What a store without sweeps shows."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.subheader("No sweep yet", anchor=False, text_alignment="center")
        st.markdown(
            "A sweep learns the same sequence of tasks again and again, each time with other settings, and shows what "
            "every setting gains and costs. Choose the values to compare in the side panel (» on a small screen) and "
            "press **Start**.",
            text_alignment="center",
            width=520,
        )
        label = f"Start {len(specs)} sequences" if specs else "Start"
        if st.button(label, icon=":material/play_arrow:", disabled=not specs):
            start_sweep(store, axes, specs)
            st.rerun()
        st.space("small")


main()
