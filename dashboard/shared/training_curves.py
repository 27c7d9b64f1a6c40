"""The curves of a run's training, and the lines that make them in a notebook."""

from collections.abc import Sequence

from plotly.graph_objects import Figure

from clnp_core.analysis import figures
from clnp_core.runs.fold.results import Record
from clnp_core.runs.fold.summary import settled
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from dashboard.shared.notebook_code import run_code


def training_curves(store: Store, run: Run, records: Sequence[Record], theme: figures.Theme) -> Figure:
    """Draw the epochs of a run so far; of a method that partitions with the neurons that each left."""
    spec = run.spec
    chosen = settled(spec, records)
    return figures.learning_curves(
        store.epochs(run.id),
        chosen,
        theme,
        at_once=spec.at_once,
        layers=_shrinking_layers(spec),
        measure=spec.measure,
    )


def training_curves_code(run: Run) -> str:
    """Write the lines that make the same figure in a notebook."""
    names = _shrinking_layers(run.spec)
    layers = f", layers={names}" if names else ""
    measure = f", measure={run.spec.measure!r}" if run.spec.measure != "accuracy" else ""
    given = f"run.metrics(), run.settled(), at_once={run.spec.at_once}{layers}{measure}"
    return run_code(run.id, f"figures.learning_curves({given})")


def _shrinking_layers(spec: RunSpec) -> list[str]:
    return [layer.name for layer in spec.architecture.hidden] if spec.partitions else []
