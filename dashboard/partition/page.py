"""The partition: the network as neurons and edges, task by task, as it fills up (Fig. 1 of the paper, alive).

Of a method that claims no neurons but weighs its weights: how important each of them is.
"""

import streamlit as st

from clnp_core.runs.fold.results import Record
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.anatomy import anatomy
from dashboard.partition.controls import choose_severing, choose_task, show_player, step_if_due
from dashboard.partition.importance import show_importance
from dashboard.partition.neuron import look_at_neuron
from dashboard.partition.state import current, is_playing
from dashboard.partition.view import checked, show_graph, show_matrix
from dashboard.shared.run_page import run_page

TITLE = "Partition"
PLACE = 2


def show_run(store: Store, run: Run, records: list[Record]) -> None:
    """Show controls, graph, the neuron that is looked at, and the matrix."""
    learned = len(records)
    view = step_if_due(current(run.id), learned)
    task = learned if view.task is None else view.task
    if run.spec.weighs:
        show_importance(store, run, view, min(max(1, task), learned), learned)
        return
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
        show_player(view, task, learned)
    with right:
        choose_severing(view)
    with middle:  # last, for by being drawn it asks for the next value
        choose_task(run, view, task, learned)


run_page(TITLE, show_run, wanted=lambda spec: spec.partitions or spec.weighs, is_moving=is_playing, seconds=0.8)
