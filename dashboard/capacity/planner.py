"""How wide the layers have to be for more tasks, and a run that has such layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from clnp_core.analysis import figures
from clnp_core.analysis.capacity import LEAST_TASKS, MOST_TASKS, Plan
from clnp_core.errors import SpecError
from clnp_core.runs.estimate import estimate
from clnp_core.runs.fold.results import Record
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.capacity import plan, planned, weights
from dashboard.components.live_chart import live_chart
from dashboard.shared.link import linked_run
from dashboard.shared.notebook_code import run_code
from dashboard.shared.number_text import counted
from dashboard.shared.run_text import time_text
from dashboard.shared.store import start_run

_MUCH_MORE = 1.1


def show_planner(store: Store, run: Run, records: Sequence[Record]) -> None:
    """Choose a number of tasks, and show which widths they need by what this run's tasks have claimed.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    st.subheader("Wide enough for more tasks", anchor=False)
    if len(records) < LEAST_TASKS:
        st.caption(f"As soon as {LEAST_TASKS} tasks are learned, they tell here how wide layers have to be for more.")
        return
    tasks = st.number_input(
        "Tasks wanted", 1, MOST_TASKS, min(MOST_TASKS, 2 * len(records)), key=f"plan {run.id}", width=160
    )
    try:
        made = plan(store, run.id, tasks)
    except SpecError as error:
        st.info(str(error), icon=":material/info:")
        return
    left, right = st.columns(2)
    with left:
        live_chart(
            figures.planned_capacity(made, st.context.theme.type or "light"),
            f"{run.id} planned capacity",
            f"Neurons of each layer that up to {tasks} tasks claim, extrapolated; the widths are in the table.",
            code=run_code(run.id, f"figures.planned_capacity(run.plan(tasks={tasks}))"),
        )
    with right:
        _show_widths(made)
        st.markdown(_advice(run.spec, made))
        st.caption(_model(made))
        _offer_run(store, run, made)


def _show_widths(made: Plan) -> None:
    rows = []
    for layer, width in zip(made.layers, made.widths, strict=True):
        mean, deviation = layer.needed(made.tasks)
        rows.append(
            {
                "Layer": layer.name.capitalize(),
                "Now": f"{layer.width}",
                "Per task": f"{layer.per_task:.1f} ± {layer.deviation:.1f}",
                f"{counted(made.tasks, 'task')} need{'s' * (made.tasks == 1)}": f"{mean:.0f} ± {2 * deviation:.0f}",
                "Enough": f"{width}",
            }
        )
    st.table(pd.DataFrame(rows).set_index("Layer"), border="horizontal")


def _advice(spec: RunSpec, made: Plan) -> str:
    """Tell in numbers which layers should be wider than others."""
    fits, now = made.fits_now, _shown([layer.width for layer in made.layers])
    parts = [f"The present widths, {now}, are enough for **{counted(fits, 'task')}**."]
    least, most = (pick(made.layers, key=lambda layer: layer.per_task) for pick in (min, max))
    if least.per_task > 0 and most.per_task > _MUCH_MORE * least.per_task:
        paper = ", as the paper advises for higher layers" if most is made.layers[-1] else ""
        parts.append(
            f"A further task claims {most.per_task / least.per_task:.1f} times as many neurons of {most.name} as of "
            f"{least.name}: {most.name} should be the wider one{paper}."
        )
    best, widths = made.balanced(partial(weights, spec))
    if best > fits:
        parts.append(f"As **{_shown(widths)}**, no more weights than now would be enough for {counted(best, 'task')}.")
    return " ".join(parts)


def _shown(widths: Sequence[int]) -> str:
    return " / ".join(map(str, widths))


def _model(made: Plan) -> str:
    """Tell what the plan goes by."""
    others = len(made.layers[0].claimed) - 1
    of = f"this run and {counted(others, 'run')} with other seeds" if others else "this run alone"
    seeds = "over tasks and seeds" if others else "over tasks; how much seeds differ is not known from one run"
    return (
        f"Measured of {of}: every further task claims what the last three did on average, as in the forecast above. "
        f"± is two standard deviations, {seeds}; *enough* has that to spare. *Per task* has one, between single tasks. "
        "Where tasks go on claiming less, because there is more to use again, it is more than enough. In a wider layer "
        "a task may claim somewhat more than here."
    )


def _offer_run(store: Store, run: Run, made: Plan) -> None:
    """Offer the run with those widths."""
    try:
        spec = planned(run.spec, made.widths, made.tasks)
    except SpecError as error:
        st.info(f"There is no such run: {error}", icon=":material/info:")
        return
    label = f"Open as a run of {counted(made.tasks, 'task')}"
    if st.button(label, icon=":material/play_arrow:", key=f"open plan {run.id}"):
        start_run(store, spec, run)
        if linked_run() != run.id:  # else it was refused, which is said
            st.switch_page("lab/page.py", query_params={"run": linked_run()})
    cost = time_text(estimate(spec, store))
    st.caption(f"As {_shown(made.widths)}, with all other settings of {run.id}. Takes {cost}.")
