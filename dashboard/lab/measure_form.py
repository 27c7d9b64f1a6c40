"""What a run chooses by, in the forms of a new run and of a fork."""

from typing import Any

import streamlit as st

from clnp_core.methods.training.settings import MEASURES
from clnp_core.runs.spec import RunSpec


def choose_measure(base: RunSpec, key: str) -> dict[str, Any]:
    """Choose what validation accuracy is. Returns dotted path → value."""
    measure = st.segmented_control(
        "Choose by",
        list(MEASURES),
        default=base.measure,
        required=True,
        format_func=lambda measure: MEASURES[measure].capitalize(),
        key=f"{key} measure",
        help="By what epochs, candidates and θ are chosen on the validation images. Balanced accuracy counts every "
        "class alike, however few images it has.",
    )
    return {"measure": measure}
