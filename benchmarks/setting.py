"""A run's specification as what the methods take, for benchmarks that learn in their own process."""

from clnp_core.methods.training import Hyperparameters
from clnp_core.runs.spec import RunSpec
from clnp_core.tasks.streams import Stream, open_stream


def stream_of(spec: RunSpec) -> Stream:
    """The specification's tasks."""
    return open_stream(spec.stream.model_dump(mode="json"), spec.seed)


def settings_of(spec: RunSpec, task: int = 1) -> Hyperparameters:
    """The first candidate of its grid."""
    (l1, rate), *_ = spec.grid
    epochs = spec.epochs_of(task)
    return Hyperparameters(
        l1, rate, spec.cooldown, spec.batch_size, epochs, spec.patience, spec.shrink, spec.cache_mb
    )
