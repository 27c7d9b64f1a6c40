"""Which run a page looks at: the one that the address names, else the last one looked at, else the newest."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from dashboard.shared.link import link_to, linked_run

_LOOKED_AT = "run looked at"


def pick_run(
    store: Store, wanted: Callable[[RunSpec], bool] = lambda spec: True
) -> tuple[Run, list[dict[str, Any]]] | None:
    """A box to choose among the runs that have learned something. In the address, and kept from page to page.

    Parameters
    ----------
    store : Store
    wanted : callable, optional
        Which specifications the page has something to show of.

    Returns
    -------
    Run and the records of its tasks; None where there is none yet, which is then said.

    Raises
    ------
    StoreError
        If the address names a run that there is not.
    """
    learned = store.learned_tasks()
    runs = {run.id: run for run in store.runs() if run.id in learned and wanted(run.spec)}
    before = st.session_state.get(_LOOKED_AT)
    if not linked_run():
        if not runs:
            _invite()
            return None
        link_to(before if before in runs else next(iter(runs)))
    run = runs.get(linked_run()) or store.run(linked_run())
    if run.id not in runs:
        st.info(f"There is nothing to show here of {run.id}. Choose another run.", icon=":material/info:")
    else:
        st.session_state[_LOOKED_AT] = run.id
    key = f"pick {run.id}"
    st.selectbox(
        "Run",
        list(runs),
        list(runs).index(run.id) if run.id in runs else None,
        key=key,
        on_change=lambda: link_to(st.session_state[key]),
        placeholder="Choose a run",
        width=320,
    )
    return (run, store.learned(run.id)) if run.id in runs else None


def is_live(store: Store) -> bool:
    """Whether what a page shows of a run changes by itself: the run is active, or none is chosen yet and any is.

    Other runs do not count: with a class of visitors, one run at work would keep everybody's pages busy.

    Raises
    ------
    StoreError
        If the address names a run that there is not.
    """
    if linked_run():
        return store.run(linked_run()).is_active
    return any(run.is_active for run in store.runs())


def _invite() -> None:
    """What a store in which nothing was learned shows."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.subheader("Nothing has been learned yet", anchor=False, text_alignment="center")
        st.markdown(
            "Start a run in the Lab. As soon as its first task is learned, it is shown here.",
            text_alignment="center",
            width=520,
        )
        st.page_link("lab/page.py", label="To the Lab", icon=":material/science:")
        st.space("small")
