"""Figures that are kept: drawn anew where there is something new, and no more often than that is worth."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

_REST = 80  # times as long as drawing it took: a little more than 1 % of a core
_SHARED = 40  # figures, of up to 1 MB each; of a run that learns there is another one after every epoch


@dataclass(frozen=True)
class _Kept:
    of: Hashable
    stamp: Hashable
    figure: go.Figure
    until: float


@st.cache_resource(max_entries=_SHARED, show_spinner=False)
def shared_figure(of: tuple[Any, ...], _draw: Callable[[], go.Figure]) -> go.Figure:
    """Draw a figure once for all who look at the same thing. It is not to be changed.

    Parameters
    ----------
    of : tuple
        What it is and what it is made from, as plain data; a run's id and number of learned tasks stand for all that
        they have left, which never changes.
    _draw : callable
        Draws it. With the underscore, as Streamlit goes by `of` alone then.
    """
    return _draw()


def kept_figure(place: str, of: Hashable, stamp: Hashable, is_live: bool, draw: Callable[[], go.Figure]) -> go.Figure:
    """Give the figure that was drawn last in that place of the page, or a new one.

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
    figure = shared_figure((place, of, stamp), draw)
    done = time.monotonic()
    st.session_state[key] = _Kept(of, stamp, figure, done + _REST * (done - now))
    return figure
