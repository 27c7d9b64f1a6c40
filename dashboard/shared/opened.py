"""A run that a page has specified, to be opened in the Lab's form."""

import streamlit as st

from clnp_core.runs.spec import RunSpec

CHOSEN = "preset chosen"
"""Key of the preset that the Lab's form takes up when it is drawn next."""
_OPENED = "opened spec"


def open_as_run(spec: RunSpec) -> None:
    """Go to the Lab, with a specification in its form, where it stands beside the presets."""
    st.session_state[_OPENED] = spec
    st.session_state[CHOSEN] = spec.preset
    st.switch_page("lab/page.py")


def opened_spec() -> RunSpec | None:
    """Return the specification that was opened last during this visit."""
    return st.session_state.get(_OPENED)
