"""One sweep on the page: how far it is, and what its sequences came to, as figure, table and files."""

from collections.abc import Callable
from datetime import datetime

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from pandas.api.types import is_numeric_dtype

from clnp_core.analysis import figures
from clnp_core.analysis.sweeps import Brushes, chosen_rows, importance
from clnp_core.runs import sweep as sweeps
from clnp_core.runs.estimate import seconds_left
from clnp_core.runs.fold.summary import words_for
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store, Sweep
from dashboard.components.live_chart import live_chart
from dashboard.shared.errors import attempt
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.number_text import counted
from dashboard.shared.run_text import STATE_COLOURS, epochs_text, layer_name, state_text, title_text
from dashboard.shared.store import offer_engine, start_engine
from dashboard.sweeps import brushes

_TO_OPEN = "run to open"
_BEFORE = "sweep looked at"
_LAMBDA = "λ"
_MOST_ROWS = 12
_ROW_PIXELS = 35
_IMPORTANCE = (
    "A bar is how much of the differences between finished sequences a setting accounts for by itself: the variance "
    "of the means of its values over that of all sequences. The rest is what settings do only in combination, and what "
    "sequences differ in that have all but their seeds in common. A stroke is what a setting without any effect gets "
    "on average; a bar that ends there says nothing. On a full grid this is the functional analysis of variance that "
    "the importance of Optuna estimates. A setting of single methods is judged by their sequences alone."
)


def linked_sweep() -> str | None:
    """Give the sweep that the page's address names."""
    return st.query_params.get("sweep")


def link_to_sweep(sweep: str | None) -> None:
    """Put a sweep into the address, and nothing else; None for the newest, whichever that is."""
    st.query_params.from_dict({"sweep": sweep} if sweep else {})


def choose_shown(store: Store) -> Sweep:
    """Choose in the list of sweeps.

    Returns
    -------
    Sweep
        The one to be looked at: the one that the link names, else the one looked at before, else the newest.

    Raises
    ------
    StoreError
        If there is none of that id.
    """
    known = {sweep.id: sweep for sweep in store.sweeps()}
    if not linked_sweep():
        before = st.session_state.get(_BEFORE, {})
        st.query_params.from_dict(before if before.get("sweep") in known else {"sweep": next(iter(known))})
    linked = linked_sweep()
    st.session_state["shown sweep"] = linked if linked in known else None
    st.selectbox(
        "Sweep",
        list(known),
        format_func=lambda sweep: f"{sweep} · {datetime.fromtimestamp(known[sweep].created):%d %b %H:%M}",
        key="shown sweep",
        on_change=lambda: link_to_sweep(st.session_state["shown sweep"]),
        placeholder="Choose a sweep",
    )
    return known.get(linked) or store.sweep(linked)


def show_sweep(store: Store, sweep: Sweep, runs: list[Run]) -> None:
    """Show one sweep and its runs.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    st.session_state[_BEFORE] = st.query_params.to_dict()
    if run := st.session_state.pop(_TO_OPEN, None):
        page, query = ("compare/page.py", "runs") if "," in run else ("lab/page.py", "run")
        st.switch_page(page, query_params={query: run})
    offer_engine(store, runs)
    _show_state(store, sweep, runs)
    _show_actions(store, sweep, runs)
    if not runs:
        st.info("All its runs have been deleted.", icon=":material/info:")
        return
    frame = sweeps.table(store, sweep.id)
    spec = runs[0].spec
    st.caption(_in_common(spec, sweep))
    names = {path: _axis_name(path, spec) for path in sweep.over}
    shown = _in_points(frame).rename(columns=names)
    axes = list(names.values())
    chosen = brushes.linked_brushes(shown, axes)
    kept = shown[chosen_rows(shown, chosen)]
    _show_figure(sweep, shown, names, chosen)
    _show_settings(sweep, shown, names, chosen)
    _show_chosen(sweep, shown, axes, chosen, len(kept))
    _show_table(kept, axes, {run.id: run.called for run in runs})
    _offer_files(sweep, frame.loc[kept.index])
    _show_importance(sweep, kept, names, chosen)


def _show_state(store: Store, sweep: Sweep, runs: list[Run]) -> None:
    finished = sum(run.state == "finished" for run in runs)
    parts = [f"{finished} of {len(runs)} sequences finished"]
    parts += [f"{count} {state}" for state in STATE_COLOURS if state != "finished" and (count := _count(runs, state))]
    if _count(runs, "running"):
        left = seconds_left(runs)
        parts += [] if left is None else [f"about {words_for(left)}"]
    elif _count(runs, "queued") and (others := _count(store.runs(), "running")):
        parts.append(f"waiting for {counted(others, 'other run')}")
    with st.container(key=f"state-{sweep.id}"):
        st.progress(sum(run.fraction for run in runs) / max(1, len(runs)), " · ".join(parts))
    for run in runs:
        if run.state == "failed":
            st.error(f"{title_text(run)}: {run.error}", icon=":material/error:")


def _in_common(spec: RunSpec, sweep: Sweep) -> str:
    """Tell what is the same in all sequences, any of which has this specification."""
    parts = {
        "stream.tasks": f"{spec.stream.tasks} task{'s' * (spec.stream.tasks != 1)} of {spec.stream.data}",
        "network": spec.network_name,
        "epochs": epochs_text(spec),
        "method": f"method {spec.method}",
        "seed": f"seed {spec.seed}",
        "stream.seed": "" if spec.stream.seed is None else f"stream seed {spec.stream.seed}",
    }
    return " · ".join(part for path, part in parts.items() if part and path not in sweep.over)


def _count(runs: list[Run], state: str) -> int:
    return sum(state_text(run) == state for run in runs)


def _show_actions(store: Store, sweep: Sweep, runs: list[Run]) -> None:
    with st.container(horizontal=True, gap="small"):
        active = any(run.is_active for run in runs)
        stopped = any(run.state in sweeps.RESUMABLE for run in runs)
        if _button("Pause", "pause", active) and attempt(lambda: sweeps.pause(store, sweep.id)):
            st.rerun()
        if _button("Resume", "play_arrow", stopped) and attempt(lambda: sweeps.resume(store, sweep.id)):
            start_engine(store)
            st.rerun()
        about = "Removes it from this list. Its runs stay in the Lab."
        if _button("Forget", "playlist_remove", True, about) and attempt(lambda: store.remove_sweep(sweep.id)):
            link_to_sweep(None)
            st.rerun()


def _button(label: str, icon: str, enabled: bool, about: str | None = None) -> bool:
    return st.button(label, icon=f":material/{icon}:", disabled=not enabled, help=about)


def _axis_name(path: str, spec: RunSpec) -> str:
    """Name a setting as the page does."""
    group, _, layer = path.rpartition(".")
    if group == "lambda":
        return f"{_LAMBDA} {layer_name(spec, layer)}"
    return "m (points)" if path == "margin" else path


def _in_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Tell m in percentage points."""
    return frame.assign(margin=(100 * frame["margin"]).round(4)) if "margin" in frame else frame


def _show_figure(sweep: Sweep, shown: pd.DataFrame, names: dict[str, str], chosen: Brushes) -> None:
    drawn = shown.dropna(subset=["mean_accuracy"])
    best = f" The best has {drawn['mean_accuracy'].max():.2%}." if len(drawn) else ""
    axes, theme = list(names.values()), st.context.theme.type or "light"
    live_chart(
        _drawn("sweep", shown, chosen, lambda: figures.sweep(shown, axes, theme, chosen)),
        f"{sweep.id} figure",
        f"Mean accuracy against capacity used of {len(drawn)} sequences; the numbers are in the table.{best}",
        code=_notebook_code(sweep, names, _with(chosen, "figures.sweep(frame, axes)")),
        on_click=lambda point: _open(point[0]),
    )


def _show_settings(sweep: Sweep, shown: pd.DataFrame, names: dict[str, str], chosen: Brushes) -> None:
    """Show every sequence's settings, to choose by; nothing before there is something to tell."""
    axes, theme = list(names.values()), st.context.theme.type or "light"
    if shown["mean_accuracy"].count() < 2:
        return
    live_chart(
        _drawn("parallel coordinates", shown, chosen, lambda: figures.parallel_coordinates(shown, axes, theme, chosen)),
        f"{sweep.id} parallel coordinates",
        "Each sequence as a line through its settings, its capacity used and its mean accuracy, as in the table.",
        code=_notebook_code(sweep, names, _with(chosen, "figures.parallel_coordinates(frame, axes)")),
        on_click=lambda point: _open(point[0]),
        on_brush=lambda box: brushes.brush(shown, axes, box),
    )
    st.caption(
        "A line is a sequence: the orange one is the most accurate, dotted ones are not finished yet. Drag along an "
        "axis, or press *Choose*, to see only the sequences with some of its values."
    )


def _show_chosen(sweep: Sweep, shown: pd.DataFrame, axes: list[str], chosen: Brushes, kept: int) -> None:
    """Say what is chosen, and offer to choose otherwise; nothing while there is nothing to choose from."""
    if not chosen and shown["mean_accuracy"].count() < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Choose", icon=":material/filter_alt:"):
            brushes.show_controls(shown, axes, chosen, f"{sweep.id} chosen")
        if not chosen:
            return
        st.button("Show all", icon=":material/filter_alt_off:", on_click=lambda: brushes.show({}))
        st.markdown(f"**{kept} of {len(shown)} sequences**, with {brushes.in_words(chosen)}")


def _show_importance(sweep: Sweep, kept: pd.DataFrame, names: dict[str, str], chosen: Brushes) -> None:
    """Show which setting matters most, among the chosen sequences."""
    axes, theme = list(names.values()), st.context.theme.type or "light"
    shares = importance(kept, axes)
    if shares.empty:
        if chosen:
            st.caption("Which setting matters most cannot be told from so few sequences.")
        return
    accuracy = shares[shares["measure"] == shares["measure"].iloc[0]]
    told = ", ".join(f"{row.setting} {row.share:.0%}" for row in accuracy.itertuples())
    of_chosen = f"frame = frame[chosen_rows(frame, {chosen!r})]\n" if chosen else ""
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        live_chart(
            _drawn("importance", kept, {}, lambda: figures.setting_importance(shares, theme)),
            f"{sweep.id} importance",
            f"Share of the variance that each setting accounts for: {told}.",
            code=_notebook_code(
                sweep,
                names,
                of_chosen + "figures.setting_importance(importance(frame, axes))",
                f"from clnp_core.analysis.sweeps import {'chosen_rows, ' if chosen else ''}importance",
            ),
        )
    right.caption(("Of the chosen sequences alone. " if chosen else "") + _IMPORTANCE)


def _drawn(what: str, shown: pd.DataFrame, chosen: Brushes, draw: Callable[[], go.Figure]) -> go.Figure:
    """Draw a figure of the table once, until anything in it changes but the seconds."""
    told = shown.drop(columns="seconds").to_csv()
    return shared_figure((what, told, repr(chosen), st.context.theme.type), draw)


def _with(chosen: Brushes, figure: str) -> str:
    """Write the call of a figure with what is chosen."""
    return f"{figure[:-1]}, chosen={chosen!r})" if chosen else figure


def _notebook_code(sweep: Sweep, names: dict[str, str], figure: str, *imports: str) -> str:
    """Write the lines that make a figure of the sweep's table in a notebook, which calls it `frame`."""
    lines = [
        "from clnp_core.analysis import figures",
        *imports,
        "from clnp_core.runs import sweep",
        "from clnp_core.runs.store import Store",
        "",
        f"frame = sweep.table(Store(), {sweep.id!r})",
    ]
    if "margin" in names:
        lines.append('frame["margin"] = (100 * frame["margin"]).round(4)')
    lines += [f"names = {names!r}", "frame, axes = frame.rename(columns=names), list(names.values())", figure]
    return "\n".join(lines)


def _coefficients(shown: pd.DataFrame, axes: list[str]) -> list[str]:
    """Give the axes that are λ; not where a sequence tries several."""
    return [axis for axis in axes if axis.startswith(_LAMBDA) and is_numeric_dtype(shown[axis])]


def _show_table(shown: pd.DataFrame, axes: list[str], called: dict[str, str]) -> None:
    """Show the sequences; one whose row is clicked is opened in the lab, as one whose mark is.

    `called` is what each run is called, by its id.
    """
    ids = list(shown["run"])
    shown = shown.assign(
        mean_accuracy=100 * shown["mean_accuracy"],
        capacity_used=100 * shown["capacity_used"],
        state=[[state] for state in shown["state"]],
        run=[called[run] for run in ids],
    )
    exponents = {axis: st.column_config.NumberColumn(format="%e") for axis in _coefficients(shown, axes)}
    st.dataframe(
        shown[[*axes, "mean_accuracy", "capacity_used", "tasks_fitted", "seconds", "state", "run"]],
        height=_ROW_PIXELS * (1 + min(len(ids), _MOST_ROWS)) + 2,
        row_height=_ROW_PIXELS,
        hide_index=True,
        placeholder="–",
        column_config=exponents
        | {
            "mean_accuracy": st.column_config.NumberColumn(
                "Mean accuracy",
                format="%.2f%%",
                help="Over the tasks learned, on their test images.",
            ),
            "capacity_used": st.column_config.NumberColumn(
                "Capacity used", format="%.1f%%", help="Neurons that tasks have claimed, mean over the hidden layers."
            ),
            "tasks_fitted": st.column_config.NumberColumn("Tasks", width="small"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f", width="small"),
            "state": st.column_config.MultiselectColumn(
                "State", options=list(STATE_COLOURS), color=list(STATE_COLOURS.values()), width="small"
            ),
            "run": st.column_config.TextColumn("Run"),
        },
        key="sequences",
        on_select=lambda: _open_selected(ids),
        selection_mode="single-row",
        alt="The sequences of the sweep and their results",
    )
    st.caption(
        "Click a mark or a line of a figure, or the box before a row, to open that run in the Lab; a mean over seeds "
        "opens its runs in Compare."
    )


def _open_selected(shown: list[str]) -> None:
    for row in st.session_state["sequences"]["selection"]["rows"]:
        _open(shown[row])


def _open(run: str) -> None:
    """Open a run, or several with commas between, with the next tick; a callback cannot turn the page itself."""
    st.session_state[_TO_OPEN] = run


def _offer_files(sweep: Sweep, frame: pd.DataFrame) -> None:
    with st.container(horizontal=True, gap="small"):
        for suffix, name in ((".csv", "CSV"), (".parquet", "Parquet")):
            st.download_button(
                f"Table as {name}",
                sweeps.content(frame, suffix),
                f"{sweep.id}{suffix}",
                icon=":material/download:",
                on_click="ignore",
            )
