"""The trade-off explorer: move λ, θ and m of a learned task, and see at once what they would have meant."""

from functools import partial

import streamlit as st

from clnp_core.errors import SpecError
from clnp_core.lesson import example_run
from clnp_core.runs.store import Run, Store, default_location
from clnp_core.runs.views.explore import trade_off
from dashboard.shared.empty import show_nothing_learned
from dashboard.shared.errors import show_errors, toast_error
from dashboard.shared.follow import follow
from dashboard.shared.store import open_store
from dashboard.tradeoff.controls import show_history, show_presets, show_sliders
from dashboard.tradeoff.engine_requests import ask_for_accuracies, offer_run, offer_training, training_runs
from dashboard.tradeoff.state import View, as_it_ran, begin, current, linked_view, show
from dashboard.tradeoff.view import show_outcome
from dashboard.tradeoff.welcome import show_welcome

TITLE = "Trade-off"
PLACE = 3


def main() -> None:
    head = st.container()
    with show_errors():
        store = open_store(default_location())
        every = store.runs()
        with head:
            show_welcome() if example_run.is_all_of(every) else st.title(TITLE, anchor=False)
        runs = {run.id: run for run in every if run.spec.prunes}
        learned = {run: tasks for run, tasks in store.learned_tasks().items() if run in runs}
        if not learned and not st.query_params:
            show_nothing_learned("you can move λ, θ and the margin here and see what they would have changed.")
            return
        begin_view(store, next((run for run in runs if run in learned), None))
        view = current()
        active = bool(training_runs(store, store.run(view.run), view.task))
        follow(partial(explore, store, runs, learned), active)


def begin_view(store: Store, newest: str | None) -> None:
    """See that there is a view: what the address tells, else the last one, else the newest run's first task."""
    view, link = current(), st.query_params.to_dict()
    if view and link == view.to_link():
        return
    if view and not link:
        show(view)
        return
    run = store.run(link.get("run", newest))
    task = link.get("task", "1")
    start = first_view(store, run, int(task) if task.isdecimal() else 0)
    try:
        begin(linked_view(link, start, len(run.spec.architecture.hidden)))
    except SpecError as error:
        toast_error(error)
        begin(start)


def first_view(store: Store, run: Run, task: int) -> View:
    """Give the view of what a run made of a task.

    Raises
    ------
    StoreError
        If it has not learned the task, or its method does not prune.
    """
    trade_off(store, run.id, task)
    return as_it_ran(run.id, store.learned(run.id)[task - 1], run.spec.at(task).margin)


def choose_task(store: Store, runs: dict[str, Run], learned: dict[str, int], view: View) -> None:
    """Choose which run's which task is looked at; beside it, the way back."""

    def change() -> None:
        run = st.session_state[f"run {view.run}"]
        task = min(st.session_state[f"task {view.run} {view.task}"], learned[run]) if run == view.run else 1
        show(first_view(store, runs[run], task))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [run for run in runs if run in learned]
        st.selectbox("Run", names, names.index(view.run), key=f"run {view.run}", on_change=change, width=320)
        tasks = range(1, learned[view.run] + 1)
        st.selectbox("Task", tasks, view.task - 1, key=f"task {view.run} {view.task}", on_change=change, width=100)
        with st.container(horizontal=True, gap="small", width="content"):
            show_history()


def explore(store: Store, runs: dict[str, Run], learned: dict[str, int]) -> bool:
    """Show the sliders and what they come to. Returns whether candidates are being trained."""
    view = current()
    choose_task(store, runs, learned, view)
    run, records = store.run(view.run), store.learned(view.run)
    tradeoff, record = trade_off(store, view.run, view.task), records[view.task - 1]
    left, right = st.columns([1, 2.6], gap="medium")
    with right:
        outcome = show_outcome(tradeoff, view)
    with left:
        show_presets(run.spec, tradeoff, view, record)
        show_sliders(run.spec, tradeoff, view)
        training = offer_training(store, run, tradeoff, view)
        offer_run(store, run, tradeoff, view)
    if outcome:
        ask_for_accuracies(store, tradeoff, outcome)
    return training


main()
