"""Free neurons: how many each run of the store has left, layer by layer, and for how many more tasks they last."""

from typing import Any

import pandas as pd
import streamlit as st

from clnp_core.analysis.capacity import in_words
from clnp_core.runs.fold.results import Record
from clnp_core.runs.fold.summary import layers
from clnp_core.runs.store import Run, Store, default_location
from dashboard.shared.empty import show_nothing_learned
from dashboard.shared.errors import show_errors
from dashboard.shared.follow import follow
from dashboard.shared.store import open_store

TITLE = "Free neurons"
PLACE = 4

_SECONDS = 2  # between two drawings: there may be many runs to read


def main() -> None:
    st.title(TITLE, anchor=False)
    with show_errors():
        store = open_store(default_location())
        follow(lambda: show_runs(store), any(run.is_active for run in store.runs()), _SECONDS)


def show_runs(store: Store) -> bool:
    """Show what each run has left. Returns whether any is active."""
    runs, learned = store.runs(), store.learned_tasks()
    partitioned = [run for run in runs if run.id in learned and run.spec.partitions]
    if partitioned:
        show_table([row for run in partitioned for row in rows(run, store.learned(run.id))])
    else:
        show_nothing_learned("its free neurons are counted here.")
    return any(run.is_active for run in runs)


def rows(run: Run, records: list[Record]) -> list[dict[str, Any]]:
    """Give a row for each hidden layer of a run that has learned those tasks."""
    return [
        {
            "Run": run.id,
            "Layer": layer.name,
            "Free": layer.free / layer.width,
            "Neurons": f"{layer.free} of {layer.width}",
            "After each task": layer.free_after,
            "Outlook": in_words([layer.to_json()]),
        }
        for layer in layers(run.spec, records)
    ]


def show_table(table: list[dict[str, Any]]) -> None:
    """Show the rows, those of the newest run first."""
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            "Free": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "After each task": st.column_config.BarChartColumn(y_min=0),
            "Outlook": st.column_config.TextColumn(width="large"),
        },
        alt="Free neurons of each run, layer by layer, the newest run first",
    )


main()
