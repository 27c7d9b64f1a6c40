"""Keys that press a page's buttons whatever has the focus.

A button's own `shortcut` in Streamlit is one key, and a slider that has the focus takes it for its own.
"""

from collections.abc import Mapping

import streamlit as st

from dashboard.components.component import component

_component = component("press_keys")


def press_keys(buttons: Mapping[str, str]) -> None:
    """Have keys press buttons, on a page without fields to type in.

    Parameters
    ----------
    buttons : mapping
        Name of a key, as JavaScript has it in `KeyboardEvent.key` → key of a button. One that is not on the page, or is
        disabled, is not pressed.
    """
    with st.container(key="press-keys"):  # not seen, see style.css
        _component(key="press keys", data=dict(buttons))
