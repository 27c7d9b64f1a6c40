"""Runs side by side on the page: what they came to as table and figures, and the settings in which they differ."""

import json
import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from clnp_core.analysis import compare, figures
from clnp_core.analysis.compare import Group
from clnp_core.analysis.setting_words import setting_name, setting_value
from clnp_core.printing import size_text
from clnp_core.runs.spec import RunSpec
from dashboard.components.copy_link import copy_link
from dashboard.components.live_chart import live_chart
from dashboard.shared.number_text import unbroken
from dashboard.shared.run_text import common_settings_text, plain

_NAMES = {
    "mean_accuracy": "Mean accuracy",
    "forgetting": "Forgetting",
    "backward_transfer": "Backward transfer",
    "forward_transfer": "Forward transfer",
    "untold_accuracy": "Task untold",
    "capacity_used": "Capacity used",
    "memory": "Memory",
    "tasks": "Tasks",
    "seconds_per_task": "Seconds per task",
    "seconds": "Seconds",
}
_IN_POINTS = ("forgetting", "backward_transfer", "forward_transfer")
_SPREADS = {
    "seeds": "the seeds",
    "trainings": "trainings on one stream",
    "streams": "streams with one seed of training",
}


def show_comparison(groups: Sequence[Group], spec: RunSpec, source: str = "") -> None:
    """Show groups of runs, the baseline first.

    Parameters
    ----------
    groups : sequence of Group
    spec : RunSpec
        Of any of the runs.
    source : str
        The lines that make `groups` in a notebook, where they are not runs of the store.
    """
    table = compare.table(groups)
    _show_measures(groups, table)
    _show_settings(groups, spec)
    _show_figures(groups, source or _from_store(groups))
    with st.container(horizontal=True, gap="small"):
        content = table.to_csv(index=False)
        st.download_button("Table as CSV", content, "comparison.csv", icon=":material/download:", on_click="ignore")
        copy_link()


def _show_measures(groups: Sequence[Group], table: pd.DataFrame) -> None:
    """Show a row for each group. Measures that can be told of none are left out."""
    names = [_in_parts(group.name) for group in groups]
    if len(groups) > 1:
        names[0] += _below("baseline")
    columns = {"Runs": names, "Seeds": list(map(_runs_text, groups))}
    for name in compare.MEASURES:
        if table[name].notna().any():
            told = zip(table[name], table[f"{name} std"], table[f"{name} difference"], strict=True)
            columns[unbroken(_NAMES[name])] = [
                _measure(name, *numbers, is_baseline=not place) for place, numbers in enumerate(told)
            ]
    st.table(pd.DataFrame(columns), hide_index=True)
    if len(groups) > 1:
        over = ", or ".join(dict.fromkeys(_SPREADS[group.over] for group in groups if len(group.runs) > 1))
        spread = f" ± one standard deviation over {over}" if over else ""
        learned = " Measures are over the tasks that each has learned." if table["tasks"].nunique() > 1 else ""
        st.caption(
            f"Each measure{spread}, and below it the difference to the baseline, {plain(groups[0].name)}.{learned}"
        )


def _runs_text(group: Group) -> str:
    """Tell how many runs a group has and, where it is not the one seed of a run, what varies in it."""
    several = len(group.runs) > 1 and group.over != "seeds"
    return unbroken(f"{len(group.runs)} {group.over}") if several else str(len(group.runs))


def _measure(name: str, mean: float, deviation: float, difference: float, is_baseline: bool) -> str:
    """Fill a cell of the table: the mean with its spread, below it the difference to the baseline."""
    if math.isnan(mean):
        return "–"
    if name == "memory":
        return unbroken(size_text(mean)) + ("" if is_baseline or math.isnan(difference) else _below(_more(difference)))
    whole = name == "tasks" and not deviation > 0
    plain = name in ("tasks", "seconds", "seconds_per_task")
    digits, factor, unit = (0 if whole else 1, 1, "") if plain else (2, 100, " points" if name in _IN_POINTS else " %")
    spread = "" if math.isnan(deviation) or whole else f" ± {factor * deviation:.{digits}f}"
    told = f"{factor * mean:.{digits}f}{spread}{unit}"
    if is_baseline or math.isnan(difference):
        return unbroken(told)
    return unbroken(told) + _below(f"{round(factor * difference, digits) + 0.0:+.{digits}f}")


def _more(size: float) -> str:
    return unbroken(f"{'-' if size < 0 else '+'}{size_text(abs(size))}")


def _in_parts(name: str) -> str:
    """Write a group's name so that it is broken between settings alone."""
    return plain(unbroken(name)).replace("·\N{NO-BREAK SPACE}", "· ")


def _below(text: str) -> str:
    """Put a text on a line of its own in a cell, in small."""
    return f"  \n:small[:gray[{text}]]"


def _show_settings(groups: Sequence[Group], spec: RunSpec) -> None:
    """Show the settings that differ, a row for each, and in a sentence the others."""
    different = compare.differences(groups)
    if different:
        columns = {"Settings that differ": [unbroken(setting_name(path)) for path in different]}
        for group in groups:
            columns[_in_parts(group.name)] = [_setting(path, group, groups[0]) for path in different]
        st.table(pd.DataFrame(columns), hide_index=True)
    st.caption(f"{'The same in all' if different else 'Settings'}: {common_settings_text(spec, different)}.")


def _setting(path: str, group: Group, baseline: Group) -> str:
    """Tell a setting; one that is not as in the baseline stands out."""
    value = group.settings.get(path)
    told = setting_value(path, value) if group.has(path) else "–"
    as_there = value == baseline.settings.get(path) or not group.has(path)
    return told if as_there else f":orange-background[**{told}**]"


def _show_figures(groups: Sequence[Group], source: str) -> None:
    theme, names = st.context.theme.type or "light", ", ".join(group.name for group in groups)
    left, right = st.columns(2)
    with left:
        live_chart(
            figures.accuracy_by_task(compare.by_task(groups), theme),
            "accuracy by task",
            f"Test accuracy on every task at the end, of {names}.",
            code=_notebook_code(source, "accuracy_by_task(compare.by_task(groups))"),
        )
    with right:
        live_chart(
            figures.mean_accuracies(compare.after_each_task(groups), theme),
            "mean accuracies",
            f"Mean test accuracy after each task, of {names}; its last values are in the table.",
            code=_notebook_code(source, "mean_accuracies(compare.after_each_task(groups))"),
        )
    kept = compare.accuracy_and_memory(groups)
    if len(kept):
        live_chart(
            figures.accuracy_and_memory(kept, theme),
            "accuracy and memory",
            f"Mean test accuracy at the end against the memory kept, of {', '.join(kept['group'])}; each mark's tail "
            "goes up to what it was before anything was forgotten. The numbers are in the table.",
            code=_notebook_code(source, "accuracy_and_memory(compare.accuracy_and_memory(groups))"),
        )


def _from_store(groups: Sequence[Group]) -> str:
    """Write the lines that make groups of the store's runs in a notebook."""
    runs = [run.run for group in groups for run in group.runs if run.spec]  # one from elsewhere has none
    return (
        "from clnp_core.runs.comparison import comparison\n"
        "from clnp_core.runs.store import Store\n\n"
        f"groups = comparison(Store(), {json.dumps(runs)})\n"
    )


def _notebook_code(source: str, drawing: str) -> str:
    """Write the lines that make a figure in a notebook."""
    return f"from clnp_core.analysis import compare, figures\n{source}figures.{drawing}\n"
