"""The view of the examples page, as data: in the address, so that it can be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from clnp_core.errors import SpecError
from dashboard.shared.errors import toast_error
from dashboard.shared.link import linked_run


@dataclass(frozen=True)
class View:
    """All that the page's controls say.

    Attributes
    ----------
    run : str
    task : int or None
        Whose images are looked at; None for the last one learned.
    only_wrong : bool
        Whether only images are shown that are answered with another class.
    label, answer : int or None
        The class that images are of, and the one that they are answered with, as indices among the task's; None for
        any.
    image : int or None
        The place of the image that is looked at among the task's test images; None for the first one shown.
    """

    run: str
    task: int | None = None
    only_wrong: bool = False
    label: int | None = None
    answer: int | None = None
    image: int | None = None

    def to_link(self) -> dict[str, str]:
        """Write the view as parameters of the page's address."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        shown = {"run": self.run, **{name: str(number) for name, number in numbers.items() if number is not None}}
        return shown | {"show": "wrong"} if self.only_wrong else shown


_NUMBERS = ("task", "label", "answer", "image")


def linked_view(link: Mapping[str, str]) -> View:
    """Read the view that an address tells.

    Raises
    ------
    SpecError
        If one of its parameters is none.
    """
    for name in _NUMBERS:
        if not re.fullmatch(r"[0-9]{1,9}", link.get(name, "0")):
            raise SpecError(f"The link's {name} = {link[name]} is not possible: it should be a whole number from 0 up.")
    numbers = {name: int(link[name]) for name in _NUMBERS if name in link}
    return View(link["run"], only_wrong=link.get("show") == "wrong", **numbers)


def current(run: str) -> View:
    """Give the view of a run that the address tells."""
    try:
        return linked_view(st.query_params.to_dict() | {"run": run})
    except SpecError as error:
        toast_error(error)
        show(View(run))
        return View(run)


def show(view: View) -> None:
    """Show another view, and have the address tell it."""
    st.query_params.from_dict(view.to_link())


def change(drawn: View, how: Callable[[View], View]) -> None:
    """Apply one change to the view as it is now, which may no longer be the one that its control was drawn with.

    A control of a run that is looked at no more changes nothing.
    """
    if linked_run() == drawn.run:
        show(how(current(drawn.run)))
