"""The figures of the partition page: the network as neurons and edges, and the weights into a layer as a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from clnp_core.analysis import figures
from clnp_core.analysis.anatomy import Anatomy, Kind
from clnp_core.errors import SpecError
from clnp_core.networks import partition
from dashboard.components.live_chart import live_chart
from dashboard.partition.controls import choose_layer
from dashboard.partition.state import View, change
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code

_ABOUT = {
    Kind.ACTIVE: "from a task's own neurons, or the input, into its neurons: frozen for good",
    Kind.REUSE: "from an earlier task's neuron into a later one's: knowledge used again, frozen too",
    Kind.FREE: "from the input or a free neuron into a free neuron: the next task trains them",
    Kind.TRANSFER: "from a claimed neuron into a free one: the next task may build on it",
    Kind.INTERFERENCE: "from a free neuron into a claimed one: exactly 0, or training would change earlier answers",
    Kind.SEVERED: "from a later task's neuron into an earlier one's: exactly 0, for ever",
}


def checked(view: View, last: Anatomy, shown: Anatomy) -> View:
    """Check that there is what the view names in the run's last network, and drop a neuron that is not there yet.

    Raises
    ------
    SpecError
        If there is no such neuron, or no such layer.
    """
    widths = list(map(len, last.owners))
    if view.layer is not None and not 0 < view.layer < len(last.names):
        raise SpecError(f"There is no layer {view.layer} that weights lead into; give 1 to {len(widths) + 1}.")
    if not view.neuron:
        return view
    layer, place = view.neuron
    if not (0 < layer <= len(widths) and place < widths[layer - 1]):
        raise SpecError(
            f"There is no neuron {layer}:{place}; hidden layers 1 to {len(widths)} have "
            f"{', '.join(map(str, widths))} neurons, counted from 0."
        )
    is_there = place < len(shown.owners[layer - 1])  # a layer may have grown since
    return view if is_there else replace(view, neuron=None)


def show_graph(anatomy: Anatomy, view: View) -> None:
    """Show the network as neurons and bundles of weights; a click looks at a neuron, another one no more."""
    theme, task = st.context.theme.type or "light", anatomy.task
    before = ", before severing" if view.before else ""
    title = f"The partition after task {task}{before}" if task else "The partition before the first task"
    arguments = ["anatomy.neurons", "anatomy.bundles"]
    arguments += ["anatomy.related({}, {})".format(*view.neuron)] if view.neuron else []
    arguments += ["before=True"] if view.before else []
    call = f'figures.partition_graph({", ".join(arguments)}, title="{title}")'

    def draw() -> Figure:
        related = anatomy.related(*view.neuron) if view.neuron else None
        return figures.partition_graph(
            anatomy.neurons, anatomy.bundles, related, theme, before=view.before, title=title
        )

    live_chart(
        shared_figure(("partition", view.run, task, view.neuron, view.before, theme), draw),
        f"partition {view.run}",
        f"{title}. {_in_words(anatomy)}",
        code=anatomy_code(view.run, anatomy, call),
        on_click=lambda address: select(view, address),
    )
    st.caption(_in_words(anatomy) + _cut_in_words(anatomy))


def select(view: View, address: str | None) -> None:
    """Look at the neuron of that address, such as "2:17"; at none, if it is looked at already."""
    if address:
        layer, place = map(int, address.split(":"))
        change(view, lambda now: replace(now, neuron=None if now.neuron == (layer, place) else (layer, place)))


def _in_words(anatomy: Anatomy) -> str:
    """Tell how full the network is."""
    layers = zip(anatomy.names[1:-1], anatomy.owners, strict=True)
    free = ", ".join(f"{partition.free_count(owner)} of {len(owner)} in {name}" for name, owner in layers)
    return f"Free neurons: {free}."


def _cut_in_words(anatomy: Anatomy) -> str:
    """Tell what severing took away."""
    if not anatomy.task:
        return ""
    cut = anatomy.bundles[["cut", "cut_sum"]].sum()
    if not cut["cut"]:
        return (
            f" Task {anatomy.task} left no interference to cut: the neurons that it gave back had died in training "
            "or have no links to its own."
        )
    return (
        f" Pruning task {anatomy.task} cut {int(cut['cut']):,} links that led from neurons it gave back to neurons it "
        f"claimed (together |w| = {cut['cut_sum']:.3g})."
    )


def show_matrix(anatomy: Anatomy, view: View) -> None:
    """Show the weights into a layer by class: the matrix, and how many of each there are."""
    layer = view.layer or min(2, len(anatomy.owners))
    st.subheader("Every weight, by class", anchor=False)
    choose_layer(view, anatomy.names, layer)
    not_cut = anatomy.task if view.before and anatomy.cuts and anatomy.cuts[layer - 1] else None
    matrix, classes = st.columns([2.6, 1], gap="medium")
    with matrix:
        alt = f"Weights into {anatomy.names[layer]} by class. The table beside it has their numbers."
        show_classes(view.run, anatomy, layer, alt, not_cut, lambda address: select(view, address))
    with classes:
        _show_counts(anatomy.counts(layer))


def show_classes(
    run: str,
    anatomy: Anatomy,
    layer: int,
    alt: str,
    not_cut: int | None = None,
    on_click: Callable[[str | None], object] | None = None,
) -> None:
    """Show the weights into a layer of a run's network by class, as a matrix.

    `not_cut` is the task whose interference is shown as it was before it was cut; the others are as `live_chart` takes
    them.
    """
    theme = st.context.theme.type or "light"

    def draw() -> Figure:
        target, source = anatomy.owners_at(layer), anatomy.owners_at(layer - 1)
        return figures.weight_classes(target, source, anatomy.names, layer, theme, not_cut=not_cut)

    option = f", not_cut={not_cut}" if not_cut else ""
    live_chart(
        shared_figure(("weight classes", run, anatomy.task, layer, not_cut, theme), draw),
        f"weights {run} {layer}",
        alt,
        code=anatomy_code(
            run,
            anatomy,
            f"target, source = anatomy.owners_at({layer}), anatomy.owners_at({layer - 1})\n"
            f"figures.weight_classes(target, source, anatomy.names, {layer}{option})",
        ),
        on_click=on_click,
    )


def _show_counts(counts: dict[Kind, int]) -> None:
    total = sum(counts.values())
    rows = [
        {"Class": kind.name.capitalize(), "Weights": f"{count:,}", "Share": f"{count / total:.1%}"}
        for kind, count in counts.items()
        if count
    ]
    st.table(pd.DataFrame(rows), hide_index=True)
    there = [f"**{kind.name.capitalize()}**: {_ABOUT[kind]}." for kind, count in counts.items() if count]
    st.caption("  \n".join(there))


def anatomy_code(run: str, anatomy: Anatomy, call: str) -> str:
    """Write the lines that make a figure of an anatomy in a notebook."""
    return run_code(run, f"anatomy = run.anatomy({anatomy.task})\n{call}")
