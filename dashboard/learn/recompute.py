"""Shows a step's numbers, computed again by the engine, beside the shipped ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from clnp_core.lesson.parts import PARTS, Data, about, measure, shipped
from clnp_core.lesson.runs import ask, find
from clnp_core.runs.fold.summary import words_for
from clnp_core.runs.store import Run, Store, default_location
from dashboard.shared.errors import attempt, show_errors
from dashboard.shared.follow import follow
from dashboard.shared.store import all_runs_store, open_store, start_engine


def show_recomputation(part: str) -> None:
    """Show the numbers of a part as computed here, or the way to compute them; again while that is being done."""
    with show_errors():
        store = open_store(default_location())
        active = any(run and run.is_active for run in _runs(store, part).values())
        follow(partial(_show_part, store, part), active)


def _show_part(store: Store, part: str) -> bool:
    """Show how far that is. Returns whether its runs are at work."""
    with st.expander("Compute again", icon=":material/replay:", key=f"anew {part}"):
        st.caption(_origin(part))
        runs = _runs(store, part)
        if all(run and run.state == "finished" for run in runs.values()):
            _compare(part, _measured(store.location, part, {name: run.id for name, run in runs.items()}))
        elif any(run and run.is_active for run in runs.values()):
            st.progress(sum(run.fraction if run else 0 for run in runs.values()) / len(runs), "The engine is at work")
        else:
            st.button("Compute again", icon=":material/replay:", key=f"ask {part}", on_click=_ask, args=(store, part))
        return any(run and run.is_active for run in runs.values())


def _runs(store: Store, part: str) -> dict[str, Run | None]:
    runs = store.runs()
    return {name: find(runs, name) for name in PARTS[part].runs}


def _ask(store: Store, part: str) -> None:
    if attempt(lambda: [ask(store, name) for name in PARTS[part].runs]):
        start_engine(store)


def _origin(part: str) -> str:
    """Tell where the numbers that ship come from."""
    told = about()
    took = words_for(told["seconds"][part]).removesuffix(" left")
    return (
        f"The numbers above were computed on {told['date']}: seed {told['seed']}, torch {told['torch']}, on "
        f"{told['cores']} cores of an {told['processor']}, in {took}. The same runs can be computed here; on the same "
        "kind of processor they give the same numbers, to the bit."
    )


@st.cache_data(show_spinner="Measuring …")
def _measured(location: Path, part: str, runs: dict[str, str]) -> Data:
    return measure(all_runs_store(location), part, runs)


def _compare(part: str, here: Data) -> None:
    ships = shipped(part)
    if here == ships:
        st.markdown(":material/verified: Computed here: **every number is the same, to the bit.**")
    else:
        st.markdown(
            ":material/difference: Computed here, with **other numbers**: another processor or other versions take "
            "sums in another order, and training amplifies the difference."
        )
    headlines = PARTS[part].headlines
    st.table(pd.DataFrame({"shipped": headlines(ships), "here": headlines(here)}))
