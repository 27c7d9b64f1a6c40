"""HTML, CSS and JavaScript of the app: files beside the modules that show them, read when those are imported."""

from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str, **options: Any) -> Any:
    """Register the component whose files here are `name`.html, .css and .js; `options` are Streamlit's."""
    parts = {part: Path(__file__).with_name(f"{name}.{part}").read_text("utf-8") for part in ("html", "css", "js")}
    return st.components.v2.component(f"clnp.{name}", **parts, **options)


def style_sheet(file: Path) -> str:
    """Read a file of CSS as an element of a page."""
    return f"<style>\n{file.read_text('utf-8')}</style>\n"
