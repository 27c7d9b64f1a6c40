"""The controls of the partition page: which task, one after another, and before or after severing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import streamlit as st

from clnp_core.runs.store import Run
from dashboard.components.copy_link import copy_link
from dashboard.components.live_slider import live_slider
from dashboard.partition.state import View, change, is_due, is_playing, play, show, stop

_AFTER, _BEFORE = "After severing", "Before"


def step_if_due(view: View, learned: int) -> View:
    """Go on to the next task, if the network is filling up and it is time."""
    if not is_due():
        return view
    task = min((learned if view.task is None else view.task) + 1, learned)
    if task == learned:
        stop()
    moved = replace(view, task=task)
    show(moved, settled=task == learned)
    return moved


def show_player(view: View, task: int, learned: int) -> None:
    """Show the buttons: one task back, fill up, one task on."""

    def at(now: View) -> int:
        return learned if now.task is None else now.task

    def step(by: int) -> None:
        stop()
        change(view, lambda now: replace(now, task=min(max(0, at(now) + by), learned)))

    def start() -> None:
        change(view, lambda now: replace(now, task=at(now) % learned), settled=False)
        play()

    with st.container(horizontal=True, gap="small"):
        st.button("Back", icon=":material/skip_previous:", on_click=step, args=(-1,), disabled=task == 0)
        if is_playing():
            st.button("Pause", icon=":material/pause:", on_click=step, args=(0,))
        else:
            about = "Watch the network fill up, task after task."
            st.button("Play", icon=":material/play_arrow:", on_click=start, type="primary", help=about)
        st.button("Step", icon=":material/skip_next:", on_click=step, args=(1,), disabled=task == learned)


def choose_task(run: Run, view: View, task: int, learned: int) -> None:
    """Choose among the tasks that were learned. At its end the slider follows a run that learns more."""

    def move(place: int, settled: bool) -> None:
        stop()
        follows = place == learned and run.is_active
        change(view, lambda now: replace(now, task=None if follows else place), settled)

    of_all = f"of {run.spec.stream.tasks}"
    texts = ["before the first task", *(f"after task {each} {of_all}" for each in range(1, learned + 1))]
    live_slider("The network", texts, task, move, f"task {run.id}")


def choose_layer(view: View, names: Sequence[str], layer: int) -> None:
    """Choose into which layer the weights are looked at.

    Parameters
    ----------
    view : View
    names : sequence of str
        Of all layers, the input first.
    layer : int
        The one that is chosen, 1 for the first hidden one.
    """
    pairs = [f"{below} → {name}" for below, name in pairwise(names)]
    key = f"weights into {view.run} {layer}"
    st.segmented_control(
        "Weights into",
        pairs,
        default=pairs[layer - 1],
        required=True,
        key=key,
        on_change=lambda: change(view, lambda now: replace(now, layer=pairs.index(st.session_state[key]) + 1)),
    )


def choose_severing(view: View) -> None:
    """Choose whether the interference is shown that pruning cut; beside it, copy the link to what is shown."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", horizontal_alignment="right"):
        key = f"severing {view.before}"
        st.segmented_control(
            "Interference",
            [_AFTER, _BEFORE],
            default=_BEFORE if view.before else _AFTER,
            required=True,
            key=key,
            on_change=lambda: change(view, lambda now: replace(now, before=st.session_state[key] == _BEFORE)),
            help="Weights from neurons that the task gave back into neurons that it claimed. Pruning sets them to 0.",
        )
        copy_link()
