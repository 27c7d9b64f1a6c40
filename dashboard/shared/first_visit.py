"""Where a visit begins that asks for nothing: on the example, as long as that is all there is."""

from contextlib import suppress

import streamlit as st

from clnp_core.errors import ClnpError
from clnp_core.lesson import example_run
from clnp_core.runs.store import default_location
from dashboard.shared.store import open_store

_BEGUN = "visit begun"


def is_fresh() -> bool:
    """Tell whether the example is all that the store has. What is wrong with the store the page tells."""
    with suppress(ClnpError, OSError):
        return example_run.is_all_of(open_store(default_location()).runs())
    return False


def begins_on_example() -> bool:
    """Tell, once in a visit, whether it begins on the example; not if the address names anything."""
    if st.session_state.setdefault(_BEGUN, False):
        return False
    st.session_state[_BEGUN] = True
    return not st.query_params and is_fresh()
