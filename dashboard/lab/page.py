"""The lab: ask for runs, watch them learn, stop and fork them, come back to them by their links."""

import streamlit as st

from clnp_core.lesson import example_run
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store, default_location
from dashboard.lab.actions import open_dialog, show_actions, show_dialog
from dashboard.lab.controls import choose_spec
from dashboard.lab.presets import show_cards
from dashboard.lab.run_list import show_run_list
from dashboard.lab.view import show_heading, show_links, show_results, show_state
from dashboard.shared.empty import show_empty
from dashboard.shared.errors import show_errors
from dashboard.shared.link import follow_link, keep_looked_at, link_to_run, linked_run, looked_at
from dashboard.shared.opened import no_longer_waits, waiting_spec
from dashboard.shared.run_text import state_text
from dashboard.shared.store import open_store, start_run

TITLE = "Lab"
PLACE = 1

# What costs little to show and is looked at most comes most often.
_STATE_SECONDS, _RESULTS_SECONDS, _LIST_SECONDS = 0.5, 1, 2


def main() -> None:
    follow_link()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title("CLNP Lab", anchor=False)
        cards_place = st.container(width="content")
    with show_errors():
        store = open_store(default_location())
        spec, start = choose_spec(store)
        if start:
            start_run(store, spec)
            no_longer_waits()
        say_what_is_open()
        runs = store.runs()
        if (not runs or example_run.is_all_of(runs)) and not linked_run():
            invite(store, spec, "Nothing of yours has run yet" if runs else "Nothing has run yet")
            show_run_list(store, runs)
            return
        if cards_place.button("Choose a preset", icon=":material/style:"):
            open_dialog("preset")
        # Places of their own, so that nothing that comes or goes in one moves, or closes, anything in the others.
        list_place, run_place = st.container(), st.container()
        show_dialog(store, st.session_state["preset"], spec)
        if not linked_run():
            before = looked_at()
            link_to_run(before if any(run.id == before for run in runs) else runs[0].id)
        with list_place:
            active = [run.id for run in runs if run.is_active]
            st.fragment(follow_runs, run_every=_LIST_SECONDS if active else None)(store, linked_run(), active)
        with run_place:
            show_linked(store, runs)


def say_what_is_open() -> None:
    """Say where the form of what another page opened as a run is, until it is started or another one is chosen."""
    opened = waiting_spec()
    if opened and st.session_state["preset"] == opened.preset:
        st.info(
            f"**{opened.preset}** is open in the side panel (» on a small screen). Change its settings if you like, "
            f"and press **Start**.",
            icon=":material/edit_note:",
        )


def show_linked(store: Store, runs: list[Run]) -> None:
    """Show the run that is looked at."""
    run = store.run(linked_run())
    keep_looked_at(run.id)
    show_heading(store, run, runs)
    show_actions(store, run, runs)
    show_links(store, run)
    drawn = _drawn(store, run)
    st.fragment(follow_state, run_every=_STATE_SECONDS if run.is_active else None)(store, run.id, drawn)
    st.fragment(follow_results, run_every=_RESULTS_SECONDS if run.is_active else None)(store, run.id)


def follow_runs(store: Store, shown: str, active: list[str]) -> None:
    """Show the list, again and again while a run is active."""
    with show_errors():
        runs = store.runs()
        show_run_list(store, runs)
        if linked_run() != shown or [run.id for run in runs if run.is_active] != active:
            st.rerun()


def follow_state(store: Store, shown: str, drawn: tuple[str, bool]) -> None:
    """Show how far the run that is looked at is. What can be asked of it is drawn anew when that changes."""
    with show_errors():
        run = store.run(shown)
        show_state(store, run)
        if _drawn(store, run) != drawn:
            st.rerun()


def follow_results(store: Store, shown: str) -> None:
    """Show what the run that is looked at has come to."""
    with show_errors():
        show_results(store, store.run(shown))


def _drawn(store: Store, run: Run) -> tuple[str, bool]:
    """Give what decides about the buttons and links of a run."""
    return state_text(run), bool(store.learned(run.id))


def invite(store: Store, spec: RunSpec | None, heading: str) -> None:
    """Show what to do in a store without runs, or with no other than the example."""
    show_empty(
        heading,
        "Choose a preset, change its settings in the side panel (» on a small screen) if you like, and press "
        "**Start**. Then watch the network learn task after task and forget none.",
    )
    if show_cards(store, st.session_state["preset"], spec):
        start_run(store, spec)
        st.rerun()


main()
