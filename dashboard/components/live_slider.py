"""A slider over given values that tells of every one it passes, so that figures follow the hand.

Streamlit's own slider tells of a value only when it is let go, and cannot mark values.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components.component import component

_component = component("live_slider")


def live_slider(
    label: str,
    texts: Sequence[str],
    place: int,
    on_move: Callable[[float, bool], None],
    key: str,
    *,
    values: Sequence[float] | None = None,
    marked: Sequence[int] = (),
    disabled: bool = False,
) -> None:
    """Show a slider. What follows its value has to be drawn before it: by being drawn it asks for the next one.

    Parameters
    ----------
    label : str
    texts : sequence of str
        What each place stands for.
    place : int
        Where it stands.
    on_move : callable
        Called with the value at the new place, and whether the hand has let go. By then everything else may be
        different from when it was drawn.
    key : str
    values : sequence of float, optional
        The values at the places; by default 0, 1, 2 and so on. The browser tells the value itself: the list may have
        changed meanwhile.
    marked : sequence of int
        Places that stand out; if there are any, all places get a dot.
    disabled : bool
    """
    turns = f"{key} turn"

    def moved() -> None:
        told = st.session_state[key]["moved"]
        st.session_state[turns] = told["turn"]
        on_move(told["value"], told["settled"])

    _component(
        key=key,
        data={
            "label": label,
            "texts": list(texts),
            "values": list(range(len(texts)) if values is None else values),
            "marked": list(marked),
            "place": place,
            "turn": st.session_state.get(turns, 0),
            "disabled": disabled,
        },
        on_moved_change=moved,
    )
