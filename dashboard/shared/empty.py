"""The card that a page shows in place of what a store does not have yet."""

from collections.abc import Callable

import streamlit as st


def show_empty(heading: str, text: str, show_action: Callable[[], object] = lambda: None) -> None:
    """Show what is missing, how to come by it, and below that what `show_action` shows."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.subheader(heading, anchor=False, text_alignment="center")
        st.markdown(text, text_alignment="center", width=520)
        show_action()
        st.space("small")


def show_nothing_learned(outlook: str) -> None:
    """Show that no task has been learned yet, and the way to the Lab; `outlook` ends a sentence on what comes then."""
    show_empty(
        "Nothing has been learned yet",
        f"Start a run in the Lab. As soon as its first task is learned, {outlook}",
        lambda: st.page_link("lab/page.py", label="To the Lab", icon=":material/science:"),
    )
