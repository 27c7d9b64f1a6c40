"""A cookie, which the browser keeps. Streamlit reads cookies, but sets none."""

import streamlit as st

from dashboard.components.component import component

_component = component("keep_cookie")


def keep_cookie(name: str, value: str, page: str, seconds: int | None) -> None:
    """Have the browser keep a cookie for this app.

    Parameters
    ----------
    name : str
    value : str
        Empty to have it deleted.
    page : str
        The page's own part of the address.
    seconds : int or None
        How long it is kept; None for as long as the browser is open.
    """
    with st.container(key="keep-cookie"):  # not seen, see style.css
        _component(key="keep cookie", data={"name": name, "value": value, "page": page, "seconds": seconds})
