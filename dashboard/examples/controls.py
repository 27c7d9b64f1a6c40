"""The controls of the examples page: which task, which of its images, and which one of these."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from clnp_core.analysis.examples import Examples
from clnp_core.tasks.labels import short
from dashboard.components.copy_link import copy_link
from dashboard.examples.state import View, change
from dashboard.shared.number_text import counted

_ALL, _WRONG = "All", "Wrong ones"


def choose_images(view: View, examples: Examples, learned: int, chosen: int) -> None:
    """Choose the task, and which of its images are shown."""
    of = f"{view.run} {view.task} {view.only_wrong} {view.label} {view.answer}"
    task, shown, label, answer = (f"{what} {of}" for what in ("task", "shown", "label", "answer"))
    names = [short(each) for each in examples.classes]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.selectbox(
            "Task",
            range(1, learned + 1),
            examples.task - 1,
            key=task,
            on_change=lambda: change(view, lambda now: View(now.run, st.session_state[task], now.only_wrong)),
            width=75,
        )
        st.segmented_control(
            "Images",
            [_ALL, _WRONG],
            default=_WRONG if view.only_wrong else _ALL,
            required=True,
            key=shown,
            on_change=lambda: change(
                view, lambda now: replace(now, only_wrong=st.session_state[shown] == _WRONG, image=None)
            ),
        )
        for what, name, key, width in (("Of class", "label", label, 95), ("Answered with", "answer", answer, 105)):
            st.selectbox(
                what,
                range(len(names)),
                getattr(view, name),
                key=key,
                format_func=names.__getitem__,
                placeholder="any",
                on_change=_choose_class,
                args=(view, name, key),
                width=width,
            )
    wrong = int(examples.wrong.sum())
    st.caption(
        f"{counted(chosen, 'image')} of {len(examples):,}. {wrong:,} are answered with another class "
        f"({wrong / len(examples):.2%}): they come first, those the network is surest of before the others."
    )


def _choose_class(view: View, name: str, key: str) -> None:
    change(view, lambda now: replace(now, **{name: st.session_state[key]}, image=None))


def choose_image(view: View, chosen: np.ndarray, place: int) -> None:
    """Go to the image before or after the one that is looked at; beside it, copy the link to what is shown."""

    def go(to: int) -> None:
        change(view, lambda now: replace(now, image=int(chosen[to])))

    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Back", icon=":material/skip_previous:", on_click=go, args=(place - 1,), disabled=place == 0)
        last = place + 1 == len(chosen)
        st.button("Next", icon=":material/skip_next:", on_click=go, args=(place + 1,), disabled=last)
        st.markdown(f"{place + 1:,} of {len(chosen):,}")
        copy_link()
