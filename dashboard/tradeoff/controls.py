"""The left side of the trade-off page: λ, θ and m as sliders, presets, and steps to undo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import streamlit as st

from clnp_core.analysis.choice import (
    MARGINS,
    candidate_of,
    seen_candidate,
    theta_places,
    with_l1,
    with_margin,
    with_outcome,
    with_theta,
)
from clnp_core.analysis.tradeoff import TradeOff
from clnp_core.methods.training.settings import VALIDATION
from clnp_core.runs.fold.results import Record
from clnp_core.runs.spec import RunSpec
from dashboard.components.copy_link import copy_link
from dashboard.components.live_slider import live_slider
from dashboard.shared.number_text import margin_text, scientific
from dashboard.shared.run_text import layer_name
from dashboard.tradeoff.state import View, as_it_ran, can_redo, can_undo, change, redo, undo

_LAMBDA_DIGITS = (1, 3)
_MODES = {True: "One for all layers", False: "One per layer"}

_PAPER = {
    "permuted": {"first": 1e-7, "hidden": 1e-5, "output": 1e-6, "margin": 0.0005},  # section 3.1
    "split": {"first": 5e-5, "hidden": 5e-5, "output": 5e-5, "margin": 0.01},  # section 3.2, Table 2
}


def show_lambda(spec: RunSpec, tradeoff: TradeOff, view: View) -> None:
    """Show λ of each layer. To be drawn after what follows it."""
    st.markdown("**Sparsity in training** :gray-badge[needs new training]")
    for layer, key in enumerate(spec.layer_keys):
        values = lambda_places(tradeoff, view.l1, layer)
        missing = [place for place, value in enumerate(values) if not _is_trained(tradeoff, view, layer, value)]
        live_slider(
            f"λ {layer_name(spec, key)}",
            [scientific(value) + (" · train this" if place in missing else "") for place, value in enumerate(values)],
            values.index(view.l1[layer]),
            lambda value, settled, layer=layer: change(
                view, lambda now: with_l1(now, _replaced(now.l1, layer, float(value)), tradeoff), settled
            ),
            f"lambda {key}",
            values=values,
            marked=missing,
        )


def show_pruning(tradeoff: TradeOff, view: View) -> None:
    """Show θ and m. To be drawn after what follows them."""
    about = (
        "A neuron whose mean activity is at most the threshold θ is given back and free again. The margin m is the "
        f"{VALIDATION[tradeoff.before.measure]} that may be given up for free neurons. Sliders that you have not moved "
        "follow it."
    )
    st.markdown("**Pruning** :blue-badge[answered at once]", help=about)
    _theta_sliders(tradeoff, view)
    _margin_slider(tradeoff, view)


def lambda_places(tradeoff: TradeOff, l1: Sequence[float], layer: int) -> list[float]:
    """Give the values of a layer's λ slider: those trained, the one now, and 1 and 3 of each power of ten around."""
    trained = {candidate.l1[layer] for candidate in tradeoff.candidates} | {l1[layer]}
    positive = [value for value in trained if value > 0] or [1e-5]
    powers = range(math.floor(math.log10(min(positive))) - 1, math.ceil(math.log10(max(positive))) + 1)
    return sorted(trained | {float(f"{digit}e{power}") for power in powers for digit in _LAMBDA_DIGITS})


def _is_trained(tradeoff: TradeOff, view: View, layer: int, value: float) -> bool:
    return tradeoff.find(_replaced(view.l1, layer, value), view.learning_rate) is not None


def _replaced(values: Sequence[float], place: int, value: float) -> tuple[float, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _theta_sliders(tradeoff: TradeOff, view: View) -> None:
    key = f"theta mode {view.is_shared}"
    st.segmented_control(
        "Threshold θ",
        list(_MODES),
        default=view.is_shared,
        required=True,
        format_func=_MODES.get,
        key=key,
        on_change=lambda: change(view, lambda now: _in_mode(now, shared=st.session_state[key])),
        label_visibility="collapsed",
    )
    candidate = seen_candidate(view, tradeoff)
    if view.is_shared:
        _theta_slider("θ", theta_places(candidate.thresholds(), view.theta), view, None)
        return
    for layer, name in enumerate(tradeoff.before.names):
        _theta_slider(f"θ {name}", theta_places(np.unique(candidate.free[layer]), view.theta[layer]), view, layer)


def _in_mode(view: View, shared: bool) -> View:
    """Have one θ for all layers, the lowest, or one for each."""
    if shared == view.is_shared:
        return view
    return replace(view, theta=min(view.theta) if shared else (view.theta,) * (len(view.l1) - 1))


def _theta_slider(label: str, values: list[float], view: View, layer: int | None) -> None:
    live_slider(
        label,
        [f"{value:.3g}" for value in values],
        values.index(view.theta if layer is None else view.theta[layer]),
        lambda value, settled: change(view, lambda now: with_theta(now, float(value), layer), settled),
        "theta" if layer is None else f"theta {layer}",
        values=values,
        disabled=view.seen is not None,  # it follows m once λ is trained
    )


def _margin_slider(tradeoff: TradeOff, view: View) -> None:
    values = sorted({*MARGINS, view.margin})
    live_slider(
        "Margin m",
        [margin_text(value) for value in values],
        values.index(view.margin),
        lambda value, settled: change(view, lambda now: with_margin(now, float(value), tradeoff), settled),
        "margin",
        values=values,
    )


def show_history() -> None:
    """Show the buttons that undo and redo, and that copy the link."""
    st.button("Undo", icon=":material/undo:", on_click=undo, disabled=not can_undo(), shortcut="Ctrl+Z")
    st.button("Redo", icon=":material/redo:", on_click=redo, disabled=not can_redo(), shortcut="Ctrl+Y")
    copy_link()


def show_presets(spec: RunSpec, tradeoff: TradeOff, view: View, record: Record) -> None:
    """Offer views to begin from."""
    ruled = {margin: tradeoff.verdict(margin).outcome for margin in (0.0005, 0.04)}
    shared = view if view.is_shared else replace(view, theta=0.0)
    ran = as_it_ran(view.run, record, spec.at(view.task).margin)
    presets = {
        "As it ran": (ran, "The run's own choice."),
        "Paper": (
            _paper(spec, tradeoff, shared),
            "The paper's λ and m for streams of this kind, one θ for all layers.",
        ),
        "Cautious (m = 0.05 %)": (
            replace(with_outcome(shared, ruled[0.0005]), margin=0.0005, fine_tuning=False),
            "Hardly any validation accuracy is given up.",
        ),
        "Bold (m = 4 % + fine-tuning)": (
            replace(with_outcome(shared, ruled[0.04]), margin=0.04, fine_tuning=True),
            "Much is pruned, and the rest is fine-tuned when you commit it as a run.",
        ),
    }
    for name, (preset, about) in presets.items():
        whole = partial(change, view, lambda _, preset=preset: preset)
        st.button(name, help=about, on_click=whole, disabled=preset == view)


def _paper(spec: RunSpec, tradeoff: TradeOff, view: View) -> View:
    paper = _PAPER["permuted" if spec.stream.kind in ("permuted", "rotated") else "split"]
    hidden = len(tradeoff.before.names)
    l1 = (paper["first"], *(paper["hidden"],) * (hidden - 1), paper["output"])
    moved = with_l1(replace(view, margin=paper["margin"], fine_tuning=False), l1, tradeoff)
    candidate = candidate_of(moved, tradeoff)
    return with_outcome(moved, tradeoff.within(candidate, moved.margin)) if candidate else moved


def choose_to_train(spec: RunSpec, tradeoff: TradeOff, view: View) -> tuple[dict[str, list[float]], int]:
    """Choose which λ to train for the task. Returns them by layer, and how many combinations are not trained."""
    axes = {}
    for layer, key in enumerate(spec.layer_keys):
        values = lambda_places(tradeoff, view.l1, layer)
        axes[key] = st.multiselect(
            f"λ {layer_name(spec, key)}",
            values,
            default=[view.l1[layer]],
            format_func=scientific,
            key=f"train {key} {view.l1[layer]}",
        )
    missing = [l1 for l1 in product(*axes.values()) if tradeoff.find(l1, view.learning_rate) is None]
    return axes, len(missing)
