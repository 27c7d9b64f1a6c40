"""Why the paper's Figure 3 differs from ours: `python -m benchmarks.figure_3 [--only NAME ...] [--json FILE]`.

In the paper layer 1 hardly grows after task 1, and layer 2 grows by 4 % of its 2000 neurons with every task. Here the
first tasks of permuted MNIST are learned as the preset does, with one thing changed at a time. Of each layer: neurons
that task 1 claims, and those that a later task claims on average.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from benchmarks import report
from benchmarks.setting import learned
from clnp_core.methods import clnp
from clnp_core.methods.regularisers import L1
from clnp_core.methods.training import program
from clnp_core.runs.spec import preset
from clnp_core.tasks.task import Split, Task


@dataclass(frozen=True)
class Variant:
    """What is changed, and nothing else.

    Attributes
    ----------
    changes : mapping
        Settings of the preset.
    first : mapping
        Settings of the preset that differ for task 1 alone.
    epsilon : float
        Adam's ε.
    standardised : bool
        Pixels less the mean of MNIST, divided by their standard deviation.
    of_biases : bool
        Whether L1 is on biases, too, at their layer's λ.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)
    epsilon: float = 1e-8
    standardised: bool = False
    of_biases: bool = False


def _strengths(*by_layer: float) -> dict[str, float]:
    return dict(zip(("lambda.1", "lambda.2", "lambda.output"), by_layer, strict=True))


PAPERS = _strengths(1e-7, 1e-5, 1e-6)
VARIANTS = {
    "as the preset": Variant(),
    "λ as in the paper: 1e-7, 1e-5, 1e-6": Variant(PAPERS),
    "λ 1e-5, 1e-7, 1e-6": Variant(_strengths(1e-5, 1e-7, 1e-6)),
    "λ 1e-5, 1e-6, 1e-6": Variant(_strengths(1e-5, 1e-6, 1e-6)),
    "λ 1e-6, 1e-5, 1e-6": Variant(_strengths(1e-6, 1e-5, 1e-6)),
    "λ₁ a tenth for task 1": Variant(first={"lambda.1": 1.5e-6}),
    "λ₁ ten times as large for task 1": Variant(first={"lambda.1": 1.5e-4}),
    "the paper's λ, Adam's ε 1e-7": Variant(PAPERS, epsilon=1e-7),
    "the paper's λ, Adam's ε 1e-6": Variant(PAPERS, epsilon=1e-6),
    "one θ for both layers while training": Variant({"gradual.theta_mode": "shared"}),
    "a θ per layer at the end": Variant({"theta_mode": "per-layer"}),
    "standardised pixels": Variant(standardised=True),
    "L1 on biases, too": Variant(of_biases=True),
    "50 % of the pixels permuted": Variant({"stream.share": 0.5}),
    "25 % of the pixels permuted": Variant({"stream.share": 0.25}),
    "10 % of the pixels permuted": Variant({"stream.share": 0.1}),
    "all tasks the same": Variant({"stream.share": 0.0}),
}
_MEAN, _DEVIATION = 0.1307, 0.3081  # of MNIST's training pixels


def measure(only: list[str], tasks: int, seed: int) -> dict[str, Any]:
    """Learn each variant; print a row for each."""
    rows = []
    for name in only:
        rows.append(_row(name, VARIANTS[name], {"stream.tasks": tasks, "seed": seed}))
        report.table(rows[-1:])
    return {"rows": rows}


def _row(name: str, variant: Variant, shared: Mapping[str, Any]) -> dict[str, Any]:
    spec = preset("permuted-mnist", {**shared, **variant.changes})
    first = preset("permuted-mnist", {**shared, **variant.changes, **variant.first})
    start = time.perf_counter()
    with ExitStack() as changed:
        changed.enter_context(mock.patch.dict(program._ADAM, eps=variant.epsilon))
        if variant.of_biases:
            # The hidden layers' biases come after all matrices.
            changed.enter_context(mock.patch.object(clnp, "L1", lambda each: L1([*each, *each[:-1]])))
        _, each, reached = learned(spec, first, _standardised if variant.standardised else lambda task: task)
    layers = {}
    for place, layer in enumerate(spec.architecture.hidden):
        claimed = [task.claimed[place] for task in each]
        layers |= {
            f"{layer.name}: task 1": claimed[0],
            f"{layer.name}: a later one": statistics.mean(claimed[1:]),
        }
    return {
        "changed": name,
        "mean accuracy": statistics.mean(reached),
        **layers,
        "seconds": time.perf_counter() - start,
    }


def _standardised(task: Task) -> Task:
    def of(split: Split) -> Split:
        return Split((split.x - _MEAN) / _DEVIATION, split.y)

    return Task(task.number, of(task.train), of(task.validation), of(task.test))


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        only={"nargs": "+", "choices": list(VARIANTS), "default": list(VARIANTS), "metavar": "NAME"},
        tasks={"type": int, "default": 4},
        seed={"type": int, "default": 0},
    )
