"""The method of a run in the Lab's form, and the settings that it has of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import streamlit as st

from clnp_core.methods import METHODS
from clnp_core.runs.spec import RunSpec, parse_assignment
from clnp_core.runs.spec.own_settings import axes


def choose_method(base: RunSpec) -> tuple[str, dict[str, Any]]:
    """Choose what learns. Returns its name, and its own settings: dotted path → value, as `preset` takes it."""
    method = st.selectbox(
        "Method",
        list(METHODS),
        list(METHODS).index(base.method),
        key=f"{base.preset} method",
        label_visibility="collapsed",
    )
    st.caption(METHODS[method].about)
    numbers = axes(METHODS[method].Settings)
    several = numbers and st.toggle(
        "Try several values",
        any(len(getattr(getattr(base.settings, method), name)) > 1 for name in numbers),
        key=f"{base.preset} {method} several",
        help="Trains a candidate for every combination, and keeps one.",
    )
    chosen = {}
    for name in METHODS[method].Settings.model_fields:
        choose = _set_several if several and name in numbers else _set
        chosen[f"{method}.{name}"] = choose(base, method, name)
    return method, chosen


def setting_label(name: str) -> str:
    """Name a setting of a method's own."""
    return name.replace("_", " ").capitalize()


def _set_several(base: RunSpec, method: str, name: str) -> list[Any]:
    """Let values be typed for one setting."""
    given = list(map(str, getattr(getattr(base.settings, method), name)))
    typed = st.multiselect(
        setting_label(name),
        given,
        given,
        key=f"{base.preset} {method}.{name} several",
        help=METHODS[method].Settings.model_fields[name].description,
        accept_new_options=True,
        select_all=False,
        placeholder="Type a value",
    )
    return [parse_assignment(f"{name}={value}")[1] for value in typed]


def _set(base: RunSpec, method: str, name: str) -> Any:
    """Show one setting as the method describes it."""
    field, given = METHODS[method].Settings.model_fields[name], getattr(getattr(base.settings, method), name)
    if name in axes(METHODS[method].Settings):
        given = given[0]
    label, shared = setting_label(name), {"key": f"{base.preset} {method}.{name}"}
    shared["help"] = field.description
    if isinstance(given, bool):
        return st.toggle(label, given, **shared)
    if choices := get_args(field.annotation):
        return st.selectbox(label, choices, choices.index(given), **shared)
    lowest, highest = (None if bound is None else type(given)(bound) for bound in _bounds(field.metadata))
    return st.number_input(label, lowest, highest, given, **shared)


def _bounds(metadata: Iterable[Any]) -> tuple[float | None, float | None]:
    """The least and the greatest value of a field, as far as it says."""
    told = {name: getattr(each, name) for each in metadata for name in ("ge", "gt", "le", "lt") if hasattr(each, name)}
    return told.get("ge", told.get("gt")), told.get("le", told.get("lt"))
