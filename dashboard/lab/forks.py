"""Where a run comes from: the tree of forks that it is part of, in which each run is a link."""

from collections.abc import Sequence

import streamlit as st

from clnp_core.runs.store import Run
from clnp_core.runs.views.forks import Fork, family
from dashboard.shared.link import link_on_page
from dashboard.shared.run_text import plain, title_text
from dashboard.shared.visit import is_student

_MOST_DRAWN = 40


def show_origin(run: Run, runs: Sequence[Run]) -> None:
    """Tell of which run it is a fork, if of any, and draw the tree of forks that it is part of, if there are others."""
    tree = family(run, runs)
    parent = next((each for each in runs if each.id == run.parent), None)
    if run.spec.fork_of:
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="origin"):
            deleted = f"{run.parent}, {_gone()}" if run.parent else "a deleted run"
            st.caption("Forked from" if parent else f"Forked from {deleted}.", width="content")
            if parent:
                _link(parent)
            st.caption(f"These settings hold from task {run.spec.at_task} on.", width="content")
    if len(tree) > 1:
        with st.expander(f"Forks: a tree of {len(tree)} runs", icon=":material/account_tree:", key="forks"):
            _draw(tree[:_MOST_DRAWN], run)
            if len(tree) > _MOST_DRAWN:
                st.caption(f"And {len(tree) - _MOST_DRAWN} more, which are in the list.")


def _draw(tree: Sequence[Fork], shown: Run) -> None:
    """Draw each run below the one that it was forked from, set in beside a line."""
    places = [st.container(gap=None)]
    for fork in tree:
        place = places[fork.depth].container(gap=None, key=f"fork {fork.id}")
        with place.container(horizontal=True, gap="small", vertical_alignment="center"):
            if fork.run is None:
                st.caption(f"{fork.id}, {_gone()}", width="content")
            elif fork.id == shown.id:
                st.markdown(f"**{title_text(shown)}** :small[:gray[this run]]", width="content")
            else:
                _link(fork.run)
            if fork.change:
                st.caption(plain(fork.change), width="content")
        places[fork.depth + 1 :] = [place]


def _gone() -> str:
    """Tell why a run that others come from is not shown."""
    return "which is deleted or not shared" if is_student() else "which has been deleted"


def _link(run: Run) -> None:
    st.page_link("lab/page.py", label=title_text(run), query_params=link_on_page(run.id))
