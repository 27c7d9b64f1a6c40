"""Figures of pages that follow a run: drawn anew where there is something new, and no more often than that is worth."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

_REST = 80  # times as long as drawing it took: a little more than 1 % of a core


@dataclass(frozen=True)
class _Kept:
    of: Hashable
    stamp: Hashable
    figure: go.Figure
    until: float


def kept_figure(place: str, of: Hashable, stamp: Hashable, is_live: bool, draw: Callable[[], go.Figure]) -> go.Figure:
    """The figure that was drawn last in that place of the page, or a new one.

    Parameters
    ----------
    place : str
        Where it stands; of each place one is kept for each visitor.
    of : hashable
        What it is of, such as a run and a theme: another one is drawn at once.
    stamp : hashable
        What it was made from: it is drawn anew only if that is another one.
    is_live : bool
        Whether it will be asked for again in a moment. A figure that took long to draw then rests for a while.
    draw : callable
        Draws it.
    """
    key = f"figure {place}"
    last: _Kept | None = st.session_state.get(key)
    now = time.monotonic()
    if last and last.of == of and (last.stamp == stamp or (is_live and now < last.until)):
        return last.figure
    figure = draw()
    done = time.monotonic()
    st.session_state[key] = _Kept(of, stamp, figure, done + _REST * (done - now))
    return figure
