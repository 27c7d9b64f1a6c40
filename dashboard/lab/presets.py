"""The presets as cards, with what each takes."""

import streamlit as st

from clnp_core.runs.estimate import estimate
from clnp_core.runs.spec import RunSpec, preset, preset_names
from clnp_core.runs.store import Store
from dashboard.shared.number_text import counted
from dashboard.shared.opened import CHOSEN
from dashboard.shared.run_text import epochs_text

_OF_THE_PAPER = ("permuted-mnist-paper", "split-cifar-narrow", "split-cifar-narrow-ft", "split-cifar-wide")
_SHORT_SECONDS = 30
_COLUMNS = 2


def choose_from_card() -> None:
    """Put the preset whose card was just pressed into the form, whose key is `preset`, before that is drawn.

    Not when it is pressed: a tick of the page that the browser asked for before that would undo it.
    """
    if chosen := st.session_state.pop(CHOSEN, None):
        st.session_state["preset"] = chosen


def show_cards(store: Store, chosen: str, asked: RunSpec | None) -> bool:
    """Show a card for each preset, the quickest first. The one that is in the side panel's form can be started.

    Parameters
    ----------
    store : Store
    chosen : str
        The preset in the form, when that was drawn.
    asked : RunSpec or None
        What the form asks for, with its settings as they were moved; None if that is impossible.

    Returns
    -------
    bool
        Whether it is to be started.
    """
    presets = [preset(name) for name in preset_names()]
    groups = {
        "Seconds": [base for base in presets if _is_short(base)],
        "Minutes": [base for base in presets if base.preset not in _OF_THE_PAPER and not _is_short(base)],
        "The paper's experiments": [base for base in presets if base.preset in _OF_THE_PAPER],
    }
    pressed = []
    for name, members in groups.items():
        st.markdown(f"##### {name}")
        for start in range(0, len(members), _COLUMNS):
            for column, base in zip(st.columns(_COLUMNS), members[start:], strict=False):
                with column, st.container(border=True, height="stretch", vertical_alignment="distribute"):
                    pressed.append(_card(store, base, base.preset == chosen, asked))
    st.caption("Times were measured in earlier runs on this computer, or else on a computer with two cores.")
    return any(pressed)


def _is_short(base: RunSpec) -> bool:
    known = estimate(base)
    return known is not None and known.seconds < _SHORT_SECONDS


def _card(store: Store, base: RunSpec, is_chosen: bool, asked: RunSpec | None) -> bool:
    """Show one card. Returns whether its preset is to be started."""
    name, tasks = base.preset, counted(base.stream.tasks, "task")
    st.markdown(f"**{name}**  \n{base.about}")
    time = estimate(base, store) or "time not known yet"
    st.caption(f":material/schedule: {time} · {tasks} · {epochs_text(base)}")
    if is_chosen:
        start = f"Start {name}"
        icon = ":material/play_arrow:"
        return st.button(start, icon=icon, type="primary", disabled=not asked, key=f"card {name}", width="stretch")
    if st.button(f"Choose {name}", key=f"choose {name}", width="stretch"):
        st.session_state[CHOSEN] = name
        st.rerun()
    return False
