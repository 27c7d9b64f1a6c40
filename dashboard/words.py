"""A run in words."""

from clnp_core.runs.spec import RunSpec
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


def settings(spec: RunSpec) -> str:
    """The settings a person would tell runs apart by."""
    coefficients = " / ".join(", ".join(map(power, spec.lambda_[key])) for key in spec.layer_keys)
    points = 100 * spec.margin
    theta = "one θ per layer" if spec.theta_mode == "per-layer" else "one θ for all layers"
    if spec.theta is not None:
        theta = f"θ {spec.theta}"
    return (
        f"{spec.stream.tasks} tasks of {spec.stream.dataset} · {spec.network} · up to {spec.epochs} epochs · "
        f"λ {coefficients} · m {points:g} point{'s' * (points != 1)} · {theta} · seed {spec.seed}"
    )


def training_cost(spec: RunSpec, first_task: int = 1) -> str:
    """How much training the tasks from that one on take at most."""
    tasks = range(first_task, spec.stream.tasks + 1)
    trainings = sum(spec.fits(task) + spec.single_task for task in tasks)
    return f"{trainings} × up to {spec.epochs} epochs of training"
