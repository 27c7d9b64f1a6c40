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
    given, there_are = st.query_params.get("step", "1"), [str(step) for step in range(1, steps + 1)]
    if given not in there_are:
        raise SpecError(f"The lesson has no step {given[:20]!r}; it has steps 1 to {steps}.")
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
    linked = int(at) if at in [str(place) for place in range(places)] else start
    return st.session_state.get(_key(step), linked)


def move(step: int, places: int, place: int, settled: bool) -> None:
    """Move the slider; the address tells where it came to rest.

    Raises
    ------
    SpecError
        If it has no such place: what the browser tells need not come from the slider.
    """
    if type(place) is not int or not 0 <= place < places:
        raise SpecError(f"The slider has no such place; it has places 0 to {places - 1}.")
    st.session_state[_key(step)] = place
    if settled:
        st.query_params["at"] = str(place)


def _key(step: int) -> str:
    return f"lesson {step} slider"
