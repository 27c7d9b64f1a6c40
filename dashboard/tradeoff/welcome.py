"""What this is, told to who has no run of their own yet: the example stands under it."""

from pathlib import Path

import streamlit as st

from dashboard.shared.style import style_sheet

_STYLE = style_sheet(Path(__file__).with_name("welcome.css"))
_SENTENCES = """\
CLNP has each task use few neurons and freezes those: tasks that come later change none of its answers. Here are ten
tasks of digits: move λ, θ or m, and see what accuracy buys in free neurons.
"""


def show_welcome() -> None:
    """Show in two sentences what CLNP does, and the ways on."""
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="welcome"):
        st.title("Learn task after task, forget none", anchor=False)
        with st.container(horizontal=True, gap="small", width="content"):
            _way("Run your own", "science", "lab/page.py", is_first=True)
            _way("Learn", "school", "learn/page.py")
            _way("Compare methods", "compare", "compare/page.py")
    with st.container(key="sentences"):
        st.markdown(_SENTENCES)


def _way(label: str, icon: str, page: str, is_first: bool = False) -> None:
    if st.button(label, icon=f":material/{icon}:", type="primary" if is_first else "secondary"):
        st.switch_page(page)
