"""How data is divided into tasks, and what each of them then is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from clnp_core.bounds import Label
from clnp_core.tasks.content import loaded
from clnp_core.tasks.files import Part, Samples, column_names, divided, read
from clnp_core.tasks.files.adding import stored_samples, stream_of
from clnp_core.tasks.files.dividing import in_turn, seen
from clnp_core.tasks.given import own_stream
from clnp_core.tasks.labels import shown
from dashboard.own.source import Chosen

LOOKED_AT = 20
_CLASSES, _COLUMN, _PERMUTED = "By class", "By a column", "Permuted"
_READ = "own read"


class Look(NamedTuple):
    """Some training samples of a task, to look at.

    Attributes
    ----------
    named : str
        What the task is.
    train, test : int
        How many samples it has.
    x : array [N, channels, height, width]
    labels : list of int or str
    """

    named: str
    train: int
    test: int
    x: np.ndarray
    labels: list[Label]


class Tasks(NamedTuple):
    """Tasks made of own data.

    Attributes
    ----------
    stream : dict
        Their stream's specification, for now under any name.
    about : str
        What the data is.
    look : callable
        Gives what there is to look at in task 1, 2, ...
    keep : callable
        Stores them under a name.
    features : tuple of str
        Names of a table's columns, if it has some and they are in their own places.
    """

    stream: dict[str, Any]
    about: str
    look: Callable[[int], Look]
    keep: Callable[[str], object]
    features: tuple[str, ...] = ()


def choose_tasks(chosen: Chosen) -> Tasks | None:
    """Choose how data is divided into tasks; None where that is still to be said.

    Raises
    ------
    DataError
    """
    if chosen.kept:
        return _kept(chosen.kept)
    columns = column_names(chosen.source)
    given: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if chosen.is_table and columns:
            place = columns.index("label") if "label" in columns else len(columns) - 1
            given["label"] = st.selectbox(
                "Column with the labels", columns, place, key=f"{chosen.name} label", width=220
            )
            columns = [each for each in columns if each != given["label"]]
        ways = [_CLASSES, *([_COLUMN] if columns else []), _PERMUTED]
        way = st.segmented_control("Tasks", ways, default=_CLASSES, required=True, key="own way")
        if way == _COLUMN:
            key = f"{chosen.name} column"
            column = st.selectbox("Column with the tasks", columns, None, key=key, width=220, placeholder="Choose one")
            tasks = f"column:{column}" if column else None
        elif way == _PERMUTED:
            tasks = f"permuted:{st.number_input('Number of tasks', 1, 1000, 5, key='own permuted', width=130)}"
        else:
            tasks = f"classes:{st.number_input('Classes a task', 2, None, 2, key='own classes', width=130)}"
        if chosen.is_table:
            given["scale"] = st.toggle(
                "Scale the columns", key="own scale", help="To mean 0 and deviation 1, by the samples to train on."
            )
        if chosen.is_pictures and st.toggle("Bring to one size", key="own resize"):
            given["size"] = tuple(
                st.number_input(side, 1, 4096, 32, key=f"own {side}", width=110) for side in ("Height", "Width")
            )
    if not tasks:
        st.caption("Choose the column of which each value is to be a task.")
        return None
    samples, parts = _read(chosen, tasks, given)
    about = f"{len(samples.x):,} samples, {len(samples.y.values):,} classes"
    return Tasks(
        stream_of("own", samples, parts),
        about,
        lambda task: _look(samples, parts[task - 1]),
        lambda name: stored_samples(name, samples, parts),
        () if way == _PERMUTED else samples.features,
    )


def _read(chosen: Chosen, tasks: str, given: dict[str, Any]) -> tuple[Samples, list[Part]]:
    """Read and divide data, once for as long as nothing is chosen otherwise."""
    by = tasks.removeprefix("column:") if tasks.startswith("column:") else None
    key = chosen.key, by, *sorted(given.items())
    if st.session_state.get(_READ, [None])[0] != key:
        with st.spinner("Reading …"):
            st.session_state[_READ] = key, read(chosen.source, by=by, **given)
    samples = st.session_state[_READ][1]
    return samples, divided(samples, tasks)


def _look(samples: Samples, part: Part) -> Look:
    rows = part.train[in_turn(samples.y.places[part.train], LOOKED_AT)]
    labels = [samples.y.values[place] for place in samples.y.places[rows]]
    return Look(part.named, len(part.train), len(part.test), seen(samples, part, rows), labels)


def _kept(name: str) -> Tasks:
    stream = own_stream(name)
    data, _ = loaded(stream)

    def look(task: int) -> Look:
        own = data[task - 1]
        rows = in_turn(own.y_train, LOOKED_AT)
        labels = [own.labels[number] for number in own.y_train[rows]]
        return Look(shown(own.labels, 4), len(own.x_train), len(own.x_test), own.x_train[rows], labels)

    samples = sum(len(own.x_train) + len(own.x_test) for own in data)
    return Tasks(stream, f"{samples:,} samples in all tasks", look, lambda _: None)
