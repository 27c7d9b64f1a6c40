"""What can be asked of the run that is shown: pause, resume, cancel, fork, delete, explore."""

import streamlit as st

from clnp_core.methods import METHODS
from clnp_core.runs.spec import fork
from clnp_core.runs.store import Run, Store
from dashboard.controls import choose_fork
from dashboard.link import link_to
from dashboard.requests import start_engine, start_run
from dashboard.said import attempt, said
from dashboard.words import state_word, training_cost

_PAUSABLE = ("queued", "running", "interrupted")
_RESUMABLE = ("paused", "interrupted", "cancelled", "failed")
_CANCELLABLE = ("queued", "running", "interrupted", "paused", "pausing")


def show_actions(store: Store, run: Run) -> None:
    """The run's buttons; those that make no sense in its state are switched off.

    What learns all tasks at once has none at which to fork.
    """
    state = state_word(run)
    with st.container(horizontal=True, gap="small"):
        if _button("Pause", "pause", state in _PAUSABLE) and attempt(lambda: store.pause(run.id)):
            st.rerun()
        if _button("Resume", "play_arrow", state in _RESUMABLE) and attempt(lambda: store.resume(run.id)):
            start_engine(store)
            st.rerun()
        if _button("Cancel", "stop", state in _CANCELLABLE) and attempt(lambda: store.cancel(run.id)):
            st.rerun()
        if not METHODS[run.spec.method].at_once and _button("Fork", "fork_right", True):
            _open_dialog("fork", run)
        if _button("Delete", "delete", run.state != "running"):
            _open_dialog("delete", run)
        if run.spec.partitions and _button("Trade-off", "tune", bool(store.learned(run.id))):
            st.switch_page("app_pages/tradeoff.py", query_params={"run": run.id})


def _button(label: str, icon: str, enabled: bool) -> bool:
    return st.button(label, icon=f":material/{icon}:", disabled=not enabled, key=f"ask {label}")


def _open_dialog(kind: str, run: Run) -> None:
    st.session_state["dialog"] = (kind, run.id)
    st.rerun()


def _close_dialog() -> None:
    st.session_state.pop("dialog", None)


def show_dialog(store: Store) -> None:
    """The dialog that a button opened. It stays until it is answered or dismissed, whatever the page does meanwhile.

    To be called outside the part of the page that is drawn again and again: a dialog inside it would go with a tick.
    """
    kind, run = st.session_state.get("dialog", (None, None))
    if kind == "fork":
        st.dialog(f"Fork {run}", icon=":material/fork_right:", on_dismiss=_close_dialog)(_fork)(store, run)
    if kind == "delete":
        st.dialog(f"Delete {run}?", icon=":material/delete:", on_dismiss=_close_dialog)(_delete)(store, run)


def _fork(store: Store, run: str) -> None:
    with said():
        base = store.run(run).spec
        at_task, changes = choose_fork(base, run)
        spec = fork(base, at_task, changes)
        shared = "task 1" if at_task == 2 else f"tasks 1 to {at_task - 1}"
        st.caption(f"Shares {shared} with {run}. From task {at_task} on: {training_cost(spec, at_task)}.")
        if st.button("Start the fork", type="primary", icon=":material/play_arrow:", width="stretch"):
            _close_dialog()
            start_run(store, spec)
            st.rerun()


def _delete(store: Store, run: str) -> None:
    st.markdown("Its curves, its tables and its link will be gone for good. Runs forked from it keep theirs.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it"):
            _close_dialog()
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="delete for good"):
            _close_dialog()
            if attempt(lambda: store.remove(run)):
                link_to(None)
            st.rerun()
