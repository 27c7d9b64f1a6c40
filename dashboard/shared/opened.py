"""A run that a page has specified, to be opened in the Lab's form."""

import streamlit as st

from clnp_core.runs.spec import RunSpec

CHOSEN = "preset chosen"
"""Key of the preset that the Lab's form takes up when it is drawn next."""
_OPENED, _WAITS = "opened spec", "opened spec waits"


def open_as_run(spec: RunSpec) -> None:
    """Go to the Lab, with a specification in its form, where it stands beside the presets."""
    st.session_state[_OPENED], st.session_state[_WAITS] = spec, True
    st.session_state[CHOSEN] = spec.preset
    st.switch_page("lab/page.py")


def opened_spec() -> RunSpec | None:
    """Return the specification that was opened last during this visit."""
    return st.session_state.get(_OPENED)


def waiting_spec() -> RunSpec | None:
    """Return it if it was not started since it was opened."""
    return opened_spec() if st.session_state.get(_WAITS) else None


def no_longer_waits() -> None:
    """Remember that it was started."""
    st.session_state[_WAITS] = False
