"""One run's capacity on the page: used, free and forecast, and whose neurons its tasks use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.analysis.capacity import in_words
from clnp_core.analysis.reuse import share_reused
from clnp_core.runs.fold.results import LayerSummary
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.reuse import reuse
from clnp_core.runs.views.transfer import tells_transfer, transfer
from dashboard.components.live_chart import live_chart
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code

_COLUMNS = 3
_TRANSFER = (
    "The more of a layer is used again, the better its features transfer. With natural images the features of lower "
    "layers transfer best (Yosinski et al. 2014); if tasks permute the pixels, the first layer has little to share."
)

_LEAST_VALUES = 2
_ALIKE = (
    "What comes of how alike tasks are, in the {runs} finished runs that differ in `stream.{setting}` and seeds alone: "
    "how much of what earlier tasks claimed a later one uses again, and how much it claims itself. Marks are means "
    "over runs, bars one standard deviation. What transfers is used again, and need not be claimed anew."
)


def show_capacity(run: Run, hidden: Sequence[LayerSummary]) -> None:
    """Show how full each hidden layer is, by task and over tasks, and how long it will last."""
    theme, tasks = st.context.theme.type or "light", run.spec.stream.tasks
    layers = [layer.to_json() for layer in hidden]
    outlook = in_words(layers)
    with st.container(horizontal=True):
        for layer in hidden:
            used = 1 - layer.free / layer.width
            about = f"{layer.width - layer.free} of {layer.width} neurons are claimed."
            st.metric(f"Used in {layer.name}", f"{used:.1%}", help=about, border=True, width="stretch")
    st.markdown(f":material/hourglass_bottom: {outlook}")
    left, right = st.columns(2)
    with left:
        live_chart(
            shared_figure(("used", layers, tasks, theme), lambda: figures.used_capacity(layers, tasks, theme)),
            f"{run.id} used capacity",
            f"Used capacity after each task. {outlook}",
            code=run_code(run.id, f'figures.used_capacity(run.summary()["layers"], tasks={tasks})'),
        )
    with right:
        live_chart(
            shared_figure(("capacity", layers, theme), lambda: figures.capacity(layers, theme)),
            f"{run.id} capacity by task",
            "Used capacity, by task. "
            + " ".join(f"{layer.name}: tasks claimed {', '.join(map(str, layer.claimed))}." for layer in hidden),
            code=run_code(run.id, 'figures.capacity(run.summary()["layers"])'),
        )


def show_reuse(store: Store, run: Run) -> None:
    """Show whose neurons later tasks use.

    Raises
    ------
    StoreError
        If an artifact of the run is damaged.
    """
    theme, table = st.context.theme.type or "light", reuse(store, run.id)
    of, shares = (run.id, len(table)), share_reused(table)
    means = shares.groupby("layer", sort=False)["share"].mean()
    st.caption(_about(run, shares))
    left, right = st.columns(2)
    with left:
        live_chart(
            shared_figure(("in use", *of, theme), lambda: figures.neurons_in_use(table, theme)),
            f"{run.id} neurons in use",
            "Neurons that each task uses, its own and those of earlier tasks, by layer.",
            code=run_code(run.id, "figures.neurons_in_use(run.reuse())"),
        )
    if shares.empty:
        return
    with right:
        live_chart(
            shared_figure(("reuse by layer", *of, theme), lambda: figures.reuse_by_layer(table, theme)),
            f"{run.id} reuse by layer",
            "Share of earlier tasks' neurons that a task uses again, on average: "
            + ", ".join(f"{name} {mean:.0%}" for name, mean in means.items()),
            code=run_code(run.id, "figures.reuse_by_layer(run.reuse())"),
        )
        st.caption(_TRANSFER)
    st.caption("For each layer, whose neurons each task uses. The diagonal shows how many it claimed itself.")
    columns = st.columns(min(_COLUMNS, max(2, len(means))))
    for place, name in enumerate(means.index):
        with columns[place % len(columns)]:
            live_chart(
                shared_figure(("reuse", name, *of, theme), partial(figures.reuse_matrix, table, name, theme)),
                f"{run.id} reuse {name}",
                f"Matrix: whose neurons of {name} each task uses, in per cent of those the owner claimed.",
                code=run_code(run.id, f'figures.reuse_matrix(run.reuse(), "{name}")'),
            )


def show_transfer(store: Store, run: Run) -> None:
    """Show reuse against how alike tasks are, where the store has runs that differ in that alone.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    if not tells_transfer(run.spec):
        return
    theme, table = st.context.theme.type or "light", transfer(store, run.id)
    if table.iloc[:, 0].nunique() < _LEAST_VALUES:
        return
    setting, runs = table.columns[0], table["run"].nunique()
    left, right = st.columns(2, vertical_alignment="center")
    with left:
        live_chart(
            shared_figure(("transfer", *table["run"], theme), lambda: figures.transfer(table, theme)),
            f"{run.id} transfer",
            f"By {setting}, of {runs} runs: share of earlier tasks' neurons that a later task uses again, and neurons "
            "that it claims, by layer.",
            code=run_code(run.id, "figures.transfer(run.transfer())"),
        )
    right.caption(_ALIKE.format(runs=runs, setting=setting))


def _about(run: Run, shares: pd.DataFrame) -> str:
    """Tell what reuse means, and what there is none of."""
    parts = [
        "A later task can read every neuron that earlier tasks claimed, but changes none. A neuron counts as used "
        "again if its mean activity on the later task's training images is above that task's θ."
    ]
    if shares.empty:
        parts.append("So far there is nothing to use again.")
    if run.spec.head == "single":
        last = run.spec.architecture.hidden[-1].name
        parts.append(
            f"In the last hidden layer, {last}, nothing is used again: the single head's mask hides the neurons of "
            "other tasks there."
        )
    return " ".join(parts)
