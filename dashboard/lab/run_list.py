"""The queue and the history in one list, in which a run is chosen to be looked at, and several to do something with."""

from datetime import datetime

import pandas as pd
import streamlit as st

from clnp_core.runs.store import Run, Store
from clnp_core.runs.store.rows import Reached
from dashboard.lab.find import found, in_groups
from dashboard.lab.selected import TICKED, show_selected
from dashboard.shared.link import link_to_run, linked_run
from dashboard.shared.run_text import STATE_COLOURS, lambda_text, owner_text, state_text, time_left_text
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
    baseline, reached = store.baseline(), store.reached()
    shown = in_groups(found(runs), reached)
    if not shown:
        st.info("No run matches: search for fewer words, or filter by less.", icon=":material/search_off:")
        return
    shown = sorted(shown, key=lambda run: (run.id != baseline, run.state not in _AT_WORK))
    # Nothing is done with what is not in sight.
    ticked = set(st.session_state.get(TICKED, ()))
    chosen = [run for run in shown if run.id in ticked]
    _list(shown, reached, baseline, [run.id for run in chosen])
    if chosen:
        show_selected(store, chosen, runs)
    else:
        st.caption(
            f"{len(shown):,} of {len(runs):,} runs. Click a row to look at its run; tick the boxes before several to "
            "compare, tag, cancel or delete them together."
        )


def _list(runs: list[Run], reached: dict[str, Reached], baseline: str | None, ticked: list[str]) -> None:
    ids = [run.id for run in runs]
    places = {run: place for place, run in enumerate(ids)}
    # No cell stays selected: while one is, the table shows its tools above it, over what stands there.
    selection = {"selection": {"rows": [places[run] for run in ticked], "columns": [], "cells": []}}
    # Another table for other rows: what is selected in one that a browser still shows would be another run here.
    key = f"runs {hash(tuple(ids))}"
    if key in st.session_state and _selected(key) != _rows(
        selection
    ):  # a row was clicked, or runs were ticked or unticked elsewhere
        st.session_state[key] = selection
    st.dataframe(
        _table(runs, reached, baseline),
        height=_ROW_PIXELS * (1 + min(len(runs), _MOST_ROWS)) + 2,
        row_height=_ROW_PIXELS,
        hide_index=True,
        placeholder="",
        column_config={
            "Shown": st.column_config.TextColumn("", width=30, pinned=True),
            "Run": st.column_config.TextColumn(width=_name_width([run.title for run in runs]), pinned=True),
            "State": st.column_config.MultiselectColumn(
                options=list(STATE_COLOURS), color=list(STATE_COLOURS.values()), width=95
            ),
            "Done": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width=100),
            "Time left": st.column_config.TextColumn(width=130),
            "Accuracy": st.column_config.NumberColumn(
                format="%.2f%%", width=80, help="Mean over the tasks learned so far, on their test images."
            ),
            "Used": st.column_config.NumberColumn(
                format="%.1f%%", width=70, help="Neurons that tasks have claimed, mean over the hidden layers."
            ),
            "Owner": st.column_config.TextColumn(width=110),
            "Method": st.column_config.TextColumn(width=90),
            "λ": st.column_config.TextColumn(width=125, help="Of each layer, the output last."),
            "m": st.column_config.NumberColumn(width=50, help="Margin, in points of accuracy."),
            "Seed": st.column_config.NumberColumn(width=55),
            "Data": st.column_config.TextColumn(width=140),
            "Tasks": st.column_config.NumberColumn(width=60),
            "Asked for": st.column_config.DatetimeColumn(format="DD MMM HH:mm", width=120),
            "Tags": st.column_config.ListColumn(width=200),
            "Note": st.column_config.TextColumn(width=300),
        },
        key=key,
        on_select=lambda: _take(key, selection, ids),
        selection_mode=["multi-row", "single-cell"],
        selection_default=selection,
        alt="Runs: the baseline, those in progress, then the newest first",
    )


def _name_width(names: list[str]) -> int:
    """Give the longest name's pixels, within limits: the column is always in sight, on a small screen too."""
    least, most = _NAME_PIXELS
    return min(most, max(least, 20 + _LETTER_PIXELS * max(map(len, names))))


def _table(runs: list[Run], reached: dict[str, Reached], baseline: str | None) -> pd.DataFrame:
    """Put runs into a table; columns in which there would be nothing are left out."""
    specs, came_to = [run.spec for run in runs], [reached.get(run.id) for run in runs]
    is_class = any(run.owner for run in runs)
    columns = {
        "Shown": ["●" if run.id == linked_run() else "" for run in runs],
        "Run": [f"★ {run.title}" if run.id == baseline else run.title for run in runs],
        "State": [[state_text(run)] for run in runs],
        "Done": [run.fraction for run in runs],
        "Time left": [time_left_text(run) for run in runs],
        "Accuracy": [each and 100 * each.accuracy for each in came_to],
        "Used": [100 * each.used if each and each.used is not None else None for each in came_to],
        "Owner": [owner_text(run) if is_class else "" for run in runs],
        "Method": [spec.method for spec in specs],
        "λ": [lambda_text(spec) if spec.prunes else "" for spec in specs],
        "m": [round(100 * spec.margin, 6) if spec.prunes else None for spec in specs],
        "Seed": [spec.seed for spec in specs],
        "Stream seed": [spec.stream.seed for spec in specs],
        "Data": [spec.stream.data for spec in specs],
        "Tasks": [spec.stream.tasks for spec in specs],
        "Asked for": [datetime.fromtimestamp(run.created) for run in runs],
        "Tags": [list(run.tags) for run in runs],
        "Note": [run.note for run in runs],
        "Id": [run.id if run.name else "" for run in runs],
    }
    always = ("Run", "State", "Done", "Seed")
    kept = {name: cells for name, cells in columns.items() if name in always or any(each for each in cells)}
    # None would make objects of numbers, which take longer to hand on.
    return pd.DataFrame({name: pd.Series(cells) for name, cells in kept.items()})


def _selected(key: str) -> tuple[list[int], list[int]]:
    return _rows(st.session_state.get(key, {}))


def _rows(state: dict) -> tuple[list[int], list[int]]:
    """Give the rows that are ticked, and that of a cell that was clicked, if one was."""
    selection = state.get("selection", {})
    return sorted(selection.get("rows", [])), [row for row, _ in selection.get("cells", [])]


def _take(key: str, before: dict, shown: list[str]) -> None:
    """Show the run in the row that was clicked, one of those shown then, or keep which ones are ticked.

    A selection that is as it was drawn was not changed: the browser tells of it once more when its table goes. A click
    on a row unticks all boxes in the browser, which was not meant.
    """
    ticked, clicked = _selected(key)
    if clicked:
        link_to_run(shown[clicked[0]])
    elif ticked != _rows(before)[0]:
        st.session_state[TICKED] = [shown[row] for row in ticked]
