"""Steps of the lesson, and how one is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from clnp_core.analysis.figures import Theme

_CODE = """\
from clnp_core.analysis import figures
from clnp_core.lesson.parts import {names}

{lines}"""


@dataclass(frozen=True)
class Shown:
    """One place of a step's slider, as it is shown.

    Attributes
    ----------
    figure : plotly Figure
    says : str
        What is to be seen in it, in words.
    code : str
        Lines of Python that make the figure.
    """

    figure: go.Figure
    says: str
    code: str


Show = Callable[[int, Theme], Shown]
"""From a place of the slider and a theme to what is shown."""

ShowBets = Callable[[Sequence[int], Theme], Shown]
"""From the places of the slider that a class has bet on, and a theme, to how they are shown."""


@dataclass(frozen=True)
class Step:
    """One step of the lesson.

    Attributes
    ----------
    title, text : str
    part : str
        Whose numbers it shows, of `clnp_core.lesson.parts`.
    label : str
        Of its slider.
    places : tuple of str
        What each place of the slider stands for.
    start : int
        Where the slider stands at first.
    show : callable
    try_this, question, answer : str
        One thing to try, and an exercise.
    show_bet : callable, optional
        What is shown before the bet is placed, where there is one to place.
    show_bets : callable, optional
        There, what a class has bet.
    """

    title: str
    text: str
    part: str
    label: str
    places: tuple[str, ...]
    start: int
    show: Show
    try_this: str
    question: str
    answer: str
    show_bet: Show | None = None
    show_bets: ShowBets | None = None


def lesson_code(lines: str, names: str = "shipped") -> str:
    """Write lines of Python with what they import; `names` are those of `clnp_core.lesson.parts`."""
    return _CODE.format(names=names, lines=lines)


def rounded(fraction: float) -> str:
    """Round an accuracy to a tenth of a per cent, such as 97.5 %, on one line."""
    return f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"
