"""The actions on the run that is shown: pause, resume, cancel, fork, delete, tags; and the choice of a preset."""

from collections.abc import Sequence

import streamlit as st

from clnp_core.runs.estimate import estimate
from clnp_core.runs.spec import RunSpec, fork
from clnp_core.runs.store import Run, Store
from clnp_core.runs.store.requests import MOST_NAME_LETTERS
from dashboard.lab.controls import choose_fork
from dashboard.lab.presets import show_cards
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.link import link_to_run, linked_run
from dashboard.shared.number_text import counted
from dashboard.shared.run_text import state_text, time_text, title_text, training_text
from dashboard.shared.store import start_engine, start_run
from dashboard.shared.visit import classroom, is_student

_PAUSABLE = ("queued", "running", "interrupted")
_RESUMABLE = ("paused", "interrupted", "cancelled", "failed")
CANCELLABLE = ("queued", "running", "interrupted", "paused", "pausing")
"""States in which a run can be cancelled."""

_MOST_NAMED = 8


def show_actions(store: Store, run: Run, runs: list[Run]) -> None:
    """Show the run's buttons; those that make no sense in its state are switched off.

    What learns all tasks at once has none at which to fork. Of somebody else's run in a class only the fork is shown.
    """
    state, own = state_text(run), store.may_change(run)
    with st.container(horizontal=True, gap="small"):
        if own and _button("Pause", "pause", state in _PAUSABLE) and attempt(lambda: store.pause(run.id)):
            st.rerun()
        if own and _button("Resume", "play_arrow", state in _RESUMABLE) and attempt(lambda: store.resume(run.id)):
            start_engine(store)
            st.rerun()
        if own and _button("Cancel", "stop", state in CANCELLABLE) and attempt(lambda: store.cancel(run.id)):
            st.rerun()
        if not run.spec.at_once and _button("Fork", "fork_right", True):
            open_dialog("fork", [run])
        if own and _button("Delete", "delete", run.state != "running"):
            open_dialog("delete", [run])
        if own:
            _show_notes(store, run, runs)


def _button(label: str, icon: str, enabled: bool) -> bool:
    return st.button(label, icon=f":material/{icon}:", disabled=not enabled, key=f"ask {label}")


def _show_notes(store: Store, run: Run, runs: list[Run]) -> None:
    """Show where a run's name, tags and note are written, where it is made the baseline, and shared with a class."""
    name, tags, note, pinned, shared = (f"{what} {run.id}" for what in ("name", "tags", "note", "baseline", "shared"))

    def rename() -> None:
        if not attempt(lambda: store.rename(run.id, st.session_state[name])):
            st.session_state[name] = run.name

    def keep() -> None:
        attempt(lambda: store.describe(run.id, st.session_state[tags], st.session_state[note]))

    def pin() -> None:
        attempt(lambda: store.pin(run.id if st.session_state[pinned] else None))

    with st.popover("Name, tags, note", icon=":material/label:"):
        st.text_input("Name", run.name, MOST_NAME_LETTERS, key=name, on_change=rename, placeholder=run.id)
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
        if not is_student():
            st.toggle(
                "Baseline",
                store.baseline() == run.id,
                key=pinned,
                on_change=pin,
                help="The run that all others are compared with. It comes first in the list.",
            )
        if classroom():
            st.toggle(
                "Shared with the class",
                run.shared,
                key=shared,
                on_change=lambda: attempt(lambda: store.share(run.id, st.session_state[shared])),
                help="All of the class see it, and can fork it. Nobody but its owner and the lecturer can change it.",
            )


def open_dialog(kind: str, of: Sequence[Run] = ()) -> None:
    """Open a dialog: "fork", of a run; "delete", of one or several; or "preset", of none."""
    st.session_state["dialog"] = (kind, of)
    st.rerun()


def _close_dialog() -> None:
    st.session_state.pop("dialog", None)


def show_dialog(store: Store, chosen: str, asked: RunSpec | None) -> None:
    """Show the dialog that a button opened, until it is answered or dismissed, whatever the page does meanwhile.

    To be called outside the part of the page that is drawn again and again: a dialog inside it would go with a tick.
    `chosen` is the preset in the form, and `asked` what the form asks for.
    """
    kind, of = st.session_state.get("dialog", (None, ()))
    if kind == "fork":
        fork_it = st.dialog(f"Fork {title_text(of[0])}", icon=":material/fork_right:", on_dismiss=_close_dialog)(_fork)
        fork_it(store, of[0])
    if kind == "delete":
        what = title_text(of[0]) if len(of) == 1 else counted(len(of), "run")
        st.dialog(f"Delete {what}?", icon=":material/delete:", on_dismiss=_close_dialog)(_delete)(store, of)
    if kind == "preset":
        choose = st.dialog("Choose a preset", icon=":material/style:", width="large", on_dismiss=_close_dialog)(_choose)
        choose(store, chosen, asked)


def _fork(store: Store, run: Run) -> None:
    with show_errors():
        forked = store.run(run.id)
        at_task, changes = choose_fork(forked.spec, run.id)
        spec = fork(forked.spec, at_task, changes)
        shared = "task 1" if at_task == 2 else f"tasks 1 to {at_task - 1}"
        time = time_text(estimate(spec, store, at_task))
        trained = training_text(spec, at_task)
        st.caption(f"Shares {shared} with {title_text(run)}. From task {at_task} on: {trained}. Takes {time}.")
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


def _delete(store: Store, runs: Sequence[Run]) -> None:
    if len(runs) == 1:
        st.markdown("This deletes its curves, its tables and its link. Runs forked from it keep theirs.")
    else:
        named = [title_text(run) for run in runs[:_MOST_NAMED]]
        more = [f"and {len(runs) - _MOST_NAMED} more"] if len(runs) > _MOST_NAMED else []
        st.markdown(", ".join(named + more))
        st.markdown("This deletes their curves, their tables and their links. Runs forked from them keep theirs.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it" if len(runs) == 1 else "Keep them"):
            _close_dialog()
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="delete for good"):
            _close_dialog()
            for run in runs:
                if attempt(lambda run=run: store.remove(run.id)) and run.id == linked_run():
                    link_to_run(None)
            st.rerun()
