"""Sliders as one widget. Needs anywidget.

Those of ipywidgets tell the kernel where it has put them as if a hand had, after it may have put them elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class Sliders(anywidget.AnyWidget):
    """Sliders over given values, which tell of what a hand passes, and of nothing else.

    Parameters
    ----------
    on_move : callable
        Called with a slider's name and the value to which a hand moves it. The next move is told when it is done.

    Attributes
    ----------
    sliders : list of dict
        For each its name, the values that it offers, how these are told, and the one it is at; see `slider`.
    turn : str
        The last move that was answered.
    """

    _esm = Path(__file__).with_suffix(".js").read_text()
    sliders = traitlets.List(traitlets.Dict()).tag(sync=True)
    turn = traitlets.Unicode().tag(sync=True)

    def __init__(self, on_move: Callable[[str, float], None]) -> None:
        super().__init__()
        self._on_move = on_move
        self.on_msg(self._answer)

    def _answer(self, _: Sliders, move: dict[str, Any], __: Sequence[bytes]) -> None:
        try:
            self._on_move(move["name"], move["value"])
        finally:
            self.turn = move["turn"]


def slider(
    name: str, values: Sequence[float], at: float, text: Callable[[float], str] = "{:.3g}".format
) -> dict[str, Any]:
    """Describe a slider that offers values and is at one of them."""
    return {"name": name, "values": list(values), "texts": list(map(text, values)), "at": at}
