"""The actions on the run that is shown: pause, resume, cancel, fork, delete, tags; and the choice of a preset."""

import streamlit as st

from clnp_core.runs.estimate import estimate
from clnp_core.runs.spec import RunSpec, fork
from clnp_core.runs.store import Run, Store
from dashboard.lab.controls import choose_fork
from dashboard.lab.presets import show_cards
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.link import link_to_run
from dashboard.shared.run_text import state_text, time_text, training_text
from dashboard.shared.store import start_engine, start_run

_PAUSABLE = ("queued", "running", "interrupted")
_RESUMABLE = ("paused", "interrupted", "cancelled", "failed")
_CANCELLABLE = ("queued", "running", "interrupted", "paused", "pausing")


def show_actions(store: Store, run: Run, runs: list[Run]) -> None:
    """Show the run's buttons; those that make no sense in its state are switched off.

    What learns all tasks at once has none at which to fork.
    """
    state = state_text(run)
    with st.container(horizontal=True, gap="small"):
        if _button("Pause", "pause", state in _PAUSABLE) and attempt(lambda: store.pause(run.id)):
            st.rerun()
        if _button("Resume", "play_arrow", state in _RESUMABLE) and attempt(lambda: store.resume(run.id)):
            start_engine(store)
            st.rerun()
        if _button("Cancel", "stop", state in _CANCELLABLE) and attempt(lambda: store.cancel(run.id)):
            st.rerun()
        if not run.spec.at_once and _button("Fork", "fork_right", True):
            open_dialog("fork", run.id)
        if _button("Delete", "delete", run.state != "running"):
            open_dialog("delete", run.id)
        _show_notes(store, run, runs)


def _button(label: str, icon: str, enabled: bool) -> bool:
    return st.button(label, icon=f":material/{icon}:", disabled=not enabled, key=f"ask {label}")


def _show_notes(store: Store, run: Run, runs: list[Run]) -> None:
    """Show where a run's tags and note are written, and where it is made the baseline."""
    tags, note, pinned = (f"{what} {run.id}" for what in ("tags", "note", "baseline"))

    def keep() -> None:
        attempt(lambda: store.describe(run.id, st.session_state[tags], st.session_state[note]))

    def pin() -> None:
        attempt(lambda: store.pin(run.id if st.session_state[pinned] else None))

    with st.popover("Tags, note", icon=":material/label:"):
        known = sorted({tag for each in runs for tag in each.tags})
        st.multiselect(
            "Tags",
            known,
            run.tags,
            key=tags,
            on_change=keep,
            accept_new_options=True,
            select_all=False,
            placeholder="Choose, or type a new one",
        )
        st.text_area("Note", run.note, key=note, on_change=keep, placeholder="What you looked for, and what you found")
        st.toggle(
            "Baseline",
            store.baseline() == run.id,
            key=pinned,
            on_change=pin,
            help="The run that all others are compared with. It comes first in the list.",
        )


def open_dialog(kind: str, run: str | None = None) -> None:
    """Open a dialog: of a run, "fork" or "delete"; or "preset", of none."""
    st.session_state["dialog"] = (kind, run)
    st.rerun()


def _close_dialog() -> None:
    st.session_state.pop("dialog", None)


def show_dialog(store: Store, chosen: str, asked: RunSpec | None) -> None:
    """Show the dialog that a button opened, until it is answered or dismissed, whatever the page does meanwhile.

    To be called outside the part of the page that is drawn again and again: a dialog inside it would go with a tick.
    `chosen` is the preset in the form, and `asked` what the form asks for.
    """
    kind, run = st.session_state.get("dialog", (None, None))
    if kind == "fork":
        st.dialog(f"Fork {run}", icon=":material/fork_right:", on_dismiss=_close_dialog)(_fork)(store, run)
    if kind == "delete":
        st.dialog(f"Delete {run}?", icon=":material/delete:", on_dismiss=_close_dialog)(_delete)(store, run)
    if kind == "preset":
        choose = st.dialog("Choose a preset", icon=":material/style:", width="large", on_dismiss=_close_dialog)(_choose)
        choose(store, chosen, asked)


def _fork(store: Store, run: str) -> None:
    with show_errors():
        forked = store.run(run)
        at_task, changes = choose_fork(forked.spec, run)
        spec = fork(forked.spec, at_task, changes)
        shared = "task 1" if at_task == 2 else f"tasks 1 to {at_task - 1}"
        time = time_text(estimate(spec, store, at_task))
        st.caption(f"Shares {shared} with {run}. From task {at_task} on: {training_text(spec, at_task)}. Takes {time}.")
        if st.button("Start the fork", type="primary", icon=":material/play_arrow:", width="stretch"):
            _close_dialog()
            start_run(store, spec, like=forked)
            st.rerun()


def _choose(store: Store, chosen: str, asked: RunSpec | None) -> None:
    st.markdown("Your choice opens in the side panel (» on a small screen), where you can change its settings.")
    if show_cards(store, chosen, asked):
        _close_dialog()
        start_run(store, asked)
        st.rerun()


def _delete(store: Store, run: str) -> None:
    st.markdown("This deletes its curves, its tables and its link. Runs forked from it keep theirs.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it"):
            _close_dialog()
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="delete for good"):
            _close_dialog()
            if attempt(lambda: store.remove(run)):
                link_to_run(None)
            st.rerun()
