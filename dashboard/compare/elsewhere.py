"""Accuracy matrices from elsewhere, beside the runs of the store."""

import streamlit as st

from clnp_core.analysis import elsewhere
from clnp_core.analysis.compare import Group
from dashboard.shared.errors import show_errors


def take_in() -> list[Group]:
    """Offer to take accuracy matrices from files, and return those that were taken in. They are kept for the visit."""
    groups: list[Group] = []
    with st.expander("Add results from elsewhere", icon=":material/upload_file:"):
        files = st.file_uploader(
            "Accuracy matrices as CSV or JSON: a row for each task learned, with the accuracy on every task so far",
            ["csv", "json"],
            accept_multiple_files=True,
            help="As fractions or in per cent. They stay on this page, and go into no store.",
        )
        for file in files:
            with show_errors():
                group, unit = elsewhere.parse(file.name, file.getvalue())
                groups.append(group)
                st.caption(f"{group.name}: {len(group.runs[0].summary['accuracy'])} tasks, taken as {unit}")
    return groups
