"""The page of one run: the one that the address names, else the one looked at last, else the newest."""

from collections.abc import Callable

import streamlit as st

from clnp_core.runs.fold.results import Record
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store, default_location
from dashboard.shared.empty import show_nothing_learned
from dashboard.shared.errors import show_errors
from dashboard.shared.follow import follow
from dashboard.shared.link import keep_looked_at, link_to_run, linked_run, looked_at
from dashboard.shared.run_text import settings_text, title_text
from dashboard.shared.store import open_store


def run_page(
    title: str,
    show: Callable[[Store, Run, list[Record]], None],
    wanted: Callable[[RunSpec], bool] = lambda spec: True,
    is_moving: Callable[[], bool] = lambda: False,
    seconds: float = 1,
) -> None:
    """Choose a run that has learned something, show it, and follow it while it learns.

    Parameters
    ----------
    title : str
    show : callable
        Shows a run of a store, given the records of its tasks.
    wanted : callable, optional
        Tells of a specification whether the page has something to show of its runs.
    is_moving : callable, optional
        Tells whether the page moves although no run does.
    seconds : float
        From one drawing to the next, while anything changes.
    """
    st.title(title, anchor=False)
    with show_errors():
        store = open_store(default_location())

        def draw() -> bool:
            if picked := _pick_run(store, wanted):
                st.caption(settings_text(picked[0].spec))
                show(store, *picked)
            return is_moving() or _is_live(store)

        follow(draw, is_moving() or _is_live(store), seconds)


def _pick_run(store: Store, wanted: Callable[[RunSpec], bool]) -> tuple[Run, list[Record]] | None:
    """Choose among the wanted runs that have learned something; the choice is kept in the address and between pages.

    Returns
    -------
    Run and the records of its tasks; None where there is none to show, which the page then says.

    Raises
    ------
    StoreError
        If the address names a run that there is not.
    """
    learned = store.learned_tasks()
    runs = {run.id: run for run in store.runs() if run.id in learned and wanted(run.spec)}
    before = looked_at()
    if not linked_run():
        if not runs:
            show_nothing_learned("it is shown here.")
            return None
        link_to_run(before if before in runs else next(iter(runs)))
    run = runs.get(linked_run()) or store.run(linked_run())
    if run.id not in runs:
        st.info(f"There is nothing to show here of {title_text(run)}. Choose another run.", icon=":material/info:")
    else:
        keep_looked_at(run.id)
    key = f"pick {run.id}"
    st.selectbox(
        "Run",
        list(runs),
        list(runs).index(run.id) if run.id in runs else None,
        key=key,
        format_func=lambda each: runs[each].called,
        on_change=lambda: link_to_run(st.session_state[key]),
        placeholder="Choose a run",
        width=320,
    )
    return (run, store.learned(run.id)) if run.id in runs else None


def _is_live(store: Store) -> bool:
    """Tell whether the page changes by itself: its run is active, or it has none yet and any is.

    Other runs do not count: with a class of visitors, one run at work would keep everybody's pages busy.

    Raises
    ------
    StoreError
        If the address names a run that there is not.
    """
    if linked_run():
        return store.run(linked_run()).is_active
    return any(run.is_active for run in store.runs())
