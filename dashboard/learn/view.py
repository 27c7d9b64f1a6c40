"""The lesson on the page: the way through it, and a step with its figure, its slider and its exercise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.live_chart import live_chart
from dashboard.components.live_slider import live_slider
from dashboard.components.press_keys import press_keys
from dashboard.learn.bets import REVEAL, REVEAL_KEY, class_store, own_bet, show_betting
from dashboard.learn.state import go_to, move, slider_place
from dashboard.learn.step import Shown, Step
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.style import style_sheet

_LARGER = 1.3
_TITLE_ROOM, _USUAL_TITLE_ROOM = 44, 64  # pixels over a figure, here and elsewhere
_BACK, _NEXT = "step-before", "next-step"
_DOTS = style_sheet(Path(__file__).with_name("dots.css"))
_LECTURE = style_sheet(Path(__file__).with_name("lecture.css"))


def show_contents(steps: Sequence[Step], current: int) -> None:
    """Show the table of contents, in the side panel."""
    with st.sidebar.container(gap=None):
        st.markdown("**Contents**")
        for number, step in enumerate(steps, start=1):
            st.button(
                f"**{number} · {step.title}**" if number == current else f"{number} · {step.title}",
                key=f"to step {number}",
                type="tertiary",
                on_click=go_to,
                args=(number, False),
            )


def show_way(current: int, steps: int, lecture: bool) -> None:
    """Show the way back and on, for which the arrow keys do as well, how far it is, and the lecturer's view."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _way_button("Back", current - 1, steps, lecture, "Left", _BACK)
            _way_button("Next", current + 1, steps, lecture, "Right", _NEXT)
            _show_dots(current, steps)
        st.button(
            "End the lecture" if lecture else "Lecture",
            icon=":material/close:" if lecture else ":material/slideshow:",
            type="tertiary" if lecture else "secondary",
            on_click=go_to,
            args=(current, not lecture),
            help="Larger type, figure and slider on one screen, and nothing beside them. PageDown and PageUp, which "
            "clickers send, go from step to step; so do the arrow keys, except while the slider is in use.",
        )


def _way_button(label: str, step: int, steps: int, lecture: bool, shortcut: str, key: str) -> None:
    possible = 1 <= step <= steps
    st.button(label, key, on_click=go_to, args=(step, lecture), shortcut=shortcut, disabled=not possible)


def _show_dots(current: int, steps: int) -> None:
    kinds = ["done" if number < current else "here" if number == current else "" for number in range(1, steps + 1)]
    dots = "".join(f'<i class="{kind}"></i>' for kind in kinds)
    st.html(f'{_DOTS}<div class="dots" role="img" aria-label="Step {current} of {steps}">{dots}</div>', width="content")


def begin_lecture() -> None:
    """Enlarge type, hide what is beside the lesson, and listen to a clicker."""
    st.html(_LECTURE)
    press_keys({"PageUp": _BACK, "PageDown": _NEXT, REVEAL_KEY: REVEAL})


@show_errors()
def show_step(number: int, step: Step, lecture: bool) -> None:
    """Show a step: what it is about, its figure, the slider under it, and what is to be seen."""
    theme = st.context.theme.type or "light"
    left, right = st.columns([1, 1.5], gap="large")
    store = class_store(step)
    own = own_bet(store, step) if store else None
    place = slider_place(number, len(step.places), step.start if own is None else own)
    if store:
        answered = store.is_revealed(step.part)
        fixed = answered and own is not None
        place = own if fixed else place
    else:
        answered = step.show_bet is None or st.session_state.get(_bet_key(number), False)
        fixed = answered and step.show_bet is not None
    with left:
        revealed = store is not None and answered
        if not (revealed and lecture):
            st.markdown(step.text)
        if revealed:
            _show(step.show_bets(list(store.bets(step.part).values()), theme), f"bets of lesson {number}", lecture)
        else:
            st.info(step.try_this, icon=":material/touch_app:")
    with right:
        _show((step.show if answered else step.show_bet)(place, theme), f"lesson {number}", lecture)
        if store:
            show_betting(store, step, place)
        elif step.show_bet:
            _bet_button(number, answered)
        _show_control(number, step, place, fixed)


def _show(shown: Shown, key: str, lecture: bool) -> None:
    """Show a figure, and in words what is to be seen in it."""
    live_chart(_larger(shown.figure) if lecture else shown.figure, key, shown.says, code=shown.code)
    st.markdown(shown.says)


def _show_control(number: int, step: Step, place: int, disabled: bool) -> None:
    """Show a slider, or for only two places a choice. Drawn after what follows it."""

    def moved(to: int, settled: bool) -> None:
        attempt(lambda: move(number, len(step.places), to, settled))

    if len(step.places) > 2:
        live_slider(step.label, step.places, place, moved, f"slider of step {number}", disabled=disabled)
        return
    key = f"choice of step {number} at {place}"
    st.segmented_control(
        step.label,
        range(len(step.places)),
        default=place,
        required=True,
        format_func=step.places.__getitem__,
        key=key,
        on_change=lambda: moved(st.session_state[key], settled=True),
    )


def show_exercise(step: Step) -> None:
    """Show a question, and its answer to whoever asks for it."""
    st.markdown(f":material/edit: **Exercise.** {step.question}")
    with st.expander("Answer"):
        st.markdown(step.answer)


def _bet_button(number: int, placed: bool) -> None:
    def turn() -> None:
        st.session_state[_bet_key(number)] = not placed

    st.button(
        "Bet again" if placed else "Place the bet",
        type="secondary" if placed else "primary",
        icon=":material/casino:",
        on_click=turn,
    )


def _bet_key(step: int) -> str:
    return f"lesson {step} bet"


def _larger(figure: go.Figure) -> go.Figure:
    """Enlarge a figure's text for those in the last row; how tall it is, lecture.css says, and its legend is below."""
    layout = figure.layout
    return go.Figure(figure).update_layout(
        font_size=_LARGER * layout.font.size,
        title_font_size=_LARGER * layout.title.font.size,
        title={"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 8}},
        height=None,
        margin={"t": _TITLE_ROOM + _LARGER * (layout.margin.t - _USUAL_TITLE_ROOM), "b": 8, "l": 8},
        legend={"yref": "container", "y": 0, "yanchor": "bottom"},
    )
