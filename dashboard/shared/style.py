"""The contrasts that the theme's settings cannot say: Streamlit's own shades miss 4.5 to 1 for text (WCAG 2.2)."""

from pathlib import Path

import streamlit as st


def style_sheet(file: Path) -> str:
    """Read a file of CSS as an element of a page."""
    return f"<style>\n{file.read_text('utf-8')}</style>\n"


_STYLE = style_sheet(Path(__file__).with_name("style.css"))
_COLOURS = {
    theme: f":root {{ --clnp-caption: {caption}; --clnp-on-primary: {on}; --clnp-link: {link}; --clnp-page: {page}; }}"
    for theme, caption, on, link, page in (
        ("light", "#5A5C66", "#FFFFFF", "#005F99", "#FFFFFF"),
        ("dark", "#B6B9C2", "#0E1117", "#56B4E9", "#0E1117"),
    )
}


def apply_style() -> None:
    """Style all pages; called once, by the app."""
    st.html(f"<style>{_COLOURS[st.context.theme.type or 'light']}</style>{_STYLE}")
