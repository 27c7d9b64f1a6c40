"""What is looked for in the list of runs: words, filters, and groups."""

from collections.abc import Callable, Iterable
from statistics import fmean, stdev

import pandas as pd
import streamlit as st

from clnp_core.runs.store import Run
from clnp_core.runs.store.rows import Reached
from dashboard.shared.run_text import STATE_COLOURS, common_settings_text, state_text

_GROUPS: dict[str, Callable[[Run], Iterable[str]]] = {
    "Method": lambda run: [run.spec.method],
    "Data": lambda run: [run.spec.stream.data],
    "Settings": lambda run: [f"{run.spec.method} · {common_settings_text(run.spec, ())}"],
    "Tag": lambda run: run.tags or ["no tag"],
}
"""What runs are grouped by → the groups that a run is in. Settings are all but the seed."""
_FILTERS = ("Method", "Data", "Tag")
_MOST_GROUPS = 4
_ROW_PIXELS = 35


def found(runs: list[Run]) -> list[Run]:
    """Choose what to search and filter by. Returns the runs found; all where nothing is searched for."""
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
        states = _choice(
            "State", "states", [each for each in STATE_COLOURS if any(state_text(r) == each for r in runs)]
        )
        with st.popover("Filter and group", icon=":material/filter_list:"):
            chosen = {
                name: _choice(name, f"filter {name}", sorted({each for run in runs for each in _GROUPS[name](run)}))
                for name in _FILTERS
            }
            st.segmented_control("Group by", list(_GROUPS), key="group by")
    return [
        run
        for run in runs
        if matches(run, text)
        and (not states or state_text(run) in states)
        and all(not wanted or not set(wanted).isdisjoint(_GROUPS[name](run)) for name, wanted in chosen.items())
    ]


def _choice(name: str, key: str, options: list[str]) -> list[str]:
    return st.multiselect(
        name,
        options,
        key=key,
        placeholder=f"Any {name.lower()}",
        label_visibility="collapsed",
        width=240,
        select_all=False,
    )


def matches(run: Run, text: str) -> bool:
    """Tell whether every word of a text is part of what a run is known by, in any case of letters."""
    spec = run.spec
    told = [run.id, run.name, spec.preset, *run.tags, run.note, spec.stream.data, spec.network_name, spec.method]
    known = " ".join([*told, run.owner or ""]).lower()
    return all(word in known for word in text.lower().split())


def in_groups(runs: list[Run], reached: dict[str, Reached]) -> list[Run]:
    """Show groups of the runs, where that is asked for. Returns the runs of those that are ticked; all if none is."""
    by = st.session_state.get("group by")
    if not by or not runs:
        return runs
    groups: dict[str, list[Run]] = {}
    for run in runs:
        for group in _GROUPS[by](run):
            groups.setdefault(group, []).append(run)
    names = sorted(groups)
    ticked = st.dataframe(
        _group_table(by, {name: groups[name] for name in names}, reached),
        height=_ROW_PIXELS * (1 + min(len(groups), _MOST_GROUPS)) + 2,
        row_height=_ROW_PIXELS,
        hide_index=True,
        placeholder="",
        column_config={
            by: st.column_config.TextColumn(width="medium" if by != "Settings" else 420, pinned=by != "Settings"),
            "Accuracy": st.column_config.NumberColumn(format="%.2f%%", help="Mean over the runs of the group."),
            "±": st.column_config.NumberColumn(format="%.2f", help="One standard deviation over them, in points."),
            "Best": st.column_config.NumberColumn(format="%.2f%%"),
            "Used": st.column_config.NumberColumn(format="%.1f%%", help="Neurons claimed, mean over the runs."),
        },
        key=f"groups {hash((by, *names))}",
        on_select="rerun",
        selection_mode="multi-row",
        alt=f"Runs by {by.lower()}: tick groups to list their runs alone",
    )["selection"]["rows"]
    wanted = {run.id for row in ticked for run in groups[names[row]]}
    return [run for run in runs if run.id in wanted] if ticked else runs


def _group_table(by: str, groups: dict[str, list[Run]], reached: dict[str, Reached]) -> pd.DataFrame:
    came_to = [[reached[run.id] for run in runs if run.id in reached] for runs in groups.values()]
    accuracies = [[100 * each.accuracy for each in own] for own in came_to]
    used = [[100 * each.used for each in own if each.used is not None] for own in came_to]
    return pd.DataFrame(
        {
            by: list(groups),
            "Runs": list(map(len, groups.values())),
            "Accuracy": [fmean(own) if own else None for own in accuracies],
            "±": [stdev(own) if len(own) > 1 else None for own in accuracies],
            "Best": [max(own, default=None) for own in accuracies],
            "Used": [fmean(own) if own else None for own in used],
        }
    )
