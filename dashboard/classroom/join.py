"""The door of a class: a code and a name."""

import streamlit as st

from clnp_core.runs.classroom.codes import Gate, Visitor
from clnp_core.runs.store import default_location
from dashboard.shared.errors import attempt
from dashboard.shared.store import all_runs_store
from dashboard.shared.visit import classroom, come_in

_CODE = "code"
_MOST_LETTERS = 40


@st.cache_resource(show_spinner=False)
def gate() -> Gate:
    """Keep the one gate, which knows how many wrong codes there were."""
    return Gate()


def main() -> None:
    with st.container(horizontal_alignment="center", gap="medium"):
        st.title("CLNP Lab", anchor=False, width="content")
        with st.container(border=True, width=440, gap="medium"):
            st.subheader("Come into the class", anchor=False)
            with st.form("student", border=False):
                code = st.text_input("Code", st.query_params.get(_CODE, ""), _MOST_LETTERS, autocomplete="off")
                name = st.text_input("Your name", max_chars=_MOST_LETTERS, autocomplete="nickname")
                st.caption("Others see your name beside the runs that you share. This browser will know you again.")
                if st.form_submit_button("Come in", type="primary", width="stretch"):
                    _enter(code, name)
        with st.expander("I am the lecturer", width=440), st.form("lecturer", border=False):
            code = st.text_input("Your code", max_chars=_MOST_LETTERS, type="password", autocomplete="off")
            st.caption("It stands in the terminal in which the app was started.")
            if st.form_submit_button("Come in", width="stretch"):
                _enter(code, "")


def _enter(code: str, name: str) -> None:
    def enter() -> None:
        is_lecturer = gate().let_in(classroom(), code, st.context.ip_address)
        come_in(Visitor(None if is_lecturer else all_runs_store(default_location()).welcome(name)))

    if attempt(enter):
        st.query_params.pop(_CODE, "")
        st.rerun()


main()
