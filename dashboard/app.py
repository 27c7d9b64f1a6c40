"""Entry of the app: `clnp dashboard` serves this script."""

import gc
from pathlib import Path

import streamlit as st

from dashboard.style import apply_style


@st.cache_resource(show_spinner=False)
def keep_imports() -> None:
    """Once for all visitors: what has been imported stays, and each collection of garbage need not look through it.

    Such a collection, every hundred pages or so, held up everybody for more than 0.1 s.
    """
    gc.collect()
    gc.freeze()


# A file of our own: a Material symbol here would be fetched from the internet.
icon = Path(__file__).parent / "static" / "icon.svg"
st.set_page_config(page_title="CLNP Lab", page_icon=str(icon), layout="wide", initial_sidebar_state=360)
apply_style()
pages = [
    st.Page("app_pages/lab.py", title="Lab", default=True),
    st.Page("app_pages/partition.py", title="Partition", url_path="partition"),
    st.Page("app_pages/tradeoff.py", title="Trade-off", url_path="trade-off"),
    st.Page("app_pages/capacity.py", title="Capacity", url_path="capacity"),
    st.Page("app_pages/accuracy.py", title="Accuracy", url_path="accuracy"),
    st.Page("app_pages/compare.py", title="Compare", url_path="compare"),
    st.Page("app_pages/sweeps.py", title="Sweeps", url_path="sweeps"),
    st.Page("app_pages/learn.py", title="Learn", url_path="learn"),
]
st.navigation(pages, position="top").run()
keep_imports()
