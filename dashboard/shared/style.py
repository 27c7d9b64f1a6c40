"""What the theme's settings cannot say: contrasts that Streamlit's own shades miss (WCAG 2.2, 4.5 to 1 for text)."""

import streamlit as st

_CAPTIONS = {"light": "#5A5C66", "dark": "#B6B9C2"}
_ON_PRIMARY = {"light": "#FFFFFF", "dark": "#0E1117"}


def apply_style() -> None:
    """To be called once, for all pages."""
    theme = st.context.theme.type or "light"
    st.html(
        "<style>"
        f'[data-testid="stCaptionContainer"] {{ color: {_CAPTIONS[theme]}; opacity: 1; }}'
        f'[data-testid="stBaseButton-primary"], [data-tag] * {{ color: {_ON_PRIMARY[theme]} !important; }}'
        "</style>"
    )
