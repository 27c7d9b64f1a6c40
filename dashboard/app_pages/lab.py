"""The lab: ask for a run, watch it learn, come back to it by its link."""

import streamlit as st

from clnp_core.errors import ClnpError
from clnp_core.runs import background
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store, default_location
from dashboard.controls import choose_run, choose_spec, link_to
from dashboard.run_view import show_run

open_store = st.cache_resource(Store, show_spinner=False)


def main() -> None:
    st.title("CLNP Lab", anchor=False)
    try:
        store = open_store(default_location())
        spec, start = choose_spec()
        if start:
            link_to(background.start(store, spec))
        run = choose_run(store)
        if run:
            show_run(store, run)
        else:
            invite(store, spec)
    except ClnpError as error:
        st.error(str(error), icon=":material/error:")


def invite(store: Store, spec: RunSpec | None) -> None:
    """What a store without runs shows."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.subheader("Nothing has run yet", anchor=False, text_alignment="center")
        st.markdown(
            "Choose a preset in the side panel (» on a small screen), move its settings if you like, and press "
            "**Start**. Then watch the network learn task after task, and forget none.",
            text_alignment="center",
            width=520,
        )
        if st.button(f"Start {spec.preset}" if spec else "Start", icon=":material/play_arrow:", disabled=not spec):
            link_to(background.start(store, spec))
            st.rerun()
        st.space("small")


main()
