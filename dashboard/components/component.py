"""Registers components of the app: HTML, CSS and JavaScript as files, read when their module is imported."""

from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str, **options: Any) -> Any:
    """Register the component whose files here are `name`.html, .css and .js, as far as it has them.

    `options` are Streamlit's.
    """
    files = {part: Path(__file__).with_name(f"{name}.{part}") for part in ("html", "css", "js")}
    parts = {part: file.read_text("utf-8") for part, file in files.items() if file.exists()}
    return st.components.v2.component(f"clnp.{name}", **parts, **options)
