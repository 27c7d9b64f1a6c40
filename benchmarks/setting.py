"""A run's specification as what the methods take, for benchmarks that learn in their own process."""

from clnp_core.methods.training import Hyperparameters
from clnp_core.runs.spec import RunSpec
from clnp_core.tasks import datasets
from clnp_core.tasks.streams import PermutedStream


def stream_of(spec: RunSpec) -> PermutedStream:
    """The specification's tasks."""
    asked = spec.stream
    dataset = datasets.load(asked.dataset)
    return PermutedStream(dataset, asked.tasks, asked.validation, spec.seed, asked.identity_first)


def settings_of(spec: RunSpec) -> Hyperparameters:
    """The first candidate of its grid."""
    (l1, rate), *_ = spec.grid
    return Hyperparameters(
        l1, rate, spec.cooldown, spec.batch_size, spec.epochs, spec.patience, spec.shrink, spec.cache_mb
    )
