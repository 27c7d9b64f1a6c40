"""Runs side by side: what they came to, over seeds, and what is different about them."""

import streamlit as st

from clnp_core.runs.comparison import comparison
from clnp_core.runs.store import Run, Store, default_location
from dashboard.compare.choice import choose_runs, invite, offer_methods
from dashboard.compare.view import show_comparison
from dashboard.shared.requests import open_store
from dashboard.shared.said import said
from dashboard.shared.words import state_word, time_left

_TICK_SECONDS = 1


def main() -> None:
    st.title("Compare", anchor=False)
    with said():
        store = open_store(default_location())
        if not store.learned_tasks() and "runs" not in st.query_params:
            invite()
            return
        chosen = choose_runs(store)
        active = any(run.is_active for run in chosen)
        st.fragment(follow, run_every=_TICK_SECONDS if active else None)(store, [run.id for run in chosen], active)


def follow(store: Store, chosen: list[str], active: bool) -> None:
    """The chosen runs, again and again for as long as one of them is active."""
    with said():
        learned, known = store.learned_tasks(), {run.id: run for run in store.runs()}
        runs = [known.get(run) or store.run(run) for run in chosen]
        show_progress(runs)
        groups = comparison(store, [run.id for run in runs if run.id in learned])
        if len(groups) < 2 and not active:
            offer_methods(store, runs)
        if groups:
            show_comparison(groups, runs[0].spec)
        if any(run.is_active for run in runs) != active:
            st.rerun()  # what has ended needs no tick


def show_progress(runs: list[Run]) -> None:
    """How far those are that are not done."""
    for run in runs:
        if run.state != "finished":
            parts = (run.id, f"{state_word(run)} at {run.fraction:.0%}", time_left(run))
            st.progress(run.fraction, " · ".join(filter(None, parts)))


main()
