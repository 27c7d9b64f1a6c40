"""Entry of the app: `clnp dashboard` serves this script."""

from pathlib import Path

import streamlit as st

# A file of our own: a Material symbol here would be fetched from the internet.
icon = Path(__file__).parent / "static" / "icon.svg"
st.set_page_config(page_title="CLNP Lab", page_icon=str(icon), layout="wide", initial_sidebar_state=360)
pages = [
    st.Page("app_pages/lab.py", title="Lab", default=True),
    st.Page("app_pages/tradeoff.py", title="Trade-off", url_path="trade-off"),
    st.Page("app_pages/sweeps.py", title="Sweeps", url_path="sweeps"),
]
st.navigation(pages, position="top").run()
