"""A look at tasks before anything is trained."""

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from clnp_core.analysis.thumbnails import thumbnails
from clnp_core.tasks.labels import short
from dashboard.own.tasks import LOOKED_AT, Look, Tasks
from dashboard.shared.number_text import counted
from dashboard.shared.run_text import plain
from dashboard.shared.style import style_sheet

_AT_ONCE = 5  # tasks
_MOST_COLUMNS = 12


def show_tasks(tasks: Tasks) -> None:
    """Show twenty training samples of each task, some tasks at a time."""
    count = tasks.stream["tasks"]
    st.markdown(f"{tasks.about}: **{counted(count, 'task')}**. Of each, {LOOKED_AT} samples to train on:")
    first = 1
    if count > _AT_ONCE:
        last = count - _AT_ONCE + 1
        first = st.slider("First task shown", 1, last, 1, key=f"own first of {count}")
    for number in range(first, min(first + _AT_ONCE, count + 1)):
        look = tasks.look(number)
        st.markdown(f"**Task {number}** · {plain(look.named)} · {look.train:,} to train and {look.test:,} to test with")
        if look.x.shape[1:3] == (1, 1):
            _show_rows(look, tasks.features)
        else:
            _show_pictures(look)
    st.html(_STYLE)


def _show_pictures(look: Look) -> None:
    cells = "".join(
        f'<figure title="{escape(str(label))}"><img src="{picture}" alt="{escape(str(label))}">'
        f"<figcaption>{escape(short(label, 10))}</figcaption></figure>"
        for picture, label in zip(thumbnails(look.x), look.labels, strict=True)
    )
    st.html(f'<div class="clnp-samples">{cells}</div>')


def _show_rows(look: Look, features: tuple[str, ...]) -> None:
    rows = look.x[:, 0, 0]
    shown = rows[:, :_MOST_COLUMNS]
    names = features[:_MOST_COLUMNS] or [f"value {n}" for n in range(1, shown.shape[1] + 1)]
    table = pd.DataFrame(np.round(shown.astype(float), 4), columns=list(names))
    table.insert(0, "class", [str(label) for label in look.labels], allow_duplicates=True)
    st.dataframe(table, hide_index=True, height=180)
    if rows.shape[1] > _MOST_COLUMNS:
        st.caption(f"The first {_MOST_COLUMNS} of {rows.shape[1]:,} columns.")


_STYLE = style_sheet(Path(__file__).with_name("samples.css"))
