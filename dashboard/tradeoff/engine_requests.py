"""Work that the trade-off page asks of the engine: a forward pass, more candidates, or a run that goes on from here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from clnp_core.analysis.tradeoff import Outcome, TradeOff
from clnp_core.errors import ClnpError
from clnp_core.runs.engine.questions import prepare
from clnp_core.runs.fold.summary import words_for
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.explore import committing_fork, training_fork
from dashboard.shared.errors import attempt, show_errors, toast_error
from dashboard.shared.number_text import margin_text, scientific
from dashboard.shared.run_text import title_text, training_text
from dashboard.shared.store import start_engine
from dashboard.tradeoff.controls import choose_to_train
from dashboard.tradeoff.state import View, candidate_of, change


def ask_for_accuracies(store: Store, tradeoff: TradeOff, outcome: Outcome) -> None:
    """Have the accuracies of an outcome computed that are not known, and draw the page again with them."""
    missing = [split for split in ("validation", "test") if tradeoff.accuracy(outcome, split, only_known=True) is None]
    asked = (outcome.candidate.key, outcome.claimed)
    if not missing and st.session_state.get("prepared") != outcome.candidate.key:
        prepare(store, outcome.candidate.key)
        st.session_state["prepared"] = outcome.candidate.key
    if not missing or st.session_state.get("asked in vain") == asked:
        return
    if store.engine() is None:
        start_engine(store)
    try:
        if missing == ["test"] and len(set(outcome.theta)) == 1:
            tradeoff.test_curve(outcome.candidate)  # so that θ can be moved from here without asking
        for split in missing:
            tradeoff.accuracy(outcome, split)
    except ClnpError as error:
        st.session_state["asked in vain"] = asked
        toast_error(error)
    else:
        st.rerun()


def training_runs(store: Store, run: Run, task: int) -> list[Run]:
    """Find the runs at work that train more candidates of a run's task."""
    base = run.spec.at(task)
    return [
        other
        for other in store.active()
        if other.spec.fork_of == base and (other.spec.at_task, other.spec.stream.tasks) == (task, task)
    ]


def offer_training(store: Store, run: Run, tradeoff: TradeOff, view: View) -> bool:
    """Offer to have missing λ trained. Returns whether some are being trained."""
    training = training_runs(store, run, view.task)
    for other in training:
        left = words_for(other.seconds_left)
        st.progress(other.fraction, f"Training more λ · {other.fraction:.0%}" + (f" · {left}" if left else ""))
    untrained = candidate_of(view, tradeoff) is None
    with st.popover("Train missing λ", icon=":material/model_training:", width="stretch"), show_errors():
        axes, missing = choose_to_train(run.spec, tradeoff, view)
        seconds = sum(each.seconds for each in tradeoff.candidates) / len(tradeoff.candidates)
        st.caption(f"{missing} to train, {seconds:.1f} s each at the speed of those there are.")
        asked = st.button("Train", type="primary", icon=":material/play_arrow:", disabled=not missing, width="stretch")
    if untrained and not training:
        asked |= st.button(f"Train this λ, about {seconds:.0f} s", type="primary", width="stretch")
        axes = {key: [value] for key, value in zip(axes, view.l1, strict=True)} if not missing else axes
    if asked and attempt(lambda: store.add(training_fork(run.spec, view.task, axes, view.learning_rate), like=run)):
        start_engine(store)
        st.rerun()
    return bool(training)


def offer_run(store: Store, run: Run, tradeoff: TradeOff, view: View) -> None:
    """Offer to start a run that goes on from the task with these settings."""
    candidate = candidate_of(view, tradeoff)
    with st.popover("Commit as a new run", icon=":material/fork_right:", width="stretch", disabled=candidate is None):
        tuning = fine_tuning_settings(run.spec, view)
        key = f"fine-tuning {view.fine_tuning}"
        wanted = st.checkbox(
            f"Fine-tune what is left: {tuning['epochs']} epochs at {scientific(tuning['learning_rate'])}",
            view.fine_tuning,
            key=key,
            on_change=lambda: change(view, lambda now: replace(now, fine_tuning=st.session_state[key])),
        )
        if candidate is None:
            return
        spec = committing_fork(run.spec, view.task, candidate, view.theta, view.margin, tuning if wanted else None)
        shared = f"Shares tasks 1 to {view.task - 1} with {title_text(run)}, and" if view.task > 1 else "Shares"
        later = f" Later tasks are pruned within m = {margin_text(view.margin)}." if spec.at_task > view.task else ""
        st.caption(f"{shared} the training of this candidate.{later} At most {training_text(spec, view.task)}.")
        if st.button("Start the run", type="primary", icon=":material/play_arrow:", width="stretch"):
            _start(store, spec, run)


def fine_tuning_settings(spec: RunSpec, view: View) -> dict[str, Any]:
    """Give the run's own fine-tuning, or the paper's: a third of the epochs at a tenth of the rate (section 3.2)."""
    own = spec.at(view.task)
    if own.fine_tuning:
        return own.fine_tuning.model_dump(mode="json")
    return {"epochs": max(1, own.epochs_of(view.task) // 3), "learning_rate": view.learning_rate / 10}


def _start(store: Store, spec: RunSpec, forked: Run) -> None:
    added: list[str] = []
    if attempt(lambda: added.append(store.add(spec, like=forked))):
        start_engine(store)
        st.switch_page("lab/page.py", query_params={"run": added[0]})
