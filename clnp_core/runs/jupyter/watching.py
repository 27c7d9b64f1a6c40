"""A run in Jupyter while it goes on: its curves, how far it is, and the time left."""

from __future__ import annotations

import threading
import time
from html import escape
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from clnp_core.analysis import figures
from clnp_core.analysis.figures import Theme
from clnp_core.errors import ClnpError
from clnp_core.runs.background import see_on
from clnp_core.runs.estimate import seconds_left
from clnp_core.runs.jupyter import widgets
from clnp_core.runs.progress import wait

if TYPE_CHECKING:
    from ipywidgets import HTML

    from clnp_core.runs.handle import RunHandle
    from clnp_core.runs.jupyter.charts import Charts

_SECONDS = 1.0


class Watch:
    """A run to watch in Jupyter, until it ends. The cell is done at once, and others can be run meanwhile.

    Where `ipywidgets` or `anywidget` is missing, the cell waits with a bar and then shows the curves.

    Parameters
    ----------
    run : RunHandle
    """

    def __init__(self, run: RunHandle) -> None:
        self.run = run

    def __repr__(self) -> str:
        return repr(self.run)

    def figure(self, theme: Theme = "light") -> go.Figure:
        """Draw the curves of every epoch so far."""
        spec = self.run.store.run(self.run.id).spec
        return figures.learning_curves(
            self.run.metrics(),
            self.run.settled(),
            theme,
            at_once=spec.at_once,
            layers=[layer.name for layer in spec.architecture.hidden] if spec.partitions else [],
            measure=spec.measure,
        )

    @property
    def told(self) -> str:
        """How far the run is, in a sentence."""
        run = self.run.store.run(self.run.id)
        if not run.goes_on:
            return f"{run.id}: {run.state}." + (f" {run.error}" if run.error else "")
        left = seconds_left([run])
        return f"{run.id}: {run.fraction:.0%} done" + (f", {left:.0f} s left." if left is not None else ".")

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if lacking := widgets.missing():
            wait(self.run)
            display(self.figure())
            print(lacking)
            return
        from ipywidgets import HTML, VBox

        from clnp_core.runs.jupyter.charts import Charts

        told, shown = HTML(escape(self.told)), Charts(lambda theme: [self.figure(theme)])
        display(VBox([told, shown]))
        threading.Thread(target=self._follow, args=(told, shown), daemon=True).start()

    def _follow(self, told: HTML, shown: Charts) -> None:
        goes_on, drawn = True, -1
        try:
            while goes_on:
                goes_on = see_on(self.run.store, self.run.id).goes_on
                if (epochs := len(self.run.metrics())) != drawn or not goes_on:
                    shown.draw()
                    drawn = epochs
                told.value = escape(self.told)
                time.sleep(_SECONDS)
        except ClnpError as error:  # somebody deleted the run, say
            told.value = f"<b>{escape(str(error))}</b>"
