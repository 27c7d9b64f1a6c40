"""The queue and the history in one list, searched and filtered, in which a run is chosen to be looked at."""

from datetime import datetime

import pandas as pd
import streamlit as st

from clnp_core.runs.store import Run, Store
from dashboard.shared.link import link_to_run, linked_run
from dashboard.shared.run_text import STATE_COLOURS, state_text, time_left_text
from dashboard.shared.store import offer_engine

_AT_WORK = ("running", "interrupted")
_MOST_ROWS = 6
_ROW_PIXELS = 35
_LETTER_PIXELS = 7
_NAME_PIXELS = (125, 210)


def show_run_list(store: Store, runs: list[Run]) -> None:
    """Show the list: the baseline first, then what is in progress, below it the newest first."""
    if not runs:
        return
    offer_engine(store, runs)
    baseline, shown = store.baseline(), _found(runs)
    if shown:
        _list(sorted(shown, key=lambda run: (run.id != baseline, run.state not in _AT_WORK)), baseline)
    else:
        st.info("No run matches: search for fewer words, or in every state.", icon=":material/search_off:")


def _found(runs: list[Run]) -> list[Run]:
    """Choose what to search for. Returns the runs found; all where nothing is searched for."""
    with st.container(horizontal=True):
        text = st.text_input(
            "Search",
            type="search",
            key="search",
            placeholder="Search name, tag, note, data, method",
            label_visibility="collapsed",
            live="200ms",
            bind="query-params",
        )
        states = st.multiselect(
            "State",
            [state for state in STATE_COLOURS if any(state_text(run) == state for run in runs)],
            key="states",
            placeholder="Every state",
            label_visibility="collapsed",
            width=240,
            select_all=False,
        )
    return [run for run in runs if matches(run, text) and (not states or state_text(run) in states)]


def matches(run: Run, text: str) -> bool:
    """Tell whether every word of a text is part of what a run is known by, in any case of letters."""
    spec = run.spec
    known = " ".join([run.id, spec.preset, *run.tags, run.note, spec.stream.data, spec.network_name, spec.method])
    return all(word in known.lower() for word in text.lower().split())


def _list(runs: list[Run], baseline: str | None) -> None:
    ids = [run.id for run in runs]
    rows = [place for place, run in enumerate(ids) if run == linked_run()]
    selection = {"selection": {"rows": rows, "columns": [], "cells": []}}
    # Another table for other rows: what is selected in one that a browser still shows would be another run here.
    key = f"runs {hash(tuple(ids))}"
    if key in st.session_state and _selected(key) != rows:  # another run was linked to
        st.session_state[key] = selection
    st.dataframe(
        _table(runs, baseline),
        height=_ROW_PIXELS * (1 + min(len(runs), _MOST_ROWS)) + 2,
        row_height=_ROW_PIXELS,
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(width=_name_width(ids), pinned=True),
            "State": st.column_config.MultiselectColumn(
                options=list(STATE_COLOURS), color=list(STATE_COLOURS.values()), width=95
            ),
            "Done": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width=100),
            "Time left": st.column_config.TextColumn(width=130),
            "Tasks": st.column_config.NumberColumn(width=60),
            "Asked for": st.column_config.TextColumn(width=120),
            "Tags": st.column_config.ListColumn(width=200),
            "Note": st.column_config.TextColumn(width=300),
        },
        key=key,
        on_select=lambda: _link_selected(_selected(key), rows, ids),
        selection_mode="single-row",
        selection_default=selection,
        alt="Runs: the baseline, those in progress, then the newest first",
    )


def _name_width(names: list[str]) -> int:
    """Give the longest name's pixels, within limits: the column is always in sight, on a small screen too."""
    least, most = _NAME_PIXELS
    return min(most, max(least, 20 + _LETTER_PIXELS * max(map(len, names))))


def _table(runs: list[Run], baseline: str | None) -> pd.DataFrame:
    """Put runs into a table, with tags and notes where there are any."""
    table = pd.DataFrame(
        {
            "Run": [f"★ {run.id}" if run.id == baseline else run.id for run in runs],
            "State": [[state_text(run)] for run in runs],
            "Done": [run.fraction for run in runs],
            "Time left": [time_left_text(run) for run in runs],
            "Tasks": [run.spec.stream.tasks for run in runs],
            "Asked for": [f"{datetime.fromtimestamp(run.created):%d %b %H:%M}" for run in runs],
        }
    )
    for name, values in (("Tags", [list(run.tags) for run in runs]), ("Note", [run.note for run in runs])):
        if any(values):
            table[name] = values
    return table


def _selected(key: str) -> list[int]:
    return st.session_state.get(key, {}).get("selection", {}).get("rows", [])


def _link_selected(rows: list[int], before: list[int], shown: list[str]) -> None:
    """Show the run in the row that was clicked, one of those shown then; a click on the same one keeps it.

    A selection that is as it was drawn was not clicked: the browser tells of it once more when its table goes.
    """
    if rows != before:
        for row in rows:
            link_to_run(shown[row])
