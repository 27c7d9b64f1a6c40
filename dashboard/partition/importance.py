"""How important each weight is to the tasks so far, beside the owners that CLNP has in the same network."""

from __future__ import annotations

import streamlit as st
from plotly.graph_objects import Figure

from clnp_core.analysis import figures
from clnp_core.analysis.importance import Importance
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.anatomy import anatomy
from clnp_core.runs.views.importance import importance
from dashboard.components.copy_link import copy_link
from dashboard.components.live_chart import live_chart
from dashboard.partition.controls import choose_layer, choose_task
from dashboard.partition.state import View
from dashboard.partition.view import show_classes
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code
from dashboard.shared.run_text import title_text


def show_importance(store: Store, run: Run, view: View, task: int, learned: int) -> None:
    """Show the map of a layer's weights after a task, and the same layer of a run that claims neurons."""
    shown = importance(store, run.id, task)
    layer = min(view.layer or 2, len(shown.names) - 1)
    slider, link = st.columns([4, 1], gap="medium", vertical_alignment="bottom")
    with link, st.container(horizontal=True, horizontal_alignment="right"):
        copy_link()
    choose_layer(view, shown.names, layer)
    own, other = st.columns(2, gap="medium")
    with own:
        _show_map(shown, run, layer)
    with other:
        _show_owners(store, run, task, layer)
    with slider:  # last, for by being drawn it asks for the next value
        choose_task(run, view, task, learned)


def _show_map(shown: Importance, run: Run, layer: int) -> None:
    theme, name = st.context.theme.type or "light", shown.names[layer]

    def draw() -> Figure:
        return figures.weight_importance(shown.links(layer), shown.names, layer, theme)

    live_chart(
        shared_figure(("importance", run.id, shown.task, layer, theme), draw),
        f"importance {run.id} {layer}",
        f"Importance of the weights into {name}, the neurons with the most of it first.",
        code=run_code(
            run.id,
            f"shown = run.importance({shown.task})\n"
            f"figures.weight_importance(shown.links({layer}), shown.names, {layer})",
        ),
    )
    share = _concentration(run.id, shown.task, layer, shown)
    if share == share:
        st.caption(
            f"{run.spec.method}, after task {shown.task}: nine tenths of the importance lies on {share:.1%} of the "
            f"weights into {name}. Nothing is frozen: the more important a weight, the more it costs to move it."
        )


@st.cache_data(max_entries=1000, show_spinner=False)
def _concentration(run: str, task: int, layer: int, _shown: Importance) -> float:
    """Compute it once, and not whenever the page is drawn: it sorts millions of weights, which never change."""
    return _shown.concentration(layer)


def _show_owners(store: Store, run: Run, task: int, layer: int) -> None:
    """Show the same layer of the newest run with the same network and stream that claims neurons, if there is one."""
    spec, learned = run.spec, store.learned_tasks()
    alike = (
        other
        for other in store.runs()
        if other.spec.partitions
        and learned.get(other.id, 0) >= task
        and other.spec.stream == spec.stream
        and other.spec.architecture == spec.architecture
    )
    other = next(alike, None)
    if other is None:
        st.info(
            "A run of CLNP with the same network and stream would stand here, with an owner for every neuron.",
            icon=":material/info:",
        )
        return
    claimed = anatomy(store, other.id, task)
    show_classes(other.id, claimed, layer, f"Weights into {claimed.names[layer]} by class, of {other.title}.")
    st.caption(f"{title_text(other)}, after task {task}: what a task has claimed is frozen; the rest is free.")
