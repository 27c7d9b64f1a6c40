"""Entry of the app: `clnp dashboard` serves this script."""

import gc
from pathlib import Path

import streamlit as st

from dashboard.components.keep_cookie import keep_cookie
from dashboard.shared.first_visit import begins_on_example
from dashboard.shared.pages import Page, pages
from dashboard.shared.style import apply_style
from dashboard.shared.visit import classroom, cookie, is_outside, visitor

_STUDENT_SECONDS = 120 * 24 * 3600  # a term


@st.cache_resource(show_spinner=False)
def keep_imports() -> None:
    """Keep what is imported out of every collection of garbage, once for all visitors.

    Such a collection, every hundred pages or so, held up everybody for more than 0.1 s.
    """
    gc.collect()
    gc.freeze()


def keep_visitor(page: str) -> None:
    """Have the browser know the visitor again: a student for a term, the lecturer until it is closed."""
    here, who = classroom(), visitor()
    token = here.token(who) if who else ""
    if token != cookie(here):
        keep_cookie(here.cookie, token, page, None if who is None or who.is_lecturer else _STUDENT_SECONDS)


folder = Path(__file__).resolve().parent
# A file of our own: a Material symbol here would be fetched from the internet.
icon = folder / "static" / "icon.svg"
st.set_page_config(page_title="CLNP Lab", page_icon=str(icon), layout="wide", initial_sidebar_state=360)
apply_style()
first, *others = pages(folder)
if classroom():
    others.append(Page(len(others), "Class", folder / "classroom" / "class_page.py"))
if outside := is_outside():  # at every address is the door, and behind it what the address says
    first, *others = (page._replace(file=folder / "classroom" / "join.py") for page in (first, *others))
page = st.navigation(
    [
        st.Page(first.file, title=first.title, default=True),
        *(st.Page(page.file, title=page.title, url_path=page.address) for page in others),
    ],
    position="hidden" if outside else "top",
)
if classroom():
    keep_visitor(page.url_path)
if not outside and begins_on_example() and page.title == first.title:
    st.switch_page("tradeoff/page.py", query_params={"task": "5"})
page.run()
keep_imports()
