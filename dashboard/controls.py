"""What the visitor chooses: the settings of a new run, in the side panel, and those of a fork."""

import streamlit as st

from clnp_core.errors import SpecError
from clnp_core.runs.spec import RunSpec, preset, preset_names
from dashboard.words import epochs, layer_name, power, training_cost

_LAMBDAS = [0.0, *(float(f"{digit}e{power}") for power in range(-8, 0) for digit in (1, 3))]
_TRAINING = "**Settings of training** :gray-badge[a job: it trains anew]"
_MOST_TASKS, _MOST_EPOCHS = 1000, 10_000
_THETA_MODES = {"shared": "One for all layers", "per-layer": "One per layer"}


def choose_spec() -> tuple[RunSpec | None, bool]:
    """The side panel. Returns what is asked for, None if it is impossible, and whether Start was pressed."""
    with st.sidebar:
        name = st.selectbox("Preset", preset_names(), key="preset")
        base = preset(name)
        st.caption(base.about)
        start_place = st.container()
        changes = _training_settings(base) | _pruning_settings(base, base.preset)
        with start_place:
            return _start_button(name, changes)


def choose_fork(base: RunSpec, run: str) -> tuple[int, dict]:
    """In what a fork of a run differs from it.

    Returns
    -------
    int, dict
        The first task that is learned anew, and dotted path → value, as `clnp_core.runs.spec.fork` takes it: of
        those settings only that are not the run's.
    """
    key, tasks = f"fork {run}", base.stream.tasks
    at_task = st.number_input("Go on from task", 2, min(tasks + 1, _MOST_TASKS), 2, key=f"{key} at_task")
    st.markdown(_TRAINING)
    with st.container(horizontal=True):
        changes = {
            "stream.tasks": st.number_input(
                "Tasks", at_task, _MOST_TASKS, max(tasks, at_task), key=f"{key} {at_task} tasks", width=140
            ),
            **_epochs_input(base, key, width=140),
        }
    _say_own_epochs(base)
    if base.partitions:
        changes |= _lambda_sliders(base, key) | _pruning_settings(base, key)
    given = {"stream.tasks": tasks, "epochs": base.epochs[0], "margin": base.margin, "theta_mode": base.theta_mode}
    given |= {f"lambda.{layer}": values[0] for layer, values in base.lambda_.items()}
    return at_task, {path: value for path, value in changes.items() if value != given[path]}


def _training_settings(base: RunSpec) -> dict:
    """What changes training; dotted path → value, as `preset` takes it."""
    st.markdown(_TRAINING)
    with st.container(horizontal=True):
        key = base.preset
        changes = {
            "stream.tasks": st.number_input(
                "Tasks", 1, _MOST_TASKS, base.stream.tasks, key=f"{key} stream.tasks", width=88
            ),
            **_epochs_input(base, key, width=88),
            "seed": st.number_input("Seed", 0, 2**31 - 1, base.seed, key=f"{key} seed", width=88),
        }
    _say_own_epochs(base)
    changes |= _lambda_sliders(base, key)
    changes["single_task"] = st.checkbox(
        "Also train each task alone",
        base.single_task,
        key=f"{key} single_task",
        help="On a network of its own, for comparison. Takes as long again.",
    )
    return changes


def _epochs_input(base: RunSpec, key: str, width: int) -> dict:
    """One number for all tasks; where they have numbers of their own there is nothing to set."""
    if len(base.epochs) > 1:
        return {}
    return {"epochs": st.number_input("Epochs", 1, _MOST_EPOCHS, base.epochs[0], key=f"{key} epochs", width=width)}


def _say_own_epochs(base: RunSpec) -> None:
    if len(base.epochs) > 1:
        st.text(f"Epochs: {epochs(base)}")


def _lambda_sliders(base: RunSpec, key: str) -> dict:
    """A slider for each layer; where several values are tried there is nothing to move."""
    changes = {}
    for layer in base.layer_keys:
        label = f"λ {layer_name(base, layer)}"
        values = base.lambda_[layer]
        if len(values) > 1:
            st.text(f"{label}: tries {', '.join(map(power, values))}")
            continue
        changes[f"lambda.{layer}"] = st.select_slider(
            label,
            sorted({*_LAMBDAS, *values}),
            values[0],
            format_func=power,
            key=f"{key} lambda.{layer}",
            help="Strength of the L1 penalty on this layer's weights: a higher λ leaves fewer neurons active.",
        )
    return changes


def _pruning_settings(base: RunSpec, key: str) -> dict:
    """What acts on the trained network."""
    st.markdown("**Settings of pruning** :blue-badge[act on the trained network]")
    mode = st.segmented_control(
        "Threshold θ",
        list(_THETA_MODES),
        default=base.theta_mode,
        required=True,
        format_func=_THETA_MODES.get,
        key=f"{key} theta_mode",
        help="A neuron whose activity is at most θ goes back to the free ones. The margin decides how high θ can be.",
    )
    points = st.slider(
        "Margin m (percentage points)",
        0.0,
        max(5.0, 100 * base.margin),
        100 * base.margin,
        0.05,
        "%.2f",
        key=f"{key} margin",
        help="Graceful forgetting: how much validation accuracy may be given up for free neurons.",
    )
    untouched = points == 100 * base.margin
    return {"theta_mode": mode, "margin": base.margin if untouched else round(points / 100, 6)}


def _start_button(name: str, changes: dict) -> tuple[RunSpec | None, bool]:
    try:
        spec = preset(name, changes)
    except SpecError as error:
        st.error(str(error), icon=":material/error:")
        spec = None
    start = st.button("Start", type="primary", icon=":material/play_arrow:", width="stretch", disabled=spec is None)
    if spec:
        st.caption(f"{training_cost(spec)}, by the engine, in the background.")
    return spec, start
