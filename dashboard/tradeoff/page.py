"""The trade-off explorer: move λ, θ and m of a learned task, and see at once what they would have meant."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from clnp_core.analysis.choice import arrived, seen_candidate
from clnp_core.errors import SpecError
from clnp_core.runs.store import Run, Store, default_location
from clnp_core.runs.views.explore import trade_off
from dashboard.shared.empty import show_nothing_learned
from dashboard.shared.errors import show_errors, toast_error
from dashboard.shared.first_visit import is_fresh
from dashboard.shared.follow import follow
from dashboard.shared.store import open_store
from dashboard.shared.style import style_sheet
from dashboard.tradeoff.controls import show_history, show_lambda, show_presets, show_pruning
from dashboard.tradeoff.engine_requests import (
    ask_for_accuracies,
    epochs_so_far,
    is_moving,
    offer_run,
    offer_training,
    show_trainings,
    show_untrained,
    switch_training,
    train_if_at_rest,
)
from dashboard.tradeoff.state import View, as_it_ran, begin, complete, current, linked, linked_view, show
from dashboard.tradeoff.view import (
    ruling,
    show_activities,
    show_front,
    show_numbers,
    show_partition,
)
from dashboard.tradeoff.welcome import show_welcome

TITLE = "Trade-off"
PLACE = 3

_LAYOUT, _DIMMED = (style_sheet(Path(__file__).with_name(name)) for name in ("layout.css", "dimmed.css"))


def main() -> None:
    if is_fresh():
        show_welcome()
    else:
        with st.container(key="title"):
            st.title(TITLE, anchor=False)
    with show_errors():
        store = open_store(default_location())
        runs = {run.id: run for run in store.runs() if run.spec.prunes}
        learned = {run: tasks for run, tasks in store.learned_tasks().items() if run in runs}
        if not learned and not st.query_params:
            show_nothing_learned("you can move λ, θ and the margin here and see what they would have changed.")
            return
        begin_view(store, next((run for run in runs if run in learned), None))
        view = current()
        tradeoff = trade_off(store, view.run, view.task)
        follow(partial(explore, store, runs, learned), is_moving(store, store.run(view.run), tradeoff, view))


def begin_view(store: Store, newest: str | None) -> None:
    """See that there is a view: what the address tells, else the last one, else the newest run's first task."""
    view, link = current(), st.query_params.to_dict()
    if view and link == linked():
        return
    if view and not link:
        show(view)
        return
    run = store.run(link.get("run", newest))
    task = link.get("task", "1")
    start = first_view(store, run, int(task) if re.fullmatch("[0-9]{1,6}", task) else 0)
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

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="looked-at"):
        names = [run for run in runs if run in learned]
        tasks = range(1, learned[view.run] + 1)
        look = {"on_change": change, "label_visibility": "collapsed"}
        place, called = names.index(view.run), lambda run: runs[run].called
        st.selectbox("Run", names, place, called, key=f"run {view.run}", width=300, **look)
        key = f"task {view.run} {view.task}"
        st.selectbox("Task", tasks, view.task - 1, key=key, width=110, format_func="Task {}".format, **look)
        with st.container(horizontal=True, gap="small", width="content"):
            show_history()


def explore(store: Store, runs: dict[str, Run], learned: dict[str, int]) -> bool:
    """Show the sliders and what they come to. Returns whether the page changes by itself."""
    choose_task(store, runs, learned, current())
    run, records = store.run(current().run), store.learned(current().run)
    tradeoff, record = trade_off(store, run.id, current().task), records[current().task - 1]
    view = arrived(current(), tradeoff)
    if view != current():
        complete(view)
    train_if_at_rest(store, run, tradeoff, view)
    with st.container(key="explorer"):
        names = ("actions", "numbers", "says", "front", "partition", "rail", "activities")  # where each is: layout.css
        place = {name: st.container(key=name, gap="small") for name in names}
    theme = st.context.theme.type or "light"
    candidate = seen_candidate(view, tradeoff)
    seen = replace(view, l1=candidate.l1, learning_rate=candidate.learning_rate)
    outcome = tradeoff.at(candidate, view.theta)
    epochs = epochs_so_far(store, run, view) if view.seen else None
    st.html(_LAYOUT + (_DIMMED if view.seen else ""))
    with place["actions"], st.container(horizontal=True, gap="small"):
        show_presets(run.spec, tradeoff, view, record)
        offer_training(store, run, tradeoff, view)
        offer_run(store, run, tradeoff, view)
    with place["numbers"]:
        show_numbers(tradeoff, outcome)
    with place["says"]:
        if view.seen:
            show_untrained(store, run, tradeoff, view, epochs)
        else:
            st.caption(ruling(tradeoff.verdict(view.margin), view.margin, tradeoff.before.measure))
    with place["front"]:
        # Where no neuron leaves while it trains, its path goes nowhere.
        going_on = epochs if epochs and run.spec.at(view.task).gradual_training else ()
        show_front(tradeoff, view, None if view.seen else outcome, theme, going_on)
    with place["partition"]:
        show_partition(tradeoff, seen, outcome, theme)
    with place["activities"]:
        show_activities(tradeoff, seen, outcome, theme)
    with place["rail"]:
        show_lambda(run.spec, tradeoff, view)
        switch_training(tradeoff)
        show_pruning(tradeoff, view)
        show_trainings(store, run, view.task)
    if not view.seen:
        ask_for_accuracies(store, tradeoff, outcome)
    return is_moving(store, run, tradeoff, view)


main()
