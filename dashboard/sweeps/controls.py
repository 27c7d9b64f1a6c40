"""The settings of a new sweep, in the side panel: what its sequences share, and the values they differ in."""

from typing import Any

import streamlit as st

from clnp_core.errors import SpecError
from clnp_core.methods import METHODS
from clnp_core.runs.spec import RunSpec, parse_assignment, preset, preset_names
from clnp_core.runs.spec.own_settings import axes as axes_of
from clnp_core.runs.sweep import Axes, sequences
from dashboard.shared.number_text import scientific
from dashboard.shared.run_text import epochs_text, layer_name

_MARGINS = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0]
_FIRST_MARGINS = [0.5, 1.0, 2.0]
_LAMBDAS = [0.0, *(float(f"{digit}e{power}") for power in range(-7, 0) for digit in (1, 2, 5))]
_SHARES = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0]
_SEEDS = list(range(20))
_MOST_TASKS, _MOST_EPOCHS = 1000, 10_000


def choose_sweep() -> tuple[Axes, list[RunSpec], bool]:
    """Show the side panel.

    Returns
    -------
    dict, list of RunSpec, bool
        The axes and the sequences, as `clnp_core.runs.sweep.sequences` takes and gives them; none where nothing is
        chosen, or something impossible. And whether Start was pressed.
    """
    with st.sidebar:
        name = st.selectbox("Preset", preset_names(), key="sweep preset")
        base = preset(name)
        st.caption(base.about)
        start_place = st.container()
        st.markdown("**What all sequences share**")
        changes = _shared_settings(base)
        st.markdown(
            "**Values to compare**",
            help="Every value is combined with every other, and each combination learns the whole sequence of tasks. "
            "Settings that you leave empty are those of the preset.",
        )
        axes = _axes(base)
        with start_place:
            return _start_button(name, changes, axes)


def _shared_settings(base: RunSpec) -> dict[str, Any]:
    """Choose what all sequences share. Returns dotted path → value, as `preset` takes it."""
    key = f"sweep {base.preset}"
    # A table of whole sequences has no place for each task's training alone.
    changes: dict[str, Any] = {"single_task": False}
    with st.container(horizontal=True):
        changes["stream.tasks"] = st.number_input(
            "Tasks", 1, _MOST_TASKS, base.stream.tasks, key=f"{key} stream.tasks", width=140
        )
        if len(base.epochs) == 1:
            changes["epochs"] = st.number_input(
                "Epochs", 1, _MOST_EPOCHS, base.epochs[0], key=f"{key} epochs", width=140
            )
    if len(base.epochs) > 1:
        st.text(epochs_text(base).capitalize())
    return changes


def _axes(base: RunSpec) -> Axes:
    """Choose values. Returns the axes of which any was chosen."""
    key = f"sweep {base.preset}"
    methods = st.multiselect(
        "Method",
        list(METHODS),
        key=f"{key} method",
        placeholder=_untouched(base.method),
        help="Each method is combined with those of the other values that have an effect on it.",
        select_all=False,
    )
    axes: Axes = {"method": methods}
    chosen = methods or [base.method]
    if any(METHODS[method].prunes for method in chosen):
        axes |= _of_pruning(base, key)
    for method in chosen:
        axes |= _own_numbers(base, method, key)
    if base.stream.kind == "permuted":
        axes["stream.share"] = sorted(
            st.multiselect(
                "Share of the pixels permuted",
                sorted({*_SHARES, base.stream.share}),
                format_func="{:g}".format,
                key=f"{key} stream.share",
                placeholder=_untouched(f"{base.stream.share:g}"),
                help="The fewer, the more alike tasks are. Capacity shows what comes of it.",
            )
        )
    for path, label, own, about in (
        ("seed", "Seed", base.seed, "Seed of everything random for which the stream has no seed of its own."),
        ("stream.seed", "Stream seed", base.stream.seed, "Seed of what is drawn for the tasks, apart from training."),
    ):
        axes[path] = sorted(
            st.multiselect(
                label,
                sorted({*_SEEDS, *([] if own is None else [own])}),
                key=f"{key} {path}",
                placeholder="as the seed" if own is None else _untouched(own),
                help=f"{about} The spread over several tells chance from effect.",
            )
        )
    return {path: values for path, values in axes.items() if values}


def _of_pruning(base: RunSpec, key: str) -> Axes:
    """Choose values of m and λ."""
    points = st.multiselect(
        "Margin m (percentage points)",
        sorted({*_MARGINS, 100 * base.margin}),
        _FIRST_MARGINS,
        format_func="{:g}".format,
        key=f"{key} margin",
        placeholder=_untouched(f"{100 * base.margin:g}"),
        help="Graceful forgetting: how much validation accuracy may be given up for free neurons. m applies after "
        "training: sequences that differ only in m share the training of task 1.",
    )
    axes: Axes = {"margin": [round(value / 100, 6) for value in sorted(points)]}
    for layer in base.layer_keys:
        values = base.lambda_[layer]
        axes[f"lambda.{layer}"] = sorted(
            st.multiselect(
                f"λ {layer_name(base, layer)}",
                sorted({*_LAMBDAS, *values}),
                format_func=scientific,
                key=f"{key} lambda.{layer}",
                placeholder=_untouched(*map(scientific, values)),
                help="Strength of the L1 penalty on this layer's weights: a higher λ leaves fewer neurons active.",
            )
        )
    return axes


def _own_numbers(base: RunSpec, method: str, key: str) -> Axes:
    """Choose values of the numbers that a method has of its own, from those that it is searched over, or typed."""
    chosen: Axes = {}
    for name in axes_of(METHODS[method].Settings):
        given = getattr(getattr(base.settings, method), name)
        typed = st.multiselect(
            f"{method}: {name.replace('_', ' ')}",
            [f"{value:g}" for value in METHODS[method].searched.get(name, given)],
            key=f"{key} {method}.{name}",
            placeholder=_untouched(*(f"{value:g}" for value in given)),
            help=METHODS[method].Settings.model_fields[name].description,
            accept_new_options=True,
            select_all=False,
        )
        chosen[f"{method}.{name}"] = [parse_assignment(f"{name}={value}")[1] for value in typed]
    return chosen


def _untouched(*values: object) -> str:
    return f"as the preset: {', '.join(map(str, values))}"


def _start_button(name: str, changes: dict[str, Any], axes: Axes) -> tuple[Axes, list[RunSpec], bool]:
    specs: list[RunSpec] = []
    try:
        specs = sequences(name, changes, axes) if axes else []
    except SpecError as error:
        st.error(str(error), icon=":material/error:")
    start = st.button("Start", type="primary", icon=":material/play_arrow:", width="stretch", disabled=not specs)
    if specs:
        st.caption(_cost(specs))
    elif not axes:
        st.caption("Choose the values to compare below.")
    return axes, specs, start


def _cost(specs: list[RunSpec]) -> str:
    trainings = sum(spec.fits(task) + spec.tuning_rounds for spec in specs for task in spec.lessons)
    many = "1 sequence" if len(specs) == 1 else f"{len(specs)} sequences"
    most = max(most for spec in specs for most in spec.epochs)
    return (
        f"{many}, at most {trainings} trainings of up to {most} epochs; trainings that sequences share are done once."
    )
