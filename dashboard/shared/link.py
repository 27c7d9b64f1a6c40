"""The page's address names the run that the page shows, so that it can be kept, sent and opened again."""

import streamlit as st

_ON_PAGE = "linked"


def linked_run() -> str | None:
    """Give the run that the address names."""
    return st.query_params.get("run")


def link_to_run(run: str | None) -> None:
    """Put a run into the address; None for the newest, whichever that is."""
    if run:
        st.query_params["run"] = run
    else:
        st.query_params.pop("run", None)


def link_on_page(run: str) -> dict[str, str]:
    """Give the query of a link from a page to another run on the same page, which calls `follow_link`."""
    return {"run": run, _ON_PAGE: "1"}


def follow_link() -> None:
    """Put the run into the address if a link of the page itself led to it: Streamlit does so for other pages alone."""
    if _ON_PAGE in st.query_params:
        del st.query_params[_ON_PAGE]
