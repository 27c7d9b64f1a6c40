"""Learn: a lesson on catastrophic and graceful forgetting, step by step, each with a figure to move."""

import streamlit as st

from dashboard.learn.lesson import lesson
from dashboard.learn.recompute import show_recomputation
from dashboard.learn.state import current_step, is_lecture
from dashboard.learn.view import begin_lecture, show_contents, show_exercise, show_step, show_way
from dashboard.shared.errors import show_errors

TITLE = "Learn"
PLACE = 8


def main() -> None:
    steps, lecture = lesson(), is_lecture()
    if lecture:
        begin_lecture()
    with show_errors():
        number = current_step(len(steps))
        step = steps[number - 1]
        show_contents(steps, number)
        st.title(f"{number} · {step.title}", anchor=False)
        show_way(number, len(steps), lecture)
        st.fragment(show_step)(number, step, lecture)
        if not lecture:
            show_exercise(step)
            show_recomputation(step.part)


main()
