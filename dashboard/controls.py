"""What the visitor chooses: the settings of a new run in the side panel, and which run is shown."""

from datetime import datetime

import streamlit as st

from clnp_core.errors import SpecError
from clnp_core.runs.spec import RunSpec, preset, preset_names
from clnp_core.runs.store import Run, Store

_LAMBDAS = [0.0, *(float(f"{digit}e{power}") for power in range(-8, 0) for digit in (1, 3))]
_THETA_MODES = {"shared": "One for all layers", "per-layer": "One per layer"}


def choose_spec() -> tuple[RunSpec | None, bool]:
    """The side panel. Returns what is asked for, None if it is impossible, and whether Start was pressed."""
    with st.sidebar:
        name = st.selectbox("Preset", preset_names(), key="preset")
        base = preset(name)
        st.caption(base.about)
        start_place = st.container()
        changes = _training_settings(base) | _pruning_settings(base)
        with start_place:
            return _start_button(name, changes)


def _training_settings(base: RunSpec) -> dict:
    """What changes training; dotted path → value, as `preset` takes it."""
    st.markdown("**Settings of training** :gray-badge[a job: it trains anew]")
    with st.container(horizontal=True):
        changes = {
            path: st.number_input(label, least, most, value, key=f"{base.preset} {path}", width=88)
            for path, label, least, most, value in (
                ("stream.tasks", "Tasks", 1, 100, base.stream.tasks),
                ("epochs", "Epochs", 1, 1000, base.epochs),
                ("seed", "Seed", 0, 2**31 - 1, base.seed),
            )
        }
    for key in base.layer_keys:
        changes |= _lambda_slider(base, key)
    changes["single_task"] = st.checkbox(
        "Also train each task alone",
        base.single_task,
        key=f"{base.preset} single_task",
        help="On a network of its own, for comparison. Takes as long again.",
    )
    return changes


def _lambda_slider(base: RunSpec, key: str) -> dict:
    label = f"λ {key}" if key == "output" else f"λ layer {key}"
    values = base.lambda_[key]
    if len(values) > 1:
        st.text(f"{label}: tries {', '.join(map(_power, values))}")
        return {}
    chosen = st.select_slider(
        label,
        sorted({*_LAMBDAS, *values}),
        values[0],
        format_func=_power,
        key=f"{base.preset} lambda.{key}",
        help="Strength of the L1 penalty on this layer's weights: a higher λ leaves fewer neurons active.",
    )
    return {f"lambda.{key}": chosen}


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-") if value else "0"


def _pruning_settings(base: RunSpec) -> dict:
    """What acts on the trained network."""
    st.markdown("**Settings of pruning** :blue-badge[act on the trained network]")
    mode = st.segmented_control(
        "Threshold θ",
        list(_THETA_MODES),
        default=base.theta_mode,
        required=True,
        format_func=_THETA_MODES.get,
        key=f"{base.preset} theta_mode",
        help="A neuron whose activity is at most θ goes back to the free ones. The margin decides how high θ can be.",
    )
    points = st.slider(
        "Margin m (percentage points)",
        0.0,
        5.0,
        100 * base.margin,
        0.05,
        "%.2f",
        key=f"{base.preset} margin",
        help="Graceful forgetting: how much validation accuracy may be given up for free neurons.",
    )
    return {"theta_mode": mode, "margin": round(points / 100, 6)}


def _start_button(name: str, changes: dict) -> tuple[RunSpec | None, bool]:
    try:
        spec = preset(name, changes)
    except SpecError as error:
        st.error(str(error), icon=":material/error:")
        spec = None
    start = st.button("Start", type="primary", icon=":material/play_arrow:", width="stretch", disabled=spec is None)
    if spec:
        trainings = sum(spec.fits(task) + spec.single_task for task in range(1, spec.stream.tasks + 1))
        st.caption(f"{trainings} × up to {spec.epochs} epochs of training, in a process of its own.")
    return spec, start


def choose_run(store: Store) -> str | None:
    """The run that the link names, else the newest; None if there are none at all."""
    runs = {run.id: run for run in store.runs()}
    linked = st.query_params.get("run")
    if not linked and runs:
        link_to(next(iter(runs)))
        linked = st.query_params["run"]
    if runs:
        st.session_state["run"] = linked if linked in runs else None
        st.selectbox(
            "Run",
            list(runs),
            format_func=lambda run: _label(runs[run]),
            key="run",
            placeholder="Choose a run",
            on_change=lambda: link_to(st.session_state["run"]),
        )
    return linked


def _label(run: Run) -> str:
    return f"{run.id} · {run.state} · {datetime.fromtimestamp(run.created):%d %b %H:%M}"


def link_to(run: str) -> None:
    """Put the run into the page's address: it is what the page shows, and the link brings it back."""
    st.query_params["run"] = run
