"""A run in words."""

from collections import Counter

from clnp_core.runs.spec import OUTPUT, RunSpec
from clnp_core.runs.store import Run
from clnp_core.runs.summary import words_for

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
    return _count(round(100 * margin, 6), "point")


def settings(spec: RunSpec) -> str:
    """The settings a person would tell runs apart by."""
    tasks = spec.stream.tasks
    parts = [f"{_count(tasks, 'task')} of {spec.stream.data}", spec.network_name, f"up to {epochs(spec)} epochs"]
    if spec.partitions:
        parts += [_lambda(spec), f"m {points(spec.margin)}", _theta(spec)]
    else:
        parts.append(f"method {spec.method}")
    if tuning := spec.fine_tuning:
        rounds = f"{_count(tuning.rounds, 'round')} of " if tuning.rounds > 1 else ""
        parts.append(f"fine-tuning {rounds}{_count(tuning.epochs, 'epoch')} at {power(tuning.learning_rate)}")
    return " · ".join([*parts, f"seed {spec.seed}"])


def epochs(spec: RunSpec) -> str:
    """Epochs of each task, such as "6, then 24"."""
    *first, last = map(str, spec.epochs)
    return f"{', '.join(first)}, then {last}" if first else last


def layer_name(spec: RunSpec, key: str) -> str:
    """What the layer of that key of `lambda` is called."""
    names = [*(layer.name for layer in spec.architecture.hidden), OUTPUT]
    return names[spec.layer_keys.index(key)]


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


def _count(number: float, what: str) -> str:
    return f"{number:g} {what}{'s' * (number != 1)}"


def _lambda(spec: RunSpec) -> str:
    coefficients = [", ".join(map(power, spec.lambda_[key])) for key in spec.layer_keys]
    return f"λ {coefficients[0]} in every layer" if len(set(coefficients)) == 1 else f"λ {' / '.join(coefficients)}"


def _theta(spec: RunSpec) -> str:
    if spec.theta is None:
        return "one θ per layer" if spec.theta_mode == "per-layer" else "one θ for all layers"
    return "θ " + " / ".join(map(str, spec.theta if isinstance(spec.theta, tuple) else [spec.theta]))
