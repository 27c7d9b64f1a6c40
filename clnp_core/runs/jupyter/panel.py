"""The explorer's sliders, buttons and figures as widgets. Needs ipywidgets and anywidget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as ui
import numpy as np

from clnp_core.analysis.choice import MARGINS, Choice, theta_places, with_theta
from clnp_core.errors import ClnpError
from clnp_core.runs.jupyter.charts import Charts
from clnp_core.runs.jupyter.sliders import Sliders, slider

if TYPE_CHECKING:
    from clnp_core.runs.jupyter.explorer import Explorer

_REST_SECONDS = 0.3
_MARGIN, _THETA = "m (points)", "θ"


class Panel:
    """What an explorer shows in a notebook. Its sliders move the explorer, and it shows where the explorer is.

    Attributes
    ----------
    box : widget
        All of it.
    sliders : Sliders
        For m, for λ of each layer that was trained with several, and for θ: one, or one for each layer.
    by_layer : Checkbox
        Whether each layer has a θ of its own.
    charts : Charts
        The front, the partition, and each hidden layer's activities.
    """

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        names = explorer.tradeoff.before.names
        self._l1 = {f"λ, {name}": place for place, name in enumerate((*names, "output"))}
        self._theta = {f"{_THETA}, {name}": layer for layer, name in enumerate(names)}
        self.sliders = Sliders(self.move)
        self.by_layer = ui.Checkbox(False, description="θ for each layer", indent=False)
        self._told = ui.HTML()
        self._place()
        self.charts = Charts(explorer.drawn)
        self.by_layer.observe(lambda change: self._share(not change["new"]), "value")
        self.box = self._laid_out()
        self._find_out_later()

    def show(self) -> None:
        """Put sliders and figures where the explorer is."""
        self._place()
        self.charts.draw()
        self._find_out_later()

    def move(self, name: str, value: float) -> None:
        """Move what a slider stands for, by the slider's name."""
        explorer, choice = self._explorer, self._explorer.choice
        try:
            if name == _MARGIN:
                explorer.move(margin=value)
            elif name in self._l1:
                place = self._l1[name]
                explorer.move(l1=(*choice.l1[:place], value, *choice.l1[place + 1 :]))
            else:
                explorer.move(theta=with_theta(choice, value, self._theta.get(name)).theta)
        except ClnpError as error:  # λ that is not trained: sliders go back to what is
            self.show()
            self._say(str(error), loud=True)

    def _place(self) -> None:
        explorer = self._explorer
        self.sliders.sliders = list(self._places())
        self.by_layer.value = not explorer.choice.is_shared
        self._say(f"{explorer.told}.")

    def _places(self) -> Iterator[dict[str, Any]]:
        """Describe the sliders where the explorer is."""
        choice, outcome = self._explorer.choice, self._explorer.outcome
        yield slider(_MARGIN, sorted({*MARGINS, choice.margin}), choice.margin, _in_points)
        for name, place in self._l1.items():
            values = sorted({each.l1[place] for each in self._explorer.tradeoff.trained})
            if len(values) > 1:
                yield slider(name, values, choice.l1[place])
        if choice.is_shared:
            at = outcome.theta[0]
            yield slider(_THETA, theta_places(outcome.candidate.thresholds(), at), at)
            return
        for name, layer in self._theta.items():
            at = outcome.theta[layer]
            yield slider(name, theta_places(np.unique(outcome.candidate.free[layer]).tolist(), at), at)

    def _share(self, shared: bool) -> None:
        choice, theta = self._explorer.choice, self._explorer.outcome.theta
        if shared != choice.is_shared:
            self._explorer.move(theta=min(theta) if shared else theta)  # the lowest takes nothing from any layer

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
        return ui.VBox([self.sliders, self.by_layer, buttons, self._told, self.charts])

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

    def _say(self, text: str, *, loud: bool = False) -> None:
        self._told.value = f"<b>{escape(text)}</b>" if loud else escape(text)


def _in_points(margin: float) -> str:
    return f"{round(100 * margin, 6):g}"
