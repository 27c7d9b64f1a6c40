"""A button that copies the page's address."""

from dashboard.components.component import component

_component = component("copy_link")


def copy_link() -> None:
    """Show the button."""
    _component(key="copy link", width="content")
