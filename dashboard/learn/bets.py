"""The bets of a class on a step of the lesson: students place theirs, and the lecturer reveals them all at once."""

from __future__ import annotations

from functools import partial

import streamlit as st

from clnp_core.runs.store import Store, default_location
from dashboard.learn.step import Step
from dashboard.shared.errors import attempt
from dashboard.shared.follow import follow
from dashboard.shared.store import open_store
from dashboard.shared.visit import classroom, is_student, visitor

REVEAL, REVEAL_KEY = "reveal-bets", "b"
_SECONDS = 2


def class_store(step: Step) -> Store | None:
    """Open the store of the class that bets on a step; None where there is no class, or nothing to bet on."""
    return open_store(default_location()) if step.show_bet and classroom() else None


def own_bet(store: Store, step: Step) -> int | None:
    """Give the place of the slider that the visitor has bet on; None for the lecturer, and who has not bet."""
    return store.bets(step.part).get(visitor().name)


def show_betting(store: Store, step: Step, place: int) -> None:
    """Let a student bet on a place of the slider, and the lecturer see how many have, and reveal what."""
    draw = partial(_show_students if is_student() else _show_lecturers, store, step, place)
    follow(draw, not store.is_revealed(step.part), _SECONDS)


def _show_students(store: Store, step: Step, place: int) -> bool:
    """Show a student's own bet. Returns whether it can still be changed."""
    if store.is_revealed(step.part):
        return False
    own = own_bet(store, step)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Place the bet" if own is None else "Change the bet",
            type="primary",
            icon=":material/casino:",
            disabled=own == place,
            on_click=lambda: attempt(lambda: store.bet(step.part, place, visitor().name)),
        )
        st.markdown(
            "The class will see how many bet on what, not who."
            if own is None
            else f"Your bet is **{step.places[own]}** until all are revealed.",
            width="stretch",
        )
    return True


def _show_lecturers(store: Store, step: Step, place: int) -> bool:
    """Show the lecturer how many have bet. Returns whether bets are still taken."""
    revealed = store.is_revealed(step.part)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Take bets again" if revealed else "Reveal the bets",
            key=REVEAL,
            shortcut=REVEAL_KEY,
            type="secondary" if revealed else "primary",
            icon=":material/bar_chart:",
            on_click=lambda: attempt(lambda: store.reveal(step.part, not revealed)),
        )
        st.markdown(f"**{len(store.bets(step.part))} of {len(store.students())}** have bet", width="stretch")
    return not revealed
