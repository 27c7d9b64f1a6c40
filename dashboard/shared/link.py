"""The page's address names the run that the page shows, so that it can be kept, sent and opened again."""

import streamlit as st


def linked_run() -> str | None:
    """Give the run that the address names."""
    return st.query_params.get("run")


def link_to_run(run: str | None) -> None:
    """Put a run into the address; None for the newest, whichever that is."""
    if run:
        st.query_params["run"] = run
    else:
        st.query_params.pop("run", None)
