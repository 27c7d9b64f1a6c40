"""Errors, told in the page in a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from clnp_core.errors import ClnpError

_ICON = ":material/error:"


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error that is raised inside, in place of what would have been shown."""
    try:
        yield
    except (ClnpError, OSError) as error:
        st.error(_sentence(error), icon=_ICON)


def attempt(act: Callable[[], object]) -> bool:
    """Do something and tell whether it worked. If not, the reason appears in a corner and outlives the next ticks."""
    try:
        act()
    except (ClnpError, OSError) as error:
        toast_error(error)
        return False
    return True


def toast_error(error: Exception) -> None:
    """Tell in a corner of the page what went wrong."""
    st.toast(_sentence(error), icon=_ICON, duration="long")


def _sentence(error: Exception) -> str:
    text = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
    return text.replace("[", "\\[")  # names out of files may be links or pictures in Markdown
