"""A button that copies the page's address."""

import streamlit as st

_HTML = """
<button type="button"><span class="icon" aria-hidden="true">link</span><span class="says">Copy link</span></button>
"""

_CSS = """
button {
  display: flex; align-items: center; gap: 0.5rem; min-height: 2.5rem; padding: 0.25rem 0.75rem; cursor: pointer;
  font: inherit; font-size: 0.875rem; color: inherit; background: none; white-space: nowrap;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.5rem);
}
.icon { font-family: "Material Symbols Rounded"; font-size: 1.125rem; line-height: 1; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
"""

_JS = """
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  const says = parentElement.querySelector(".says");
  button.onclick = async () => {
    await navigator.clipboard.writeText(window.location.href);
    says.textContent = "Copied";
    setTimeout(() => { says.textContent = "Copy link"; }, 1500);
  };
}
"""

_component = st.components.v2.component("clnp.copy_link", html=_HTML, css=_CSS, js=_JS)


def copy_link() -> None:
    """Show the button."""
    _component(key="copy link", width="content")
