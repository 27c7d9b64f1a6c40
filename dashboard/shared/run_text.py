"""A run in words: its state, its settings, and what it takes."""

import re
from collections import Counter
from collections.abc import Collection

from clnp_core.methods.training.settings import MEASURES
from clnp_core.runs.estimate import Estimate
from clnp_core.runs.fold.summary import seeds_of, words_for
from clnp_core.runs.spec import OUTPUT, RunSpec
from clnp_core.runs.store import Run
from dashboard.shared.number_text import counted, margin_text, scientific

STATE_COLOURS = {
    "queued": "gray",
    "running": "blue",
    "pausing": "orange",
    "paused": "orange",
    "cancelling": "gray",
    "cancelled": "gray",
    "interrupted": "orange",
    "finished": "green",
    "failed": "red",
}
"""Every state that `state_text` tells, and its colour."""

_ON_THE_WAY = {"pause": "pausing", "cancel": "cancelling"}


def state_text(run: Run) -> str:
    """Tell a run's state, or the one that it was asked to come to."""
    return _ON_THE_WAY.get(run.wanted, run.state) if run.state == "running" else run.state


def time_left_text(run: Run) -> str:
    """Tell the time left; nothing where it is unknown or the run is not to go on."""
    known = state_text(run) == "running" and run.seconds_left is not None
    return f"about {words_for(run.seconds_left)}" if known else ""


_MARKDOWN = re.compile(r"([\\`*_\[\]<>#$~:|])")


def plain(text: str) -> str:
    """Write a text so that nothing in it is taken for Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


def title_text(run: Run) -> str:
    """Tell what a run is called, as Markdown."""
    return plain(run.title)


def owner_text(run: Run) -> str:
    """Tell whose run it is in a class."""
    return run.owner or "lecturer"


def settings_text(spec: RunSpec) -> str:
    """Tell the settings by which a person would know a run from others."""
    return " · ".join(_settings(spec).values())


def common_settings_text(spec: RunSpec, different: Collection[str]) -> str:
    """Tell the settings that are the same in all runs, of which this is one specification, but for the seed.

    Parameters
    ----------
    spec : RunSpec
    different : collection of str
        Dotted paths of the settings in which the runs differ.
    """
    groups = {"seed", *different, *(path.split(".")[0] for path in different)}
    return " · ".join(part for path, part in _settings(spec).items() if path not in groups)


def _settings(spec: RunSpec) -> dict[str, str]:
    """Put settings into words, each by its name or that of its group."""
    parts = {
        "stream": _stream(spec),
        "network": spec.network_name,
        "epochs": epochs_text(spec),
    }
    if spec.prunes:
        parts |= {"lambda": _lambda(spec), "margin": f"m {margin_text(spec.margin)}", "theta": _theta(spec)}
    else:
        parts["method"] = f"method {spec.method}"
    if given := spec.gradual_training:
        pace = f"from epoch {given.first_epoch}, at most {given.largest_share:.0%} of a layer an epoch"
        start = f", starting with {given.start_width} neurons a layer" if given.start_width else ""
        parts |= {"pruning": "gradual pruning", "gradual": pace + start}
    if tuning := spec.fine_tuning:
        rounds = f"{counted(tuning.rounds, 'round')} of " if tuning.rounds > 1 else ""
        about = f"fine-tuning {rounds}{counted(tuning.epochs, 'epoch')} at {scientific(tuning.learning_rate)}"
        parts["fine_tuning"] = about
    if spec.measure == "balanced":
        parts["measure"] = f"chosen by {MEASURES[spec.measure]}"
    return parts | {"seed": f"seed {seeds_of(spec)}"}


def _stream(spec: RunSpec) -> str:
    stream = spec.stream
    told = f"{counted(stream.tasks, 'task')} of {stream.data}"
    if order := getattr(stream, "class_order", None):
        told += f" in the order {order if isinstance(order, str) else ', '.join(map(str, order))}"
    if stream.kind == "permuted" and stream.share < 1:
        told += f", {100 * stream.share:.3g}% of the pixels permuted"
    return f"{told}, each rotated {stream.degrees:g}° further" if stream.kind == "rotated" else told


def epochs_text(spec: RunSpec) -> str:
    """Tell the epochs of each task, such as "up to 6, then 24 epochs"."""
    *first, last = map(str, spec.epochs)
    numbers = f"{', '.join(first)}, then {last}" if first else last
    return f"{numbers} epochs" if spec.patience is None else f"up to {numbers} epochs"


def layer_name(spec: RunSpec, key: str) -> str:
    """Name the layer of that key of `lambda`."""
    names = [*(layer.name for layer in spec.architecture.hidden), OUTPUT]
    return names[spec.layer_keys.index(key)]


def network_text(spec: RunSpec) -> str:
    """Tell the network's layers, from the input upwards."""
    units = {"conv": "channels", "dense": "neurons"}
    layers = [f"{layer.width} {units[layer.kind]}" for layer in spec.architecture.hidden]
    size = "×".join(map(str, spec.architecture.input_shape[1:]))
    fewest = min(spec.stream.class_counts, default=0)
    classes = f"{fewest} to {spec.stream.classes}" if fewest else str(spec.stream.classes)
    return " → ".join([f"images of {size}", *layers, f"{classes} classes"])


def time_text(given: Estimate | None) -> str:
    """Tell how long a run will take, and where that was measured."""
    if given is None:
        return "a time that is unknown until its first epoch"
    return f"{given}" if given.here else f"{given} where it was measured, on two cores"


def training_text(spec: RunSpec, first_task: int = 1) -> str:
    """Tell how much training the tasks from that one on take at most."""
    trainings, tunings = Counter(), Counter()
    for task in spec.lessons:
        if task >= first_task:
            own = spec.at(task)
            trainings[own.epochs_of(task)] += spec.fits(task) + spec.trains_alone
            if own.fine_tuning:
                tunings[own.fine_tuning.epochs] += own.fine_tuning.rounds
    tuned = "".join(f", and {count} × {most} epochs of fine-tuning" for most, count in tunings.items())
    return " and ".join(f"{count} × up to {most}" for most, count in trainings.items()) + f" epochs of training{tuned}"


def lambda_text(spec: RunSpec) -> str:
    """Tell λ of each layer, the output last; once where it is the same in all."""
    coefficients = [", ".join(map(scientific, spec.lambda_[key])) for key in spec.layer_keys]
    return coefficients[0] if len(set(coefficients)) == 1 else " / ".join(coefficients)


def _lambda(spec: RunSpec) -> str:
    told = lambda_text(spec)
    return f"λ {told}" if "/" in told else f"λ {told} in every layer"


def _theta(spec: RunSpec) -> str:
    if spec.theta is None:
        return "one θ per layer" if spec.theta_mode == "per-layer" else "one θ for all layers"
    return "θ " + " / ".join(map(str, spec.theta if isinstance(spec.theta, tuple) else [spec.theta]))
