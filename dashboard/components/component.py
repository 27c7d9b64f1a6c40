"""Registers components of the app: HTML, CSS and JavaScript as files, read when their module is imported."""

from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str, **options: Any) -> Any:
    """Register the component whose files here are `name`.html, .css and .js; `options` are Streamlit's."""
    parts = {part: Path(__file__).with_name(f"{name}.{part}").read_text("utf-8") for part in ("html", "css", "js")}
    return st.components.v2.component(f"clnp.{name}", **parts, **options)
