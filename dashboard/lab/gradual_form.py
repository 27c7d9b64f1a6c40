"""The settings of gradual pruning, in the form of a new run."""

from typing import Any

import streamlit as st

from clnp_core.runs.spec import RunSpec

_MOST_EPOCHS = 10_000


def choose_gradual(base: RunSpec, key: str) -> dict[str, Any]:
    """Choose whether neurons are pruned during training, and how fast. Returns dotted path → value."""
    if not st.toggle(
        "Prune while it trains",
        base.pruning == "gradual",
        key=f"{key} pruning",
        help="After each epoch the least active neurons leave, as many as validation accuracy allows. Epochs become "
        "short.",
    ):
        return {"pruning": "after"}
    given = base.gradual
    with st.container(horizontal=True, gap="xsmall"):
        first = st.number_input(
            "From epoch",
            1,
            _MOST_EPOCHS,
            given.first_epoch,
            key=f"{key} gradual.first_epoch",
            width=120,
            help="The first epoch after which neurons may leave.",
        )
        percent = st.number_input(
            "At most (%)",
            1,
            100,
            round(100 * given.largest_share),
            key=f"{key} gradual.largest_share",
            width=120,
            help="The largest share of a layer that may leave after one epoch.",
        )
    untouched = percent == round(100 * given.largest_share)
    share = given.largest_share if untouched else percent / 100
    return {"pruning": "gradual", "gradual.first_epoch": first, "gradual.largest_share": share}
