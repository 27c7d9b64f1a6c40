"""Whether a λ can be answered by those beside it: `python -m benchmarks.interpolation [--seeds N] [--json FILE]`.

Candidates of the first tasks of digits along the λ of one layer, the others as in the preset. Each λ but the outermost
is held out: what the two beside it came to, mixed by the logarithm of λ, against what its own training came to. That is
compared in validation accuracy, at every stored θ at which it is within `NEAR` of the best, as the page Trade-off shows
it. What both came to is mixed at the same θ, or at the same sparsity.

Beside it the same λ trained from another seed: no interpolation can miss by less than that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.graceful import Curve
from clnp_core.methods.method import Candidate, Pruning
from clnp_core.networks.network import initial
from clnp_core.runs.spec import RunSpec, preset

NEAR = 0.06
LINES = {
    "1 and 3 of each power of ten": ((1e-6, 3e-6, 1e-5, 3e-5, 1e-4), (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
    "each twice the one before": ((5e-6, 1e-5, 2e-5), (5e-4, 1e-3, 2e-3)),
}
"""λ of the first and the second layer, by how far apart they are."""

Place = Callable[[Curve], np.ndarray]
Fit = Callable[[Sequence[tuple[float, ...]], int], list[Candidate]]


def measure(seeds: int, tasks: int) -> dict[str, Any]:
    """Train them all; print the errors, absolute, in points of accuracy."""
    missed: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(seeds):
        spec = preset("digits", {"seed": seed})
        with computing(spec.architecture.threads):
            _learn(spec, tasks, missed)
    rows = [
        {
            "λ trained": apart,
            "answered by": way,
            "points": len(errors),
            "median": float(np.median(errors)),
            "mean": float(np.mean(errors)),
            "p95": float(np.quantile(errors, 0.95)),
            "most": max(errors),
        }
        for (apart, way), errors in missed.items()
    ]
    report.table(rows)
    return {"rows": rows}


def _learn(spec: RunSpec, tasks: int, missed: dict[tuple[str, str], list[float]]) -> None:
    """Learn tasks as the preset does, and at each of them try the λ around."""
    stream, network = stream_of(spec), initial(spec.architecture, spec.head)

    def sparsity(curve: Curve) -> np.ndarray:
        return np.array([1 - np.mean(np.divide(point.claimed, spec.architecture.widths)) for point in curve.points])

    for number in range(1, tasks + 1):
        task, given = stream.task(number), settings_of(spec, number)

        def fit(lines: Sequence[tuple[float, ...]], seed: int = spec.seed) -> list[Candidate]:
            wanted = [replace(given, l1=l1) for l1 in lines]  # noqa: B023 - it is called before the next task
            return clnp.fit_candidates(clnp.candidate_jobs(network, task, wanted, seed))  # noqa: B023

        for apart, layers in LINES.items():
            for layer, values in enumerate(layers):
                lines = [(*given.l1[:layer], value, *given.l1[layer + 1 :]) for value in values]
                curves = [candidate.curve for candidate in fit(lines)]
                least = max(curve.accuracy for curve in curves) - NEAR
                for held_out in range(1, len(values) - 1):
                    below, above = held_out - 1, held_out + 1
                    logs = np.log([values[below], values[held_out], values[above]])
                    share = (logs[1] - logs[0]) / (logs[2] - logs[0])
                    for way, place in (("the same θ", _theta), ("the same sparsity", sparsity)):
                        mixed = (1 - share) * _at(curves[below], curves[held_out], place)
                        mixed += share * _at(curves[above], curves[held_out], place)
                        missed[apart, way] += _errors(mixed, curves[held_out], least)
                (again,) = fit([given.l1], spec.seed + 1000)
                own = curves[len(values) // 2]
                missed[apart, "its own λ, another seed"] += _errors(_at(again.curve, own, _theta), own, least)
        kept = fit([given.l1])
        choice = clnp.choose_candidate(kept, network, task.validation, Pruning(spec.margin, spec.theta_mode))
        network, _ = clnp.prune_and_commit(network, kept[0], choice)


def _theta(curve: Curve) -> np.ndarray:
    return np.array([point.theta[0] for point in curve.points])


def _at(curve: Curve, wanted: Curve, place: Place) -> np.ndarray:
    """What a curve has at the places of another, between its points along a straight line."""
    return np.interp(place(wanted), place(curve), [point.accuracy for point in curve.points])


def _errors(told: np.ndarray, actual: Curve, least: float) -> list[float]:
    accuracies = np.array([point.accuracy for point in actual.points])
    return [float(error) for error in 100 * np.abs(told - accuracies)[accuracies >= least]]


if __name__ == "__main__":
    report.main(__doc__, measure, seeds={"type": int, "default": 3}, tasks={"type": int, "default": 2})
