"""Entry of the app: `clnp dashboard` serves this script."""

import gc
from pathlib import Path

import streamlit as st

from dashboard.shared.style import apply_style


@st.cache_resource(show_spinner=False)
def keep_imports() -> None:
    """Keep what is imported out of every collection of garbage, once for all visitors.

    Such a collection, every hundred pages or so, held up everybody for more than 0.1 s.
    """
    gc.collect()
    gc.freeze()


# A file of our own: a Material symbol here would be fetched from the internet.
icon = Path(__file__).parent / "static" / "icon.svg"
st.set_page_config(page_title="CLNP Lab", page_icon=str(icon), layout="wide", initial_sidebar_state=360)
apply_style()
pages = [
    st.Page("lab/page.py", title="Lab", default=True),
    st.Page("partition/page.py", title="Partition", url_path="partition"),
    st.Page("tradeoff/page.py", title="Trade-off", url_path="trade-off"),
    st.Page("capacity/page.py", title="Capacity", url_path="capacity"),
    st.Page("accuracy/page.py", title="Accuracy", url_path="accuracy"),
    st.Page("compare/page.py", title="Compare", url_path="compare"),
    st.Page("sweeps/page.py", title="Sweeps", url_path="sweeps"),
    st.Page("learn/page.py", title="Learn", url_path="learn"),
]
st.navigation(pages, position="top").run()
keep_imports()
