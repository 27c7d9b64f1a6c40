"""What goes wrong is said in the page, in a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from clnp_core.errors import ClnpError

_ICON = ":material/error:"


@contextmanager
def show_errors() -> Iterator[None]:
    """Show what goes wrong inside in place of what would have been shown."""
    try:
        yield
    except (ClnpError, OSError) as error:
        st.error(_sentence(error), icon=_ICON)


def attempt(act: Callable[[], object]) -> bool:
    """Do something; whether it worked. If not, the reason appears in a corner and outlives the page's next ticks."""
    try:
        act()
    except (ClnpError, OSError) as error:
        toast_error(error)
        return False
    return True


def toast_error(error: Exception) -> None:
    """Say what went wrong in a corner of the page."""
    st.toast(_sentence(error), icon=_ICON, duration="long")


def _sentence(error: Exception) -> str:
    return f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
