"""Parts of a page that change by themselves."""

from collections.abc import Callable

import streamlit as st

from dashboard.shared.errors import show_errors


def follow(draw: Callable[[], bool], is_active: bool, seconds: float = 1) -> None:
    """Draw a part of the page, again and again while it is active, and the whole page once that has changed.

    Parameters
    ----------
    draw : callable
        Draws the part, and returns whether it is active by then.
    is_active : bool
        Whether it is active now. Without, no time is spent on drawing it again.
    seconds : float
        From one drawing to the next.
    """
    st.fragment(_draw_part, run_every=seconds if is_active else None)(draw, is_active)


def _draw_part(draw: Callable[[], bool], was_active: bool) -> None:
    with show_errors():
        if draw() != was_active:
            st.rerun()
