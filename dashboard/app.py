"""Entry of the app: `clnp dashboard` serves this script."""

import gc
from pathlib import Path

import streamlit as st

from dashboard.shared.first_visit import begins_on_example
from dashboard.shared.pages import pages
from dashboard.shared.style import apply_style


@st.cache_resource(show_spinner=False)
def keep_imports() -> None:
    """Keep what is imported out of every collection of garbage, once for all visitors.

    Such a collection, every hundred pages or so, held up everybody for more than 0.1 s.
    """
    gc.collect()
    gc.freeze()


folder = Path(__file__).resolve().parent
# A file of our own: a Material symbol here would be fetched from the internet.
icon = folder / "static" / "icon.svg"
st.set_page_config(page_title="CLNP Lab", page_icon=str(icon), layout="wide", initial_sidebar_state=360)
apply_style()
first, *others = pages(folder)
page = st.navigation(
    [
        st.Page(first.file, title=first.title, default=True),
        *(st.Page(page.file, title=page.title, url_path=page.address) for page in others),
    ],
    position="top",
)
if begins_on_example() and page.title == first.title:
    st.switch_page("tradeoff/page.py", query_params={"task": "5"})
page.run()
keep_imports()
