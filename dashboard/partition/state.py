"""The view of the partition page, as data: in the address, so that it can be sent.

While the network fills up by itself, or the slider is in the hand, the view changes without the address; what it comes
to rest at is what the address tells.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from clnp_core.errors import SpecError
from dashboard.shared.errors import toast_error
from dashboard.shared.link import linked_run

_STATE = "partition"
_STEPPED = "partition stepped"
_STEP_SECONDS = 0.6


@dataclass(frozen=True)
class View:
    """All that the page's controls say.

    Attributes
    ----------
    run : str
    task : int or None
        After which task the network is looked at, 0 for before the first; None for the last one learned, whichever that
        is.
    neuron : tuple of int or None
        The neuron that is looked at: its layer, 1 for the first hidden one, and its place there.
    before : bool
        Whether the interference is shown that the task's pruning cut.
    layer : int or None
        Into which layer the matrix shows the weights; None for the second hidden one, if there are two.
    """

    run: str
    task: int | None = None
    neuron: tuple[int, int] | None = None
    before: bool = False
    layer: int | None = None

    def to_link(self) -> dict[str, str]:
        """Write the view as parameters of the page's address."""
        link = {
            "task": None if self.task is None else str(self.task),
            "neuron": self.neuron and ":".join(map(str, self.neuron)),
            "view": "before" if self.before else None,
            "layer": self.layer and str(self.layer),
        }
        return {"run": self.run, **{name: value for name, value in link.items() if value}}


@dataclass(frozen=True)
class _Kept:
    """A view, and what the address tells, which is older while the view is on the move."""

    view: View
    link: dict[str, str]


def linked_view(link: Mapping[str, str]) -> View:
    """Read the view that an address tells.

    Raises
    ------
    SpecError
        If one of its parameters is none.
    """
    layer, neuron = _whole(link, "layer"), link.get("neuron")
    if neuron and not re.fullmatch(r"[0-9]{1,4}:[0-9]{1,6}", neuron):
        raise SpecError(
            f"The link's neuron = {neuron} is not possible: it should be a layer and a place, such as 2:17."
        )
    return View(
        run=link["run"],
        task=_whole(link, "task"),
        neuron=tuple(map(int, neuron.split(":"))) if neuron else None,
        before=link.get("view") == "before",
        layer=layer,
    )


def _whole(link: Mapping[str, str], name: str) -> int | None:
    if name not in link:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", link[name]):
        raise SpecError(f"The link's {name} = {link[name]} is not possible: it should be a whole number from 0 up.")
    return int(link[name])


def current(run: str) -> View:
    """Give the view of a run: what the address tells; where it tells no more than the run, as the page was left."""
    kept, link = st.session_state.get(_STATE), st.query_params.to_dict()
    if kept and link == kept.link:
        return kept.view
    stop()
    if kept and kept.view.run == run and link == {"run": run}:
        show(kept.view)
    elif kept and link == kept.link | {"run": run}:
        show(View(run))  # another run was picked, of which the rest of the address does not speak
    else:
        try:
            show(linked_view(link))
        except SpecError as error:
            toast_error(error)
            show(View(run))
    return st.session_state[_STATE].view


def show(view: View, settled: bool = True) -> None:
    """Show another view; the address tells it if `settled`."""
    kept = st.session_state.get(_STATE)
    link = view.to_link() if settled or not kept else kept.link
    st.session_state[_STATE] = _Kept(view, link)
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)


def change(drawn: View, how: Callable[[View], View], settled: bool = True) -> None:
    """Apply one change to the view as it is now, which may no longer be the one that its control was drawn with.

    A control of a run that is looked at no more changes nothing. `settled` as for `show`.
    """
    if linked_run() == drawn.run:
        show(how(st.session_state[_STATE].view), settled)


def is_playing() -> bool:
    """Tell whether the network fills up by itself."""
    return _STEPPED in st.session_state


def play() -> None:
    """Let the network fill up by itself from now on."""
    st.session_state[_STEPPED] = time.monotonic()


def stop() -> None:
    """Let the network stand still."""
    st.session_state.pop(_STEPPED, None)


def is_due() -> bool:
    """Tell whether the next task is to be shown; if so, the one after it is due only after a while."""
    due = is_playing() and time.monotonic() - st.session_state[_STEPPED] >= _STEP_SECONDS
    if due:
        play()
    return due
