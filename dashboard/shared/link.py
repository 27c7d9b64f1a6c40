"""The page's address names the run that the page shows, so that it can be kept, sent and opened again."""

import streamlit as st

_ON_PAGE = "linked"
_LOOKED_AT = "run looked at"


def linked_run() -> str | None:
    """Give the run that the address names."""
    return st.query_params.get("run")


def link_to_run(run: str | None) -> None:
    """Put a run into the address; None for the newest, whichever that is."""
    if run:
        st.query_params["run"] = run
    else:
        st.query_params.pop("run", None)


def keep_looked_at(run: str) -> None:
    """Remember during this visit which run is looked at, for pages whose address names none."""
    st.session_state[_LOOKED_AT] = run


def looked_at() -> str | None:
    """Give the run that was looked at last; it may have been deleted since."""
    return st.session_state.get(_LOOKED_AT)


def link_on_page(run: str) -> dict[str, str]:
    """Give the query of a link from a page to another run on the same page, which calls `follow_link`."""
    return {"run": run, _ON_PAGE: "1"}


def follow_link() -> None:
    """Put the run into the address if a link of the page itself led to it: Streamlit does so for other pages alone."""
    if _ON_PAGE in st.query_params:
        del st.query_params[_ON_PAGE]
