"""The method of a run in the Lab's form, and the settings that it has of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import streamlit as st

from clnp_core.methods import METHODS
from clnp_core.runs.spec import RunSpec


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
    return method, {f"{method}.{name}": _set(base, method, name) for name in METHODS[method].Settings.model_fields}


def _set(base: RunSpec, method: str, name: str) -> Any:
    """Show one setting as the method describes it."""
    field, given = METHODS[method].Settings.model_fields[name], getattr(getattr(base.settings, method), name)
    label, shared = name.replace("_", " ").capitalize(), {"key": f"{base.preset} {method}.{name}"}
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
