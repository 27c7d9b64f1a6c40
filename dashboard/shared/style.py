"""The contrasts that the theme's settings cannot say: Streamlit's own shades miss 4.5 to 1 for text (WCAG 2.2)."""

from pathlib import Path

import streamlit as st


def style_sheet(file: Path) -> str:
    """Read a file of CSS as an element of a page."""
    return f"<style>\n{file.read_text('utf-8')}</style>\n"


_STYLE = style_sheet(Path(__file__).with_name("style.css"))
_COLOURS = {
    "light": ":root { --clnp-caption: #5A5C66; --clnp-on-primary: #FFFFFF; --clnp-link: #005F99; --clnp-page: #FFFFFF; }",
    "dark": ":root { --clnp-caption: #B6B9C2; --clnp-on-primary: #0E1117; --clnp-link: #56B4E9; --clnp-page: #0E1117; }",
}


def apply_style() -> None:
    """Style all pages; called once, by the app."""
    st.html(f"<style>{_COLOURS[st.context.theme.type or 'light']}</style>{_STYLE}")
