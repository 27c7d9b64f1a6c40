"""The lab: ask for runs, watch them learn, stop and fork them, come back to them by their links."""

import streamlit as st

from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store, default_location
from dashboard.controls import choose_spec
from dashboard.link import linked_run
from dashboard.requests import open_store, start_run
from dashboard.run_actions import show_actions, show_dialog
from dashboard.run_list import show_runs
from dashboard.run_view import show_run
from dashboard.said import said

_TICK_SECONDS = 0.5


def main() -> None:
    st.title("CLNP Lab", anchor=False)
    with said():
        store = open_store(default_location())
        spec, start = choose_spec()
        if start:
            start_run(store, spec)
        runs = store.runs()
        if runs or linked_run():
            active = any(run.is_active for run in runs)
            st.fragment(follow, run_every=_TICK_SECONDS if active else None)(store, active)
            show_dialog(store)
        else:
            invite(store, spec)


def follow(store: Store, active: bool) -> None:
    """The runs and the one that is looked at, again and again for as long as one of them is active."""
    with said():
        runs = store.runs()
        run = show_runs(store, runs)
        st.subheader(run.id, anchor=False)
        show_actions(store, run)
        show_run(store, run, runs)
        if any(run.is_active for run in runs) != active:
            st.rerun()  # what has ended needs no tick


def invite(store: Store, spec: RunSpec | None) -> None:
    """What a store without runs shows."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.subheader("Nothing has run yet", anchor=False, text_alignment="center")
        st.markdown(
            "Choose a preset in the side panel (» on a small screen), move its settings if you like, and press "
            "**Start**. Then watch the network learn task after task, and forget none.",
            text_alignment="center",
            width=520,
        )
        if st.button(f"Start {spec.preset}" if spec else "Start", icon=":material/play_arrow:", disabled=not spec):
            start_run(store, spec)
            st.rerun()
        st.space("small")


main()
