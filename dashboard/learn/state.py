"""The place in the lesson, in the address: the step, where its slider stands, and whether it is a lecture."""

from __future__ import annotations

import streamlit as st

from clnp_core.errors import SpecError


def current_step(steps: int) -> int:
    """Give the step that the address names, 1 for the first.

    Raises
    ------
    SpecError
        If there is none of that number.
    """
    given = st.query_params.get("step", "1")
    if not given.isdecimal() or not 1 <= int(given) <= steps:
        raise SpecError(f"The lesson has no step {given!r}; it has steps 1 to {steps}.")
    return int(given)


def is_lecture() -> bool:
    """Tell whether the lesson is shown to many."""
    return st.query_params.get("lecture") == "1"


def go_to(step: int, lecture: bool) -> None:
    """Put a step into the address, with the slider where it was left."""
    link = {"step": str(step)} | ({"lecture": "1"} if lecture else {})
    kept = st.session_state.get(_key(step))
    st.query_params.from_dict(link if kept is None else link | {"at": str(kept)})


def slider_place(step: int, places: int, start: int) -> int:
    """Give the place of the current step's slider: where it was left, else where the address says."""
    at = st.query_params.get("at", "")
    linked = int(at) if at.isdecimal() and int(at) < places else start
    return st.session_state.get(_key(step), linked)


def move(step: int, place: int, settled: bool) -> None:
    """Move the slider; the address tells where it came to rest."""
    st.session_state[_key(step)] = place
    if settled:
        st.query_params["at"] = str(place)


def _key(step: int) -> str:
    return f"lesson {step} slider"
