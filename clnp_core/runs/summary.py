"""What a run came to, and how long it takes, as every table and page says it. Imports no torch."""

from collections.abc import Sequence
from typing import Any

from clnp_core.analysis.metrics import mean_accuracy
from clnp_core.runs.spec import RunSpec


def summarise(spec: RunSpec, records: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Bring the records of the learned tasks together.

    Parameters
    ----------
    spec : RunSpec
    records : sequence of dict
        One per learned task, in order, at least one.
    seconds : float
        Wall time of the run.

    Returns
    -------
    dict of plain data. Accuracies are fractions; `accuracy` is lower triangular, row i after task i; `theta` is one
    number per task where θ is shared by the layers, else a list per task.
    """
    shared = spec.theta_mode == "shared" and not isinstance(spec.theta, tuple)
    summary = {
        "preset": spec.preset,
        "seed": spec.seed,
        "tasks": len(records),
        "accuracy": [list(record["accuracy"]) for record in records],
        "mean_accuracy": mean_accuracy([record["accuracy"] for record in records]),
        # A run whose fingerprints do not hold ends with an error: there is no summary of it.
        "identical_logits": True,
        "layers": [
            {
                "name": layer.name,
                "width": layer.width,
                "claimed": [record["claimed"][place] for record in records],
                "reused": [record["reused"][place] for record in records],
                "free": records[-1]["free"][place],
            }
            for place, layer in enumerate(spec.architecture.hidden)
        ],
        "theta": [record["theta"][0] if shared else list(record["theta"]) for record in records],
        "lambda": [list(record["lambda"]) for record in records],
        "learning_rate": [record["learning_rate"] for record in records],
        "notes": [f"Task {record['task']}: {note}" for record in records for note in record["notes"]],
        "seconds": round(seconds, 2),
    }
    if spec.single_task:
        summary["single_task_accuracy"] = [record["single_task_accuracy"] for record in records]
    if len(records) < spec.stream.tasks:
        summary["notes"].append(
            f"The network is full after task {len(records)} of {spec.stream.tasks}: no neuron of "
            f"{spec.architecture.hidden[-1].name} is free, and a single head cannot learn without one."
        )
    return summary


def words_for(seconds_left: float | None) -> str:
    """Time left, in words; nothing where it is not known."""
    if seconds_left is None:
        return ""
    if seconds_left < 90:
        return f"{seconds_left:.0f} s left"
    return f"{seconds_left / 60:.0f} min left" if seconds_left < 5400 else f"{seconds_left / 3600:.1f} h left"
