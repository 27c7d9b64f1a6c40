"""The lesson on the page: the way through it, and a step with its figure, its slider and its exercise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.live_chart import live_chart
from dashboard.components.live_slider import live_slider
from dashboard.learn.state import go_to, move, slider_place
from dashboard.learn.step import Step
from dashboard.shared.style import style_sheet

_LARGER = 1.3
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
            _way_button("Back", current - 1, steps, lecture, "Left")
            _way_button("Next", current + 1, steps, lecture, "Right")
            _show_dots(current, steps)
        st.button(
            "End the lecture" if lecture else "Lecture",
            icon=":material/close:" if lecture else ":material/slideshow:",
            type="tertiary" if lecture else "secondary",
            on_click=go_to,
            args=(current, not lecture),
            help="Larger type, without the exercises and the side panel. The arrow keys go from step to step, except "
            "while the slider is in use.",
        )


def _way_button(label: str, step: int, steps: int, lecture: bool, shortcut: str) -> None:
    possible = 1 <= step <= steps
    st.button(label, on_click=go_to, args=(step, lecture), shortcut=shortcut, disabled=not possible)


def _show_dots(current: int, steps: int) -> None:
    kinds = ["done" if number < current else "here" if number == current else "" for number in range(1, steps + 1)]
    dots = "".join(f'<i class="{kind}"></i>' for kind in kinds)
    st.html(f'{_DOTS}<div class="dots" role="img" aria-label="Step {current} of {steps}">{dots}</div>', width="content")


def apply_lecture_style() -> None:
    """Enlarge type, and hide what is beside the lesson."""
    st.html(_LECTURE)


def show_step(number: int, step: Step, lecture: bool) -> None:
    """Show a step: what it is about, its figure, the slider under it, and what is to be seen."""
    theme = st.context.theme.type or "light"
    left, right = st.columns([1, 1.5], gap="large")
    with left:
        st.markdown(step.text)
        st.info(step.try_this, icon=":material/touch_app:")
    with right:
        place = slider_place(number, len(step.places), step.start)
        placed = step.show_bet is None or st.session_state.get(_bet_key(number), False)
        shown = (step.show if placed else step.show_bet)(place, theme)
        figure = _larger(shown.figure) if lecture else shown.figure
        live_chart(figure, f"lesson {number}", shown.says, code=shown.code)
        st.markdown(shown.says)
        if step.show_bet:
            _bet_button(number, placed)
        _show_control(number, step, place, disabled=placed and step.show_bet is not None)


def _show_control(number: int, step: Step, place: int, disabled: bool) -> None:
    """Show a slider, or for only two places a choice. Drawn after what follows it."""
    if len(step.places) > 2:
        key = f"slider of step {number}"
        live_slider(step.label, step.places, place, partial(move, number), key, disabled=disabled)
        return
    key = f"choice of step {number} at {place}"
    st.segmented_control(
        step.label,
        range(len(step.places)),
        default=place,
        required=True,
        format_func=step.places.__getitem__,
        key=key,
        on_change=lambda: move(number, st.session_state[key], settled=True),
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
    """Enlarge the figure for those in the last row."""
    layout = figure.layout
    return go.Figure(figure).update_layout(
        font_size=_LARGER * layout.font.size,
        title_font_size=_LARGER * layout.title.font.size,
        height=_LARGER * layout.height,
        margin={side: _LARGER * layout.margin[side] for side in ("t", "b", "l")},
    )
