"""Examples: which class the network takes an image for, through which neurons, and which images it gets wrong."""

from dataclasses import replace

import streamlit as st

from clnp_core.errors import SpecError
from clnp_core.runs.fold.results import Record
from clnp_core.runs.store import Run, Store
from dashboard.examples.asked import asked_examples, asked_look
from dashboard.examples.controls import choose_image, choose_images
from dashboard.examples.state import View, current
from dashboard.examples.view import show_answer, show_confusion, show_lit, show_wall
from dashboard.shared.run_page import run_page

TITLE = "Examples"
PLACE = 5

_ON_WALL = 40
"""How many images are seen at once."""


def show_run(store: Store, run: Run, records: list[Record]) -> None:
    """Show some of a task's test images, and one of them with what the network makes of it."""
    view = checked(current(run.id), run, len(records))
    assert view.task is not None  # now it is one
    examples = asked_examples(store, run, view.task, len(records))
    view = checked_image(view, len(examples), len(examples.classes))
    label, answer = (None if at is None else examples.classes[at] for at in (view.label, view.answer))
    chosen = examples.chosen(view.only_wrong, label, answer)
    left, right = st.columns([1, 1.35], gap="medium")
    with left:
        choose_images(view, examples, len(records), len(chosen))
        if not len(chosen):
            st.info("There is no such image.", icon=":material/info:")
        else:
            image = int(chosen[0]) if view.image is None else view.image
            place = int((chosen == image).argmax())
            first = place // _ON_WALL * _ON_WALL
            look = asked_look(run, examples, tuple(chosen[first : first + _ON_WALL].tolist()), len(records))
            show_wall(run, view, examples, look, image, min(len(chosen), _ON_WALL))
            choose_image(view, chosen, place)
            seen = asked_look(run, examples, (image,), len(records))
            show_answer(run, examples, seen)
    with right:
        if len(chosen):
            show_lit(store, run, examples, seen)
        show_confusion(store, run, view, examples)


def checked(view: View, run: Run, learned: int) -> View:
    """Give the view with a task that the run has learned.

    Raises
    ------
    SpecError
        If it names another one.
    """
    if view.task is None:
        return replace(view, task=learned)
    if not 0 < view.task <= learned:
        raise SpecError(f"The run {run.id} has not learned task {view.task}; it has learned {learned}.")
    return view


def checked_image(view: View, images: int, classes: int) -> View:
    """Check that the task has the image and the classes that the view names.

    Raises
    ------
    SpecError
        If not.
    """
    for name, count in (("image", images), ("label", classes), ("answer", classes)):
        number = getattr(view, name)
        if number is not None and number >= count:
            raise SpecError(f"There is no {name} {number}; task {view.task} has {count}, counted from 0.")
    return view


run_page(TITLE, show_run)
