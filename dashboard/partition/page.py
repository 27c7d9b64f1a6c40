"""The partition: the network as neurons and edges, task by task, as it fills up (Fig. 1 of the paper, alive)."""

from typing import Any

import streamlit as st

from clnp_core.runs.store import Run, Store, default_location
from clnp_core.runs.views.anatomy import anatomy
from dashboard.partition.controls import choose_severing, choose_task, show_steps, step_if_due
from dashboard.partition.neuron import look_at_neuron
from dashboard.partition.state import View, current, is_playing
from dashboard.partition.view import checked, show_graph, show_matrix
from dashboard.shared.requests import open_store
from dashboard.shared.run_picker import is_live, pick_run
from dashboard.shared.said import said
from dashboard.shared.words import settings

_TICK_SECONDS = 0.8


def main() -> None:
    st.title("Partition", anchor=False)
    with said():
        store = open_store(default_location())
        ticking = is_moving(store)
        st.fragment(follow, run_every=_TICK_SECONDS if ticking else None)(store, ticking)


def is_moving(store: Store) -> bool:
    """Whether the page changes by itself: the run is active, or the network is filling up."""
    return is_playing() or is_live(store)


def follow(store: Store, ticking: bool) -> None:
    """The run that is looked at, again and again for as long as something moves."""
    with said():
        picked = pick_run(store, lambda spec: spec.partitions)
        if picked:
            explore(store, *picked)
        if is_moving(store) != ticking:
            st.rerun()


def explore(store: Store, run: Run, records: list[dict[str, Any]]) -> None:
    st.caption(settings(run.spec))
    view = step_if_due(current(run.id), len(records))
    show_all(store, run, view, len(records))


def show_all(store: Store, run: Run, view: View, learned: int) -> None:
    """Controls, graph, the neuron that is looked at, and the matrix."""
    task = learned if view.task is None else view.task
    shown = anatomy(store, run.id, task)
    view = checked(view, anatomy(store, run.id, learned), shown)
    left, middle, right = st.columns([1.3, 2, 1.7], gap="medium", vertical_alignment="bottom")
    graph, neuron = st.columns([2.6, 1], gap="medium")
    with graph:
        show_graph(shown, view)
    with neuron:
        look_at_neuron(shown, view)
    show_matrix(shown, view)
    with left:
        show_steps(view, task, learned)
    with right:
        choose_severing(view)
    with middle:  # last, for by being drawn it asks for the next value
        choose_task(run, view, task, learned)


main()
