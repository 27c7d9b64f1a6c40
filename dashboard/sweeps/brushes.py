"""Which sequences of a sweep are chosen: by brushes on the parallel coordinates, or by the controls beside them.

It is in the address, so that it stays and can be sent.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from clnp_core.analysis.figures.settings import brushed
from clnp_core.analysis.figures.sweeps import in_short
from clnp_core.analysis.sweeps import MEASURES, Brushes, levels
from clnp_core.errors import SpecError
from dashboard.shared.errors import toast_error

LINK = "chosen"
_LABELS = {"capacity_used": "capacity used", "mean_accuracy": "mean accuracy"}
_STEPS, _LEAST_STEP = 20, 0.01  # of a slider: so many at least, in percentage points


def linked_brushes(shown: pd.DataFrame, axes: Sequence[str]) -> Brushes:
    """Give what the address chooses among the sequences that there are; if it cannot be read, nothing, and say so."""
    try:
        return read_link(st.query_params.get(LINK, "{}"), shown, axes)
    except SpecError as error:
        toast_error(error)
        show({})
        return {}


def read_link(link: str, shown: pd.DataFrame, axes: Sequence[str]) -> Brushes:
    """Read what an address chooses; values that no sequence has are left out.

    Raises
    ------
    SpecError
        If it has another form or names no axis.
    """
    wrong = SpecError(
        f"The link's chosen = {link[:100]} is not possible: it should name settings of this sweep and values of them, "
        'such as {"method":["clnp"]}.'
    )
    try:
        given = json.loads(link)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(given, dict) or not all(isinstance(values, list) and values for values in given.values()):
        raise wrong
    chosen: dict[str, list[Any]] = {}
    for axis, values in given.items():
        if axis in MEASURES:
            numbers = [value for value in values if type(value) in (int, float) and math.isfinite(value)]
            if values != [None] and not (len(values) == len(numbers) == 2 and values[0] <= values[1]):
                raise wrong
            chosen[axis] = values
        elif axis not in axes:
            raise wrong
        # Of a run that was deleted there may have been a value that no other has.
        elif known := [value for value in levels(shown[axis]) if value in values]:
            chosen[axis] = known
    return chosen


def show(chosen: Brushes) -> None:
    """Choose by these axes, and have the address tell it."""
    if chosen:
        st.query_params[LINK] = json.dumps(chosen, ensure_ascii=False, separators=(",", ":"))
    else:
        st.query_params.pop(LINK, None)


def brush(shown: pd.DataFrame, axes: Sequence[str], box: dict[str, list[float]]) -> None:
    """Take what a box over the parallel coordinates covers of one axis; choose all again if there is no box."""
    if not box:
        show({})
        return
    axis, values = brushed(shown, axes, box["x"], box["y"])
    _take(shown, axes, axis, values)


def _take(shown: pd.DataFrame, axes: Sequence[str], axis: str, values: Sequence[Any]) -> None:
    """Choose values of an axis, beside what is chosen of others; none or all of them is no choice."""
    others = {name: kept for name, kept in linked_brushes(shown, axes).items() if name != axis}
    is_choice = len(values) and (axis in MEASURES or len(values) < len(levels(shown[axis])))
    show(others | {axis: list(values)} if is_choice else others)


def in_words(chosen: Brushes) -> str:
    """Tell what is chosen."""
    return " · ".join(
        f"{axis} {_either(values)}"
        if axis not in MEASURES
        else f"{_LABELS[axis]} {'–' if values[0] is None else '{:.2%} to {:.2%}'.format(*values)}"
        for axis, values in chosen.items()
    )


def _either(values: Sequence[Any]) -> str:
    *first, last = map(in_short, values)
    return f"{', '.join(first)} or {last}" if first else last


def show_controls(shown: pd.DataFrame, axes: Sequence[str], chosen: Brushes, key: str) -> None:
    """Show what does without a mouse what brushes do."""
    for axis in axes:
        values = levels(shown[axis])
        if len(values) > 1:
            name = f"{key} {axis}"
            st.session_state[name] = list(chosen.get(axis, []))
            st.multiselect(
                axis,
                values,
                format_func=in_short,
                key=name,
                placeholder="any",
                select_all=False,
                on_change=lambda axis=axis, name=name: _take(shown, axes, axis, st.session_state[name]),
            )
    for axis in reversed(MEASURES):
        known = 100 * shown[axis].dropna().astype(float)
        if known.max() - known.min() > _LEAST_STEP:
            _show_range(shown, axes, axis, chosen.get(axis, [None]), known, f"{key} {axis}")


def _show_range(
    shown: pd.DataFrame, axes: Sequence[str], axis: str, given: Sequence[float | None], known: pd.Series, name: str
) -> None:
    """Show a slider from the least to the greatest result in per cent, of which the whole is no choice."""
    step = max(_LEAST_STEP, 10.0 ** math.floor(math.log10((known.max() - known.min()) / _STEPS)))
    least, most = _outwards(known.min(), known.max(), step)
    low, high = (least, most) if given[0] is None else _outwards(100 * given[0], 100 * given[1], step)

    def take() -> None:
        ends = [round(end, 2) for end in st.session_state[name]]
        _take(shown, axes, axis, [] if ends == [least, most] else [round(end / 100, 4) for end in ends])

    st.session_state[name] = tuple(min(max(end, least), most) for end in (low, high))
    st.slider(f"{_LABELS[axis]} (%)".capitalize(), least, most, step=step, format="%.2f", key=name, on_change=take)


def _outwards(low: float, high: float, step: float) -> tuple[float, float]:
    """Round both to steps, without more room than rounding errors ask for."""
    return round(step * math.floor(low / step + 1e-6), 2), round(step * math.ceil(high / step - 1e-6), 2)
