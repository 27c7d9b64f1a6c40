"""Your data: tasks made of data of one's own, looked at before anything is trained; a network for them; a run."""

import streamlit as st

from clnp_core.runs.spec import own_run
from clnp_core.tasks.files.adding import check_unused
from dashboard.own.network import choose_network, show_network
from dashboard.own.source import choose_source, slug
from dashboard.own.tasks import choose_tasks
from dashboard.own.view import show_tasks
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.opened import open_as_run

TITLE = "Your data"
PLACE = 1


def main() -> None:
    st.title(TITLE, anchor=False)
    st.markdown("Make tasks of data of your own and a network for them. Nothing is trained before you press **Start**.")
    st.subheader("1. Data", anchor=False)
    with show_errors():
        if (source := choose_source()) is None or (tasks := choose_tasks(source)) is None:
            return
        st.subheader("2. A look at the tasks", anchor=False)
        show_tasks(tasks)
        st.subheader("3. Network", anchor=False)
        controls, drawing = st.columns([1, 2], gap="medium")
        with controls:
            network = choose_network(tasks.stream)
        with drawing:
            show_network(network, tasks.stream)
        st.subheader("4. Run", anchor=False)
        name = source.kept or st.text_input(
            "Name of the data", slug(source.name), max_chars=60, width=400, help="The letters a-z, 0-9 and hyphens."
        )
        if not source.kept:
            check_unused(name)
            st.caption("The data is kept under this name, so that runs can learn it at any time.")
        spec = own_run(tasks.stream | {"name": name}, network)
        if st.button("Open as a run", type="primary", icon=":material/science:"):
            with st.spinner("Keeping the data …"):
                is_kept = bool(source.kept) or attempt(lambda: tasks.keep(name))
            if is_kept:
                open_as_run(spec)


main()
