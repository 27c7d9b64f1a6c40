"""Runs side by side: what they came to, over seeds, and what is different about them."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from clnp_core.analysis.compare import Group
from clnp_core.lesson import example, example_run
from clnp_core.runs.comparison import comparison
from clnp_core.runs.spec import parse
from clnp_core.runs.store import Run, Store, default_location
from dashboard.compare.choice import choose_runs, offer_methods
from dashboard.compare.elsewhere import take_in
from dashboard.compare.view import show_comparison
from dashboard.shared.empty import show_nothing_learned
from dashboard.shared.errors import show_errors
from dashboard.shared.follow import follow
from dashboard.shared.run_text import state_text, time_left_text, title_text
from dashboard.shared.store import open_store

TITLE = "Compare"

_EXAMPLE = "from clnp_core.lesson import example\n\ngroups = example.groups()\n"
PLACE = 6


def main() -> None:
    st.title(TITLE, anchor=False)
    with show_errors():
        store = open_store(default_location())
        learned = store.learned_tasks()
        own = [run for run in store.runs() if run.id in learned and example_run.TAG not in run.tags]
        if not own and "runs" not in st.query_params:
            if not learned:
                show_nothing_learned("it can be compared here with runs of other methods and settings.")
            show_example()
            return
        chosen, others = choose_runs(store), take_in()
        active = any(run.is_active for run in chosen)
        follow(partial(show_chosen, store, [run.id for run in chosen], others, active), active)


def show_chosen(store: Store, chosen: list[str], others: Sequence[Group], active: bool) -> bool:
    """Show the chosen runs beside results from elsewhere. Returns whether any of the runs is active."""
    learned, known = store.learned_tasks(), {run.id: run for run in store.runs()}
    runs = [known.get(run) or store.run(run) for run in chosen]
    show_progress(runs)
    groups = [*comparison(store, [run.id for run in runs if run.id in learned]), *others]
    if len(groups) < 2 and not active:
        offer_methods(store, runs)
    if runs and groups:
        show_comparison(groups, runs[0].spec)
    return any(run.is_active for run in runs)


def show_example() -> None:
    """Show the comparison that ships."""
    groups, about = example.groups(), example.about()
    st.subheader("An example meanwhile: all methods on the digits", anchor=False)
    st.caption(
        f"Ten permuted tasks, {example.SEEDS} seeds, one output layer: `clnp compare digits --seeds {example.SEEDS}`, "
        f"{about['date']}, {about['processor']}, {about['cores']} cores. How strongly a method holds weights was "
        "searched on the validation images of the first tasks. Runs of your own are compared here as soon as one has "
        "learned a task."
    )
    show_comparison(groups, parse(groups[0].runs[0].spec), _EXAMPLE)


def show_progress(runs: list[Run]) -> None:
    """Show how far the runs are that are not done."""
    for run in runs:
        if run.state != "finished":
            parts = (title_text(run), f"{state_text(run)} at {run.fraction:.0%}", time_left_text(run))
            st.progress(run.fraction, " · ".join(filter(None, parts)))


main()
