"""A run in words."""

from collections import Counter
from collections.abc import Collection

from clnp_core.runs.fold.summary import words_for
from clnp_core.runs.spec import OUTPUT, RunSpec
from clnp_core.runs.store import Run
from clnp_core.runs.views.estimate import Estimate

_ON_THE_WAY = {"pause": "pausing", "cancel": "cancelling"}


def state_word(run: Run) -> str:
    """Its state, or the one it was asked to come to."""
    return _ON_THE_WAY.get(run.wanted, run.state) if run.state == "running" else run.state


def time_left(run: Run) -> str:
    """Time left, where it is known and the run is to go on."""
    known = state_word(run) == "running" and run.seconds_left is not None
    return f"about {words_for(run.seconds_left)}" if known else ""


def power(value: float) -> str:
    """A number such as 3e-4."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}" if value else "0"


def points(margin: float) -> str:
    """A margin, a fraction, in points of accuracy."""
    return count(round(100 * margin, 6), "point")


def settings(spec: RunSpec) -> str:
    """The settings a person would tell runs apart by."""
    return " · ".join(_settings(spec).values())


def common_settings(spec: RunSpec, different: Collection[str]) -> str:
    """Those that are the same in all runs, of which this is one specification, but for the seed.

    Parameters
    ----------
    spec : RunSpec
    different : collection of str
        Dotted paths of the settings in which the runs differ.
    """
    groups = {"seed", *different, *(path.split(".")[0] for path in different)}
    return " · ".join(part for path, part in _settings(spec).items() if path not in groups)


def _settings(spec: RunSpec) -> dict[str, str]:
    """In words, by the setting or the group of settings."""
    parts = {
        "stream": f"{count(spec.stream.tasks, 'task')} of {spec.stream.data}",
        "network": spec.network_name,
        "epochs": epochs(spec),
    }
    if spec.partitions:
        parts |= {"lambda": _lambda(spec), "margin": f"m {points(spec.margin)}", "theta": _theta(spec)}
    else:
        parts["method"] = f"method {spec.method}"
    if tuning := spec.fine_tuning:
        rounds = f"{count(tuning.rounds, 'round')} of " if tuning.rounds > 1 else ""
        about = f"fine-tuning {rounds}{count(tuning.epochs, 'epoch')} at {power(tuning.learning_rate)}"
        parts["fine_tuning"] = about
    return parts | {"seed": f"seed {spec.seed}"}


def unbroken(text: str) -> str:
    """On one line: a table too wide for a small screen is scrolled."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def epochs(spec: RunSpec) -> str:
    """Those of each task, such as "up to 6, then 24 epochs"."""
    *first, last = map(str, spec.epochs)
    numbers = f"{', '.join(first)}, then {last}" if first else last
    return f"{numbers} epochs" if spec.patience is None else f"up to {numbers} epochs"


def layer_name(spec: RunSpec, key: str) -> str:
    """What the layer of that key of `lambda` is called."""
    names = [*(layer.name for layer in spec.architecture.hidden), OUTPUT]
    return names[spec.layer_keys.index(key)]


def network(spec: RunSpec) -> str:
    """The network's layers, from the input upwards."""
    units = {"conv": "channels", "dense": "neurons"}
    layers = [f"{layer.width} {units[layer.kind]}" for layer in spec.architecture.hidden]
    size = "×".join(map(str, spec.architecture.input_shape[1:]))
    return " → ".join([f"images of {size}", *layers, f"{spec.architecture.outputs} classes"])


def time_wanted(given: Estimate | None) -> str:
    """How long a run will take, and who says so."""
    if given is None:
        return "a time that is unknown until its first epoch"
    return f"{given}" if given.here else f"{given} where it was measured, on two cores"


def training_cost(spec: RunSpec, first_task: int = 1) -> str:
    """How much training the tasks from that one on take at most."""
    trainings, tunings = Counter(), Counter()
    for task in spec.lessons:
        if task >= first_task:
            own = spec.at(task)
            trainings[own.epochs_of(task)] += spec.fits(task) + spec.trains_alone
            if own.fine_tuning:
                tunings[own.fine_tuning.epochs] += own.fine_tuning.rounds
    tuned = "".join(f", and {count} × {most} epochs of fine-tuning" for most, count in tunings.items())
    return " and ".join(f"{count} × up to {most}" for most, count in trainings.items()) + f" epochs of training{tuned}"


def count(number: float, what: str) -> str:
    """So many of something, such as "1 task"."""
    return f"{number:g} {what}{'s' * (number != 1)}"


def _lambda(spec: RunSpec) -> str:
    coefficients = [", ".join(map(power, spec.lambda_[key])) for key in spec.layer_keys]
    return f"λ {coefficients[0]} in every layer" if len(set(coefficients)) == 1 else f"λ {' / '.join(coefficients)}"


def _theta(spec: RunSpec) -> str:
    if spec.theta is None:
        return "one θ per layer" if spec.theta_mode == "per-layer" else "one θ for all layers"
    return "θ " + " / ".join(map(str, spec.theta if isinstance(spec.theta, tuple) else [spec.theta]))
