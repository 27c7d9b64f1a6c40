"""One neuron of the partition page: whose it is, what it does for each task, and what it looks at."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from clnp_core.analysis import figures
from clnp_core.analysis.anatomy import Anatomy
from clnp_core.networks.partition import FREE_OWNER
from dashboard.components.live_chart import live_chart
from dashboard.partition.state import View, change
from dashboard.partition.view import anatomy_code


def look_at_neuron(anatomy: Anatomy, view: View) -> None:
    """Choose a neuron, and show what is known of it."""
    _choose(anatomy, view)
    if not view.neuron:
        st.caption(
            "Click a neuron to see what it depends on, what depends on it, and what it looks at. Neurons are counted "
            "from 0 in each layer."
        )
        return
    layer, place = view.neuron
    owner = int(anatomy.owners[layer - 1][place])
    ancestors, descendants = anatomy.related(layer, place).counts
    whose = f"Claimed by task {owner}." if owner else "Free: no task has claimed it."
    st.markdown(
        f"**{anatomy.names[layer].capitalize()}, neuron {place}.** {whose}  \n"
        f"{ancestors} ancestors and {descendants} descendants among the hidden neurons, through nonzero weights."
    )
    if anatomy.task:
        st.caption(_inputs_in_words(anatomy, layer, place))
        _show_activity(anatomy, view, owner)
        _show_looks(anatomy, view)


def _choose(anatomy: Anatomy, view: View) -> None:
    """Choose a neuron by keyboard, as by clicking it."""
    hidden, names = range(1, len(anatomy.names) - 1), anatomy.names
    layer, place = view.neuron or (1, None)
    keys = [f"{what} {view.run} {view.neuron}" for what in ("layer of neuron", "neuron")]

    def choose() -> None:
        to, at = (st.session_state[key] for key in keys)
        if to != layer and at == place:  # the number is still of a neuron of the other layer
            at = 0
        neuron = None if at is None else (to, min(at, len(anatomy.owners[to - 1]) - 1))
        change(view, lambda now: replace(now, neuron=neuron))

    def close() -> None:
        change(view, lambda now: replace(now, neuron=None))

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Layer", hidden, layer - 1, format_func=names.__getitem__, key=keys[0], on_change=choose, width=120
        )
        most = len(anatomy.owners[layer - 1]) - 1
        st.number_input("Neuron", 0, most, place, placeholder="none", key=keys[1], on_change=choose, width=130)
        if view.neuron:
            st.button("Close", icon=":material/close:", on_click=close)


def _inputs_in_words(anatomy: Anatomy, layer: int, place: int) -> str:
    inputs = anatomy.strongest_inputs(layer, place)
    told = [
        f"{row.source} ({f'task {row.owner}, ' if row.owner > FREE_OWNER else ''}{row.weight:+.3g})"
        for row in inputs.itertuples()
    ]
    return f"Strongest inputs: {', '.join(told)}." if told else "All its weights are 0."


def _show_activity(anatomy: Anatomy, view: View, owner: int) -> None:
    layer, place = view.neuron
    activity = anatomy.activity[layer - 1][:, place]
    if not (activity > 0).any():
        st.caption("It was active for no task: it had died or was given back.")
        return
    told = ", ".join(f"{value:.3g} for task {task}" for task, value in enumerate(activity, 1) if value == value)
    call = f"activity = anatomy.activity[{layer - 1}][:, {place}]\nfigures.neuron_activity(activity, {owner})"
    live_chart(
        figures.neuron_activity(activity, owner, _theme()),
        f"activity {view.run}",
        f"Mean activity of the neuron: {told}.",
        code=anatomy_code(view.run, anatomy, call),
    )


def _show_looks(anatomy: Anatomy, view: View) -> None:
    layer, place = view.neuron
    image, signed = anatomy.looks_at(layer, place), layer == 1
    live_chart(
        figures.looks_at(image, _theme(), signed=signed),
        f"looks {view.run}",
        "What the neuron looks at: "
        + ("its weights, as an image." if signed else "its weights projected onto the input, as an image."),
        code=anatomy_code(view.run, anatomy, f"figures.looks_at(anatomy.looks_at({layer}, {place}), signed={signed})"),
    )
    channels = anatomy.architecture.input_shape[0]
    undone = " The task's permutation of the pixels is undone." if anatomy.permutations is not None else ""
    side = " Channels side by side." if channels > 1 else ""
    about = (
        "Its weights: blue excites it, orange inhibits it."
        if signed
        else "Magnitudes of its weights, projected down through those below: where it looks, not for what."
    )
    st.caption(about + side + undone)


def _theme() -> figures.Theme:
    return st.context.theme.type or "light"
