"""The view of the trade-off page, as data: in the address, so that it can be sent, and with those before it, to undo.

While a slider is on the move the view changes with it; what it comes to rest at is a step that the address tells and
that can be undone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from clnp_core.analysis.choice import Choice
from clnp_core.errors import SpecError
from clnp_core.runs.fold.results import Record

_STATE = "trade-off"


@dataclass(frozen=True, kw_only=True)
class View(Choice):
    """All that the page's sliders and switches say.

    Attributes
    ----------
    run : str
    task : int
    fine_tuning : bool
        Whether a run that goes on from here trains what is left after pruning.
    """

    run: str
    task: int
    fine_tuning: bool = False

    def to_link(self) -> dict[str, str]:
        """Write the view as parameters of the page's address."""
        link = {
            "run": self.run,
            "task": str(self.task),
            "lambda": ",".join(map(repr, self.l1)),
            "rate": repr(self.learning_rate),
            "theta": repr(self.theta) if self.is_shared else ",".join(map(repr, self.theta)),
            "margin": repr(self.margin),
        }
        if self.seen:
            link["seen"] = ",".join(map(repr, self.seen))
        return link | {"tune": "1"} if self.fine_tuning else link


def linked_view(link: Mapping[str, str], start: View, layers: int) -> View:
    """Read the view that an address tells; what it leaves out is as in `start`.

    Parameters
    ----------
    link : mapping
        Parameters of the address.
    start : View
    layers : int
        Hidden layers of the network.

    Raises
    ------
    SpecError
        If a parameter is no number, or there are not as many as layers.
    """
    changes: dict[str, Any] = {"fine_tuning": link.get("tune") == "1"}
    if "lambda" in link:
        changes["l1"] = _numbers(link, "lambda", (layers + 1,))
    if "seen" in link:
        changes["seen"] = _numbers(link, "seen", (layers + 1,))
    if "rate" in link:
        (changes["learning_rate"],) = _numbers(link, "rate", (1,))
    if "theta" in link:
        theta = _numbers(link, "theta", (1, layers))
        changes["theta"] = theta if len(theta) > 1 else theta[0]
    if "margin" in link:
        (changes["margin"],) = _numbers(link, "margin", (1,))
        if changes["margin"] >= 1:
            raise SpecError(f"The link's margin = {link['margin']} is not possible: it should be below 1.")
    return replace(start, **changes)


def _numbers(link: Mapping[str, str], name: str, counts: tuple[int, ...]) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, link[name].split(",")))
    except ValueError:
        numbers = ()
    if len(numbers) not in counts or not all(math.isfinite(each) and each >= 0 for each in numbers):
        wanted = " or ".join(map(str, sorted(set(counts))))
        raise SpecError(f"The link's {name} = {link[name]} is not possible: it should be {wanted} numbers from 0 up.")
    return numbers


def as_it_ran(run: str, record: Record, margin: float) -> View:
    """Give the view of what the run itself settled on, from the task's record."""
    return View(
        run=run,
        task=record.task,
        l1=record.lambda_,
        learning_rate=record.learning_rate,
        theta=record.theta[0] if len(set(record.theta)) == 1 else record.theta,
        margin=margin,
    )


@dataclass(frozen=True)
class _History:
    """The view now, the one the address tells, and those before and after it."""

    now: View
    settled: View
    past: tuple[View, ...] = ()
    future: tuple[View, ...] = ()


def begin(view: View) -> None:
    """Show a view from now on; there is nothing to undo."""
    _keep(_History(view, view))


def current() -> View | None:
    """Give the view that is shown; None before the first."""
    return st.session_state[_STATE].now if _STATE in st.session_state else None


def show(view: View, settled: bool = True) -> None:
    """Show another view; if `settled` it is a step, which the address tells and which can be undone."""
    history: _History = st.session_state[_STATE]
    if not settled or view == history.settled:
        st.session_state[_STATE] = replace(history, now=view)
    else:
        _keep(_History(view, view, (*history.past, history.settled)))


def complete(view: View) -> None:
    """Show the view that the one now has become by itself: that is no step of its own."""
    history: _History = st.session_state[_STATE]
    _keep(replace(history, now=view, settled=view if history.settled == history.now else history.settled))


def linked() -> dict[str, str]:
    """Return what the page's address should tell: the last step, also while a slider is on the move."""
    history: _History = st.session_state[_STATE]
    return history.settled.to_link()


def is_settled() -> bool:
    """Tell whether no slider is on the move."""
    history: _History = st.session_state[_STATE]
    return history.now == history.settled


def change(drawn: View, how: Callable[[View], View], settled: bool = True) -> None:
    """Apply one change to the view as it is now, which may no longer be the one that its control was drawn with.

    A control of a task that is looked at no more changes nothing. `settled` as for `show`.
    """
    now: View = st.session_state[_STATE].now
    if (now.run, now.task) == (drawn.run, drawn.task):
        show(how(now), settled)


def undo() -> None:
    """Show the view before the last step."""
    history: _History = st.session_state[_STATE]
    *past, view = history.past
    _keep(_History(view, view, tuple(past), (history.settled, *history.future)))


def redo() -> None:
    """Show the view that was undone."""
    history: _History = st.session_state[_STATE]
    view, *future = history.future
    _keep(_History(view, view, (*history.past, history.settled), tuple(future)))


def can_undo() -> bool:
    """Tell whether there is a step to undo."""
    return bool(st.session_state[_STATE].past)


def can_redo() -> bool:
    """Tell whether a step was undone and none was made since."""
    return bool(st.session_state[_STATE].future)


def _keep(history: _History) -> None:
    st.session_state[_STATE] = history
    if st.query_params.to_dict() != linked():
        st.query_params.from_dict(linked())
