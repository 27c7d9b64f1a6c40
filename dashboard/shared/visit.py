"""Who visits the app, where it serves a class; elsewhere all visitors are the local user."""

import os
from functools import cache

import streamlit as st

import dashboard
from clnp_core.runs.classroom.codes import Classroom, Visitor, classroom_of
from clnp_core.runs.store import default_location

OWN_LINK = "me"
"""What stands before a visitor's own token in an address."""

_VISITOR = "visitor"
_classroom_at = cache(classroom_of)


def quota() -> int:
    """Give how many runs each student may have under way; 0 where the app serves no class."""
    return int(os.environ.get(dashboard.QUOTA, 0))


def classroom() -> Classroom | None:
    """Give the class that the app serves, if it serves one.

    Raises
    ------
    StoreError
        If its codes cannot be read.
    """
    return _classroom_at(default_location()) if quota() else None


def visitor() -> Visitor | None:
    """Give who visits: who came in by an own link or by the code, or is known by a cookie; None if it is nobody yet.

    Where the app serves no class there is nobody to know.
    """
    here = classroom()
    if here is None:
        return None
    linked = here.visitor(st.query_params.pop(OWN_LINK, ""))
    if linked or _VISITOR not in st.session_state:
        st.session_state[_VISITOR] = linked or here.visitor(cookie(here))
    return st.session_state[_VISITOR]


def cookie(here: Classroom) -> str:
    """Give the token that the browser had when it opened the page."""
    return st.context.cookies.get(here.cookie, "")


def is_outside() -> bool:
    """Tell whether the visitor has to come in first."""
    return classroom() is not None and visitor() is None


def is_student() -> bool:
    """Tell whether a student of the class visits."""
    who = visitor()
    return who is not None and not who.is_lecturer


def come_in(who: Visitor) -> None:
    """Let somebody into the class; `app.py` sees that the browser keeps a cookie."""
    st.session_state[_VISITOR] = who


def leave() -> None:
    """Forget who visits, and what was chosen meanwhile."""
    st.session_state.clear()
    st.session_state[_VISITOR] = None
