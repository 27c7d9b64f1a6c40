"""What is done with several runs of the list together: compare, tag, cancel, delete."""

from collections.abc import Sequence

import streamlit as st

from clnp_core.runs.store import Run, Store
from dashboard.lab.actions import CANCELLABLE, open_dialog
from dashboard.shared.errors import attempt
from dashboard.shared.number_text import counted
from dashboard.shared.run_text import state_text

TICKED = "ticked runs"
"""The key under which a visit keeps the ids of the runs whose boxes are ticked."""

_MOST_COMPARED = 100


def show_selected(store: Store, chosen: Sequence[Run], runs: Sequence[Run]) -> None:
    """Show what can be done with the chosen ones of the runs; where it makes no sense for any it is switched off."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="selected"):
        st.markdown(f"**{counted(len(chosen), 'run')}**", width="content")
        st.page_link(
            "compare/page.py",
            label="Compare",
            icon=":material/compare_arrows:",
            query_params={"runs": ",".join(run.id for run in chosen[:_MOST_COMPARED])},
            disabled=not 1 < len(chosen) <= _MOST_COMPARED,
            help=f"Two to {_MOST_COMPARED} runs side by side; those that have learned nothing yet do not count.",
        )
        own = [run for run in chosen if store.may_change(run)]
        with st.popover("Tag", icon=":material/label:", disabled=not own):
            _show_tags(store, own, runs)
        stoppable = [run for run in own if state_text(run) in CANCELLABLE]
        if _button("Cancel", "stop", bool(stoppable)):
            for run in stoppable:
                attempt(lambda run=run: store.cancel(run.id))
            st.rerun()
        if _button("Delete", "delete", any(run.state != "running" for run in own)):
            open_dialog("delete", [run for run in own if run.state != "running"])
        if _button("Untick", "close", True):
            st.session_state.pop(TICKED)
            st.rerun()


def _button(label: str, icon: str, enabled: bool) -> bool:
    return st.button(label, icon=f":material/{icon}:", disabled=not enabled, key=f"all {label}")


def _show_tags(store: Store, chosen: Sequence[Run], runs: Sequence[Run]) -> None:
    tags = st.multiselect(
        "Tags",
        sorted({tag for run in runs for tag in run.tags}),
        key="tags of all",
        accept_new_options=True,
        select_all=False,
        placeholder="Choose, or type a new one",
    )
    with st.container(horizontal=True):
        add = st.button("Add to all", disabled=not tags)
        take = st.button("Take off all", disabled=not tags)
    if add or take:
        for run in chosen:
            kept = [*run.tags, *tags] if add else [tag for tag in run.tags if tag not in tags]
            attempt(lambda run=run, kept=kept: store.describe(run.id, kept, run.note))
        st.rerun()
