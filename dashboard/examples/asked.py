"""What is asked of the engine, and kept: the answers to a task's test images, and looks at some of them."""

from __future__ import annotations

import streamlit as st

from clnp_core.analysis.examples import Examples, Look
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.examples import examples
from dashboard.shared.store import start_engine


def asked_examples(store: Store, run: Run, task: int, learned: int) -> Examples:
    """Ask what the network answers to a task's test images, or give what was asked before.

    Raises
    ------
    StoreError
        If the engine cannot answer.
    """
    return _examples(run.id, task, learned, store)


@st.cache_resource(max_entries=20, show_spinner="Asking the engine for a forward pass …")
def _examples(run: str, task: int, learned: int, _store: Store) -> Examples:
    if _store.engine() is None:
        start_engine(_store)
    return examples(_store, run, task)


def asked_look(run: Run, examples: Examples, images: tuple[int, ...], learned: int) -> Look:
    """Ask what the network makes of some images, or give what was asked before.

    Raises
    ------
    StoreError
        If the engine cannot answer.
    """
    return _look(run.id, examples.task, learned, images, examples)


@st.cache_resource(max_entries=40, show_spinner=False)
def _look(run: str, task: int, learned: int, images: tuple[int, ...], _examples: Examples) -> Look:
    return _examples.look(images)
