"""Work that the trade-off page asks of the engine: a forward pass, more candidates, or a run that goes on from here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from itertools import product
from typing import Any

import streamlit as st

from clnp_core.analysis.choice import candidate_of, seen_candidate
from clnp_core.analysis.tradeoff import Outcome, TradeOff
from clnp_core.errors import ClnpError, StoreError
from clnp_core.methods.training.settings import VALIDATION, Epoch
from clnp_core.runs.engine.questions import prepare
from clnp_core.runs.fold.summary import duration, words_for
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.explore import committing_fork, training_fork
from dashboard.shared.errors import attempt, show_errors, toast_error
from dashboard.shared.number_text import margin_text, scientific
from dashboard.shared.run_text import title_text, training_text
from dashboard.shared.store import start_engine
from dashboard.tradeoff.controls import choose_to_train
from dashboard.tradeoff.state import View, change, is_settled
from dashboard.tradeoff.view import lambdas

_REST_SECONDS = 1.5
"""That an untrained λ has to stay as it is before its training begins by itself."""
_SHORT_SECONDS = 60
"""A training that takes no longer begins by itself unless one has switched that off."""
_ASKED, _RESTING = "λ asked for", "λ at rest"


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


def is_moving(store: Store, run: Run, tradeoff: TradeOff, view: View) -> bool:
    """Tell whether the page changes by itself: λ are being trained, or the view's will be after a moment's rest."""
    return bool(training_runs(store, run, view.task)) or (_is_due(tradeoff, view) and is_settled())


def train_if_at_rest(store: Store, run: Run, tradeoff: TradeOff, view: View) -> None:
    """Have the view's λ trained if it is to be by itself and has stayed as it is for a moment."""
    if not _is_due(tradeoff, view) or epochs_so_far(store, run, view) is not None:
        return
    now, at = time.monotonic(), _place(view)
    resting, since = st.session_state.get(_RESTING, (None, now))
    if resting != at or not is_settled():
        st.session_state[_RESTING] = at, now
    elif now - since >= _REST_SECONDS:
        _train(store, run, view, {key: [value] for key, value in zip(run.spec.layer_keys, view.l1, strict=True)})


def _is_due(tradeoff: TradeOff, view: View) -> bool:
    """Tell whether the view's λ will be trained by itself: once, and not if it is known to diverge."""
    asked = _place(view) in st.session_state.get(_ASKED, ())
    return view.seen is not None and not asked and not diverged(tradeoff, view) and _trains_by_itself(tradeoff)


def diverged(tradeoff: TradeOff, view: View) -> bool:
    """Tell whether the view's λ has been trained, and that diverged."""
    wanted = view.l1, view.learning_rate
    return any(each.curve.diverged and (each.l1, each.learning_rate) == wanted for each in tradeoff.candidates)


def _place(view: View) -> tuple[Any, ...]:
    return view.run, view.task, view.l1, view.learning_rate


def _train(store: Store, run: Run, view: View, axes: dict[str, list[float]]) -> bool:
    """Have λ trained for the view's task. Returns whether they will be."""
    asked = st.session_state.setdefault(_ASKED, {})
    places = [_place(replace(view, l1=l1)) for l1 in product(*axes.values())]
    asked |= dict.fromkeys(places)  # and not again by themselves, if they are refused

    def add() -> None:
        fork = training_fork(run.spec, view.task, axes, view.learning_rate)
        asked.update(dict.fromkeys(places, store.add(fork, like=run)))

    if added := attempt(add):
        start_engine(store)
    return added


def _cost(tradeoff: TradeOff) -> float:
    """Return the seconds that a training of the task takes, at the speed of those there are."""
    return sum(each.seconds for each in tradeoff.candidates) / len(tradeoff.candidates)


def _switch(tradeoff: TradeOff) -> tuple[str, bool]:
    """Return the key of the switch for training by itself, and how it stands at first."""
    is_short = _cost(tradeoff) <= _SHORT_SECONDS
    return f"train by itself {is_short}", is_short


def _trains_by_itself(tradeoff: TradeOff) -> bool:
    key, at_first = _switch(tradeoff)
    return bool(st.session_state.get(key, at_first))


def switch_training(tradeoff: TradeOff) -> None:
    """Show the switch that has untrained λ trained by themselves, with what that costs."""
    key, at_first = _switch(tradeoff)
    st.toggle(
        f"Train it by itself, about {duration(_cost(tradeoff))}",
        at_first,
        key=key,
        help="A λ that is not trained yet is trained as soon as its slider has been at rest for a moment.",
    )


def epochs_so_far(store: Store, run: Run, view: View) -> list[Epoch] | None:
    """List the epochs of the view's λ that is being trained; None if it is not."""
    names = [field.name for field in fields(Epoch)]
    for other in training_runs(store, run, view.task):
        grid = [(point.l1, point.learning_rate) for point in other.spec.grid]
        if (view.l1, view.learning_rate) in grid:
            own = view.task, grid.index((view.l1, view.learning_rate))
            rows = [row for row in store.epochs(other.id) if (row["task"], row["candidate"]) == own]
            return [Epoch(**{name: row[name] for name in names}) for row in rows]
    return None


def show_untrained(store: Store, run: Run, tradeoff: TradeOff, view: View, epochs: Sequence[Epoch] | None) -> None:
    """Mark that what is shown is of another λ than the view's, and say how far that one is, or offer to train it."""
    shown = lambdas(seen_candidate(view, tradeoff).l1)
    st.markdown(
        f":orange-badge[not trained] λ = {lambdas(view.l1)} has not been trained for task {view.task}. Dimmed is what "
        f"λ = {shown} came to.  \n{_standing(store, run, tradeoff, view, epochs)}"
    )
    if epochs is None and not _is_due(tradeoff, view) and not diverged(tradeoff, view):
        axes = {key: [value] for key, value in zip(run.spec.layer_keys, view.l1, strict=True)}
        name = f"Train this λ, about {duration(_cost(tradeoff))}"
        if st.button(name, type="primary") and _train(store, run, view, axes):
            st.rerun()


def _standing(store: Store, run: Run, tradeoff: TradeOff, view: View, epochs: Sequence[Epoch] | None) -> str:
    """Tell how far the training of the view's λ is, or why there is none."""
    if epochs:
        last, of = epochs[-1], run.spec.at(view.task).epochs_of(view.task)
        reached = f"{last.validation_accuracy:.2%} {VALIDATION[tradeoff.before.measure]}"
        left = f" with {' / '.join(map(str, last.neurons))} neurons" if last.neurons else ""
        return f"Epoch {last.epoch} of {of}: {reached}{left}. θ will follow m."
    if epochs is not None or _is_due(tradeoff, view):
        return f"Its training takes about {duration(_cost(tradeoff))}; θ will follow m."
    return "Its training diverged; choose another λ." if diverged(tradeoff, view) else _why_not_trained(store, view)


def _why_not_trained(store: Store, view: View) -> str:
    """Tell what came of the training that was asked for, if any was."""
    asked = st.session_state.get(_ASKED, {}).get(_place(view))
    with suppress(StoreError):  # deleted since
        if asked and (other := store.run(asked)).state != "finished":
            return f"Its training, {other.id}, was {other.state}." if not other.error else other.error
    return ""


def show_trainings(store: Store, run: Run, task: int) -> None:
    """Show how far those λ are that are being trained."""
    for other in training_runs(store, run, task):
        left = words_for(other.seconds_left)
        st.progress(other.fraction, f"Training more λ · {other.fraction:.0%}" + (f" · {left}" if left else ""))


def offer_training(store: Store, run: Run, tradeoff: TradeOff, view: View) -> None:
    """Offer to have several λ trained."""
    with st.popover("Train missing λ", icon=":material/model_training:"), show_errors():
        axes, missing = choose_to_train(run.spec, tradeoff, view)
        st.caption(f"{missing} to train, {_cost(tradeoff):.1f} s each at the speed of those there are.")
        asked = st.button("Train", type="primary", icon=":material/play_arrow:", disabled=not missing, width="stretch")
    if asked and _train(store, run, view, axes):
        st.rerun()


def offer_run(store: Store, run: Run, tradeoff: TradeOff, view: View) -> None:
    """Offer to start a run that goes on from the task with these settings."""
    candidate = candidate_of(view, tradeoff)
    with st.popover("Commit as a new run", icon=":material/fork_right:", disabled=candidate is None):
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
