"""The settings of a new run, in the side panel, and those of a fork."""

import math
from collections.abc import Iterable
from typing import Any

import streamlit as st

from clnp_core.errors import SpecError
from clnp_core.methods import METHODS
from clnp_core.runs.estimate import estimate
from clnp_core.runs.spec import RunSpec, changed, preset, preset_names
from clnp_core.runs.store import Store
from dashboard.lab.gradual_form import choose_gradual
from dashboard.lab.measure_form import choose_measure
from dashboard.lab.method_form import choose_method, setting_label
from dashboard.lab.presets import choose_from_card
from dashboard.lab.stream_form import choose_data, choose_drawn, choose_way
from dashboard.shared.number_text import scientific
from dashboard.shared.opened import opened_spec
from dashboard.shared.run_text import epochs_text, layer_name, network_text, time_text, training_text

_LAMBDAS = [0.0, *(float(f"{digit}e{power}") for power in range(-8, 0) for digit in (1, 2, 3, 5))]
_RATES = [float(f"{digit}e{power}") for power in range(-5, 0) for digit in (1, 2, 3, 5)]
_TRAINS = ":gray-badge[need new training]"
_ACTS = ":blue-badge[applied after training]"
_NARROW = 82  # pixels: three beside each other in the side panel
_MOST_TASKS, _MOST_EPOCHS, _MOST_ROUNDS, _MOST_NEURONS = 1000, 10_000, 20, 100_000
_THETA_MODES = {"shared": "One for all layers", "per-layer": "One per layer"}
_HEADS = {"single": "One, shared", "multi": "One per task"}
_SEARCHES = {"first-task": "Keep what task 1 found", "every-task": "Search again"}
_LAMBDA_HELP = "Strength of the L1 penalty on this layer's weights: a higher λ leaves fewer neurons active."


def choose_spec(store: Store) -> tuple[RunSpec | None, bool]:
    """Show the side panel. Returns what it asks for, None if that is impossible, and whether Start was pressed.

    What does not apply to the method is not shown, and stays as the preset has it.
    """
    with st.sidebar:
        choose_from_card()
        opened = opened_spec()
        names = [*([opened.preset] if opened else []), *preset_names()]
        name = st.selectbox("Preset", names, key="preset")
        base = opened if opened and name == opened.preset else preset(name)
        st.caption(base.about)
        start_place = st.container()
        with st.expander("Method", expanded=True):
            method, own = choose_method(base)
        with st.expander("Stream", expanded=True):
            changes = {"method": method} | own | _stream(base)
        with st.expander("Network"):
            st.markdown(f"**{base.network_name}**  \n{network_text(base)}")
            if METHODS[method].partitions:
                changes |= _growth(base)
        if METHODS[method].prunes:
            with st.expander("Sparsity", expanded=True):
                changes |= _sparsity(base, name)
        with st.expander("Search"):
            changes |= _search(base, changes) | choose_measure(base, name)
        with st.expander("Budget", expanded=True):
            changes |= _budget(base, method)
        with start_place:
            return _start_button(store, base, changes)


def choose_fork(base: RunSpec, run: str) -> tuple[int, dict[str, Any]]:
    """Choose in what a fork of a run differs from it.

    Returns
    -------
    int, dict
        The first task that is learned anew, and dotted path → value, as `clnp_core.runs.spec.fork` takes it: of
        those settings only that are not the run's.
    """
    key, tasks = f"fork {run}", base.stream.tasks
    at_task = st.number_input("Go on from task", 2, min(tasks + 1, _MOST_TASKS), 2, key=f"{key} at_task")
    st.markdown(f"**Settings of training** {_TRAINS}")
    with st.container(horizontal=True):
        changes = {
            "stream.tasks": st.number_input(
                "Tasks", at_task, _MOST_TASKS, max(tasks, at_task), key=f"{key} {at_task} tasks", width=140
            ),
            **_epochs_input(base, key, width=140),
        }
    _say_own_epochs(base)
    changes |= choose_measure(base, key)
    given = {"stream.tasks": tasks, "epochs": base.epochs[0], "measure": base.measure}
    if base.prunes:
        changes |= _lambda_sliders(base, key) | choose_gradual(base, key) | _fine_tuning(base, key)
    if base.partitions:
        changes |= _growth_once(base, key, at_task)
        given |= {"grow": {}}
    if base.prunes:
        st.markdown(f"**Settings of pruning** {_ACTS}")
        changes |= _pruning(base, key)
        given |= {"margin": base.margin, "theta_mode": base.theta_mode, "fine_tuning": _as_data(base)}
        given |= {"pruning": base.pruning} | {f"gradual.{name}": value for name, value in base.gradual}
        given |= {f"lambda.{layer}": values[0] for layer, values in base.lambda_.items()}
    return at_task, {path: value for path, value in changes.items() if value != given[path]}


def _stream(base: RunSpec) -> dict[str, Any]:
    """Choose the tasks. Returns dotted path → value, as `preset` takes it; so do all that follow."""
    key = base.preset
    with st.container(horizontal=True):
        tasks = st.number_input("Tasks", 1, _MOST_TASKS, base.stream.tasks, key=f"{key} stream.tasks", width=_NARROW)
        head = st.segmented_control(
            "Output layer",
            list(_HEADS),
            default=base.head,
            required=True,
            format_func=_HEADS.get,
            key=f"{key} head",
            help="A shared output layer reads, for each task, only the task's own neurons. With one per task, tasks "
            "can share neurons of the last hidden layer.",
        )
    return choose_data(base) | choose_way(base) | choose_drawn(base) | {"stream.tasks": tasks, "head": head}


def _growth(base: RunSpec) -> dict[str, Any]:
    """Choose whether layers are widened between two tasks, when they fill up."""
    key = base.preset
    if not st.toggle(
        "Grow when it fills up",
        bool(base.grow),
        key=f"{key} grows",
        help="Between two tasks, a layer that is too full gets new, free neurons. The outputs of earlier tasks stay "
        "the same.",
    ):
        return {"grow": {}, "grow_below": None}
    below = st.slider(
        "When less than this is free (%)", 1, 100, round(100 * (base.grow_below or 0.2)), key=f"{key} grow_below"
    )
    return {"grow": _new_neurons(base, key), "grow_below": below / 100}


def _growth_once(base: RunSpec, key: str, at_task: int) -> dict[str, Any]:
    """Choose by how much a fork widens layers before its first task, where they do not grow by themselves."""
    if base.grow_below is not None:
        return {}
    if not st.toggle(f"Widen layers before task {at_task}", key=f"{key} grows"):
        return {"grow": {}}
    return {"grow": _new_neurons(base, key)}


def _new_neurons(base: RunSpec, key: str) -> dict[str, int]:
    """Choose how many neurons layers get, to begin with a quarter of their width. Layers that get none are left out."""
    given = {}
    with st.container(horizontal=True):
        for number, layer in zip(base.layer_keys, base.architecture.hidden, strict=False):
            first = base.grow.get(number, layer.width // 4)
            label = f"New in {layer.name}"
            given[number] = st.number_input(label, 0, _MOST_NEURONS, first, key=f"{key} grow.{number}", width=140)
    return {layer: neurons for layer, neurons in given.items() if neurons}


def _sparsity(base: RunSpec, key: str) -> dict[str, Any]:
    """Choose how few neurons a task keeps: by what trains, then by θ and m, which do not."""
    st.markdown(f"**λ, gradual pruning, fine-tuning** {_TRAINS}")
    several = any(len(values) > 1 for values in base.lambda_.values())
    grid = st.toggle(
        "Try several values of λ",
        several,
        key=f"{key} several",
        help="Trains a candidate for every combination and keeps the one that needs the fewest neurons within the "
        "margin.",
    )
    changes = _lambda_grid(base, key) if grid else _lambda_sliders(base, key)
    changes |= choose_gradual(base, key) | _fine_tuning(base, key)
    st.markdown(f"**θ, margin** {_ACTS}")
    return changes | _pruning(base, key)


def _lambda_sliders(base: RunSpec, key: str) -> dict[str, Any]:
    """Show a slider for each layer; where a fork tries several values there is nothing to move."""
    changes = {}
    for layer in base.layer_keys:
        label = f"λ {layer_name(base, layer)}"
        values = base.lambda_[layer]
        if len(values) > 1:
            st.text(f"{label}: tries {', '.join(map(scientific, values))}")
            continue
        changes[f"lambda.{layer}"] = st.select_slider(
            label,
            sorted({*_LAMBDAS, *values}),
            values[0],
            format_func=scientific,
            key=f"{key} lambda.{layer}",
            help=_LAMBDA_HELP,
        )
    return changes


def _lambda_grid(base: RunSpec, key: str) -> dict[str, Any]:
    """Choose several values for each layer."""
    return {
        f"lambda.{layer}": _values(
            f"λ {layer_name(base, layer)}", _LAMBDAS, base.lambda_[layer], f"{key} lambdas.{layer}", _LAMBDA_HELP
        )
        for layer in base.layer_keys
    }


def _values(label: str, options: Iterable[float], given: Iterable[float], key: str, about: str) -> list[float]:
    """Choose any of many values. Returns them in ascending order."""
    chosen = st.multiselect(
        label, sorted({*options, *given}), list(given), format_func=scientific, key=key, help=about, select_all=False
    )
    return sorted(chosen)


def _fine_tuning(base: RunSpec, key: str) -> dict[str, Any]:
    given = base.fine_tuning
    if not st.toggle(
        "Fine-tune after pruning",
        given is not None,
        key=f"{key} fine_tuning",
        help="Trains the neurons that pruning left, before the task is frozen. This recovers some of the accuracy that "
        "a wide margin gives up.",
    ):
        return {"fine_tuning": None}
    first, rate = (given.epochs, given.learning_rate) if given else (5, float(f"{base.learning_rate[0] / 10:.3g}"))
    with st.container(horizontal=True, gap="xsmall"):
        tuning = {
            "epochs": st.number_input(
                "Epochs of it",
                1,
                _MOST_EPOCHS,
                first,
                key=f"{key} fine_tuning.epochs",
                width=_NARROW,
            ),
            "learning_rate": st.selectbox(
                "Rate",
                rates := sorted({*_RATES, rate}),
                rates.index(rate),
                format_func=scientific,
                key=f"{key} fine_tuning.learning_rate",
                width=_NARROW,
            ),
            "rounds": st.number_input(
                "Rounds",
                1,
                _MOST_ROUNDS,
                given.rounds if given else 1,
                key=f"{key} fine_tuning.rounds",
                width=_NARROW,
                help="How often the task is pruned and fine-tuned.",
            ),
        }
    return {"fine_tuning": tuning}


def _as_data(base: RunSpec) -> dict[str, Any] | None:
    return base.fine_tuning and base.fine_tuning.model_dump()


def _pruning(base: RunSpec, key: str) -> dict[str, Any]:
    """Choose what acts on the trained network."""
    mode = st.segmented_control(
        "Threshold θ",
        list(_THETA_MODES),
        default=base.theta_mode,
        required=True,
        format_func=_THETA_MODES.get,
        key=f"{key} theta_mode",
        help="A neuron whose activity is at most θ is given back and free again. The margin limits θ.",
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


def _search(base: RunSpec, changes: dict[str, Any]) -> dict[str, Any]:
    """Choose the learning rates to try and, with several candidates, whether every task tries them again."""
    key = base.preset
    rates = _values(
        "Learning rate",
        _RATES,
        base.learning_rate,
        f"{key} learning_rate",
        "Learning rate of Adam. Several values are tried, each with every λ.",
    )
    # Of what was chosen before, all that is a list is tried, but for the stream: λ, and settings of the method's own.
    chosen = [value for path, value in changes.items() if not path.startswith("stream.")]
    candidates = math.prod(len(value) for value in [rates, *chosen] if isinstance(value, list))
    if candidates < 2:
        return {"learning_rate": rates}
    search = st.segmented_control(
        "Later tasks",
        list(_SEARCHES),
        default=base.search,
        required=True,
        format_func=_SEARCHES.get,
        key=f"{key} search",
    )
    st.caption(f"{candidates} candidates for {'each' if search == 'every-task' else 'the first'} task.")
    return {"learning_rate": rates, "search": search}


def _budget(base: RunSpec, method: str) -> dict[str, Any]:
    """Choose how long training may go on."""
    key = base.preset
    with st.container(horizontal=True, gap="xsmall"):
        changes = {
            **_epochs_input(base, key, width=_NARROW),
            "patience": st.number_input(
                "Patience",
                1,
                _MOST_EPOCHS,
                base.patience,
                key=f"{key} patience",
                width=_NARROW,
                placeholder="none",
                help="Training stops after this many epochs without a better validation accuracy and keeps the best "
                "epoch's network. None: it runs for all epochs and keeps the last one's.",
            ),
            "seed": st.number_input(
                "Seed",
                0,
                2**31 - 1,
                base.seed,
                key=f"{key} seed",
                width=_NARROW,
                help="Seed of everything random for which the stream has no seed of its own: the same seed gives the "
                "same run, to the bit.",
            ),
        }
    _say_own_epochs(base)
    if not METHODS[method].at_once:
        changes["single_task"] = st.checkbox(
            "Also train each task alone",
            base.single_task,
            key=f"{key} single_task",
            help="On a separate network, for comparison. This about doubles the time.",
        )
    changes["for_comparison"] = st.checkbox(
        "Also measure memory, and accuracy with the task untold",
        base.for_comparison,
        key=f"{key} for_comparison",
        help="At the end of the run, for Compare: the bytes that have to be kept, and the accuracy where the surest "
        "task's answer counts.",
    )
    return changes


def _epochs_input(base: RunSpec, key: str, width: int) -> dict[str, Any]:
    """Choose one number for all tasks; where they have numbers of their own there is nothing to set."""
    if len(base.epochs) > 1:
        return {}
    return {"epochs": st.number_input("Epochs", 1, _MOST_EPOCHS, base.epochs[0], key=f"{key} epochs", width=width)}


def _say_own_epochs(base: RunSpec) -> None:
    if len(base.epochs) > 1:
        st.text(epochs_text(base).capitalize())


def _start_button(store: Store, base: RunSpec, changes: dict[str, Any]) -> tuple[RunSpec | None, bool]:
    spec, problem = None, _lacking(changes)
    if not problem:
        try:
            spec = changed(base, changes)
        except SpecError as error:
            problem = str(error)
    if problem:
        st.error(problem, icon=":material/error:")
    start = st.button("Start", type="primary", icon=":material/play_arrow:", width="stretch", disabled=spec is None)
    if spec:
        st.caption(f"Takes {time_text(estimate(spec, store))}: {training_text(spec)}, in the background.")
    return spec, start


def _lacking(changes: dict[str, Any]) -> str | None:
    """Tell in a sentence what the form leaves open."""
    empty = next((path for path, value in changes.items() if value == []), None)
    if empty == "learning_rate":
        return "Search: choose at least one learning rate."
    if empty == "stream.datasets":
        return "Stream: choose at least one data set."
    if empty and not empty.startswith("lambda."):
        return f"Method: choose at least one value of {setting_label(empty.partition('.')[2])}."
    if empty:
        return "Sparsity: choose at least one value of λ for every layer."
    if changes.get("grow_below") and not changes["grow"]:
        return "Network: give at least one layer new neurons, or switch growth off."
    return None
