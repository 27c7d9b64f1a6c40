"""The explorer's sliders, buttons and figures as widgets. Needs ipywidgets and anywidget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as ui
import numpy as np

from clnp_core.analysis.choice import MARGINS, Choice, theta_places, with_theta
from clnp_core.errors import ClnpError
from clnp_core.runs.jupyter.charts import Charts

if TYPE_CHECKING:
    from clnp_core.runs.jupyter.explorer import Explorer

_REST_SECONDS = 0.3
_SHORT = "{:.3g}".format


class Panel:
    """What an explorer shows in a notebook. Its sliders move the explorer, and it shows where the explorer is.

    Attributes
    ----------
    box : widget
        All of it.
    margin, theta, l1, by_layer : widgets
        Sliders for m, for θ (all layers, then each), for λ of each layer that was trained with several; and whether
        each layer has a θ of its own.
    charts : Charts
        The front, the partition, and each hidden layer's activities.
    """

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._still = False  # while sliders are put where the explorer is
        names = explorer.tradeoff.before.names
        self.margin = _slider("m (points)")
        self.l1 = {
            place: _slider(f"λ, {name}")
            for place, name in enumerate((*names, "output"))
            if len(self._trained(place)) > 1
        }
        self.theta = [_slider("θ"), *(_slider(f"θ, {name}") for name in names)]
        self.by_layer = ui.Checkbox(False, description="θ for each layer", indent=False)
        self._told = ui.HTML()
        self._place()
        self.charts = Charts(explorer.drawn)
        self._react()
        self.box = self._laid_out()
        self._find_out_later()

    def show(self) -> None:
        """Put sliders and figures where the explorer is."""
        self._place()
        self.charts.draw()
        self._find_out_later()

    def _place(self) -> None:
        explorer, choice = self._explorer, self._explorer.choice
        with self._held_still():
            _put(self.margin, sorted({*MARGINS, choice.margin}), choice.margin, _in_points)
            for place, slider in self.l1.items():
                _put(slider, self._trained(place), choice.l1[place])
            self.by_layer.value = not choice.is_shared
            for place, slider in enumerate(self.theta):
                slider.layout.display = None if (place == 0) == choice.is_shared else "none"
                at = explorer.outcome.theta[max(place - 1, 0)]
                _put(slider, theta_places(_activities(explorer, place), at), at)
        self._say(f"{explorer.told}.")

    def _find_out_later(self) -> None:
        if self._explorer.outcome.accuracy is None:
            threading.Thread(target=self._find_out, args=(self._explorer.choice,), daemon=True).start()

    def _find_out(self, choice: Choice) -> None:
        """Have an accuracy computed that only a forward pass can tell, once sliders have come to rest on it."""
        time.sleep(_REST_SECONDS)
        explorer = self._explorer
        if explorer.choice != choice:
            return
        try:
            explorer.measure()
        except ClnpError as error:
            self._say(str(error), loud=True)
            return
        if explorer.choice == choice:
            self.show()

    def _laid_out(self) -> ui.Widget:
        buttons = ui.HBox([self._button(*each) for each in self._actions()], layout=ui.Layout(flex_flow="row wrap"))
        return ui.VBox([self.margin, *self.l1.values(), self.by_layer, *self.theta, buttons, self._told, self.charts])

    def _actions(self) -> Sequence[tuple[str, str, Callable[[], str]]]:
        explorer = self._explorer

        def follow() -> str:
            return f"{explorer.follow().told}."

        def keep() -> str:
            explorer.keep()
            return f"kept[{len(explorer.kept) - 1}]: {explorer.told}."

        def commit() -> str:
            run = explorer.commit().id
            return f"committed[{len(explorer.committed) - 1}]: {run}, in the background."

        def save() -> str:
            return f"Written: {explorer.save(f'trade-off-{explorer.run.id}-{explorer.task}.pdf')}."

        return (
            ("Margin rule", "Take the rule's choice of λ and θ", follow),
            ("Keep", "Append the outcome to explorer.kept", keep),
            ("Commit", "Fork the run here, and append the fork to explorer.committed", commit),
            ("Save figure", "Write it for paper, as PDF", save),
        )

    def _button(self, label: str, about: str, act: Callable[[], str]) -> ui.Button:
        button = ui.Button(description=label, tooltip=about)

        def clicked(_: ui.Button) -> None:
            button.disabled = True  # drawing for paper takes seconds
            try:
                self._say(act())
            except ClnpError as error:
                self._say(str(error), loud=True)
            finally:
                button.disabled = False

        button.on_click(clicked)
        return button

    def _react(self) -> None:
        explorer = self._explorer

        def on(slider: ui.Widget, move: Callable[[], object]) -> None:
            def moved(_: object) -> None:
                if not self._still:
                    try:
                        move()
                    except ClnpError as error:  # λ that is not trained: sliders go back to what is
                        self.show()
                        self._say(str(error), loud=True)

            slider.observe(moved, "value")

        on(self.margin, lambda: explorer.move(margin=self.margin.value))
        for slider in self.l1.values():
            on(slider, lambda: explorer.move(l1=self._l1()))
        on(self.by_layer, self._share)
        shared, *own = self.theta
        on(shared, lambda: explorer.move(theta=shared.value))
        for layer, slider in enumerate(own):
            on(slider, partial(self._one, layer, slider))

    def _one(self, layer: int, slider: ui.SelectionSlider) -> None:
        choice = with_theta(self._explorer.choice, slider.value, layer)
        self._explorer.move(theta=choice.theta)

    def _share(self) -> None:
        theta = self._explorer.outcome.theta
        if self.by_layer.value:
            self._explorer.move(theta=theta)
        else:  # the lowest takes nothing from any layer
            self._explorer.move(theta=min(theta))

    def _trained(self, place: int) -> list[float]:
        """List the λ of a layer that were trained, ascending."""
        return sorted({each.l1[place] for each in self._explorer.tradeoff.trained})

    def _l1(self) -> tuple[float, ...]:
        at = self._explorer.choice.l1
        return tuple(self.l1[place].value if place in self.l1 else value for place, value in enumerate(at))

    def _say(self, text: str, *, loud: bool = False) -> None:
        self._told.value = f"<b>{escape(text)}</b>" if loud else escape(text)

    @contextmanager
    def _held_still(self) -> Iterator[None]:
        before, self._still = self._still, True
        try:
            yield
        finally:
            self._still = before


def _slider(description: str) -> ui.SelectionSlider:
    return ui.SelectionSlider(options=[("0", 0.0)], description=description, layout=ui.Layout(width="100%"))


def _put(slider: ui.SelectionSlider, values: Sequence[float], at: float, text: Callable[[float], str] = _SHORT) -> None:
    """Put a slider at one of values, which it offers. What it offers changes only if it has to: a hand may be on it."""
    if not set(values) <= {value for _, value in slider.options}:
        slider.options = [(text(value), value) for value in values]
    slider.value = at


def _activities(explorer: Explorer, place: int) -> Sequence[float]:
    """List the θ that make a difference, ascending: shared ones for place 0, else those of a layer, counted from 1."""
    candidate = explorer.outcome.candidate
    return candidate.thresholds() if place == 0 else np.unique(candidate.free[place - 1]).tolist()


def _in_points(margin: float) -> str:
    return f"{round(100 * margin, 6):g}"
