"""The choice of runs to compare: those that the address names, else the last ones, else the newest and its like."""

from collections.abc import Sequence

import streamlit as st

from clnp_core.methods import METHODS
from clnp_core.runs.comparison import with_method
from clnp_core.runs.fold.summary import seeds_of
from clnp_core.runs.store import Run, Store
from dashboard.shared.errors import attempt
from dashboard.shared.run_text import state_text, title_text
from dashboard.shared.store import start_engine

_LINK = "runs"
_BEFORE = "runs compared"
_CHOICE = "runs to compare"
_MOST_AT_FIRST = 8
_GONE = ("failed", "cancelled")


def choose_runs(store: Store) -> list[Run]:
    """Choose runs in a box. They are in the address, and kept while other pages are looked at.

    Returns
    -------
    list of Run
        The baseline first: the pinned one if it is among them, else the one that was chosen first.

    Raises
    ------
    StoreError
        If the address names a run that there is not.
    """
    learned, runs, baseline = store.learned_tasks(), {run.id: run for run in store.runs()}, store.baseline()
    if _LINK not in st.query_params:
        before = [run for run in st.session_state.get(_BEFORE, ()) if run in runs]
        _link_to(before or _at_first([run for run in runs.values() if run.id in learned], baseline))
    chosen = _linked()
    found = [runs.get(run) or store.run(run) for run in chosen]
    st.session_state[_BEFORE] = chosen
    if st.session_state.get(_CHOICE) != chosen:
        st.session_state[_CHOICE] = chosen
    st.multiselect(
        "Runs",
        [run for run in runs if run in learned or runs[run].is_active or run in chosen],
        format_func=lambda run: _in_short(runs[run], run == baseline),
        key=_CHOICE,
        on_change=lambda: _link_to(st.session_state[_CHOICE]),
        placeholder="Choose the runs to compare",
    )
    return sorted(found, key=lambda run: run.id != baseline)


def _linked() -> list[str]:
    return list(dict.fromkeys(filter(None, st.query_params[_LINK].split(","))))


def _link_to(runs: Sequence[str]) -> None:
    # Streamlit hands on the words of an option where they changed in the moment of the click, as when a run begins.
    # They begin with the run's id.
    st.query_params[_LINK] = ",".join(run.partition(" ")[0] for run in runs)


def _at_first(runs: Sequence[Run], baseline: str | None) -> list[str]:
    """Take the baseline, or else the newest run, and the newest of the others that learned the same tasks."""
    first = next((run for run in runs if run.id == baseline), runs[0])
    stream = _of_any_seed(first)
    others = [run.id for run in runs if _of_any_seed(run) == stream and run != first]
    return [first.id, *others[: _MOST_AT_FIRST - 1]]


def _of_any_seed(run: Run) -> object:
    return run.spec.stream.model_copy(update={"seed": None})


def _in_short(run: Run, is_baseline: bool) -> str:
    tasks = run.spec.stream.tasks
    state = "" if run.state == "finished" else state_text(run)
    parts = (
        run.id,
        run.name,
        run.spec.method,
        f"seed {seeds_of(run.spec)}",
        f"{tasks} task{'s' * (tasks != 1)}",
        state,
    )
    return " · ".join(filter(None, (*parts, "baseline" if is_baseline else "")))


def offer_methods(store: Store, chosen: Sequence[Run]) -> None:
    """Offer to start the first chosen run's settings with other methods, so that there is something to compare."""
    with st.container(border=True, key="offer"):
        if not chosen:
            st.markdown("**Choose two or more runs** above to see them side by side.")
            return
        run = chosen[0]
        st.markdown(
            f"**Nothing to compare {title_text(run)} with yet.** Choose more runs above, or start its settings with:"
        )
        with st.container(horizontal=True, gap="small"):
            for method in METHODS:
                if method != run.spec.method and _button(method):
                    _queue(store, chosen, method)


def _button(method: str) -> bool:
    return st.button(f"Queue {method}", icon=":material/playlist_add:", help=METHODS[method].about)


def _queue(store: Store, chosen: Sequence[Run], method: str) -> None:
    """Add a run of another method to those that are compared; one that is there already is taken as it is."""
    added: list[str] = []
    if attempt(lambda: added.append(_run_of(store, chosen[0], method))):
        _link_to([*_linked(), *added])
        start_engine(store)
        st.rerun()


def _run_of(store: Store, like: Run, method: str) -> str:
    spec = with_method(like.spec, method)
    same = (run for run in store.runs() if run.spec == spec and run.data == like.data and run.state not in _GONE)
    return next((run.id for run in same), None) or store.add(spec, like)
