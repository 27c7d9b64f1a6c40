"""L1 as a proximal step against its sub-gradient at equal λ: `python -m benchmarks.proximal [--json FILE]`.

The sub-gradient adds λ sign(w) to the gradient, and under Adam a weight that should be 0 hovers around it. A proximal
step in Adam's own metric, w ← sign(w) max(|w| - ηλ / (√v + ε), 0) after the step on the loss, leaves exact zeros.
Both in the same loop, by turns, on the first task of digits and of permuted-mnist-quick, over several seeds: accuracy
and neurons claimed after the margin rule, and the time of an epoch. Nothing shrinks here.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import report
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import sparsify
from clnp_core.methods.graceful import Curve, choose, margin_floor
from clnp_core.methods.training import Hyperparameters, accuracy
from clnp_core.networks.network import initial, reinitialise_free
from clnp_core.networks.subnetwork import Trainable, trainable
from clnp_core.runs.spec import RunSpec, preset
from clnp_core.tasks.streams import Task

RULES = ("sub-gradient", "proximal")
_BETA2, _EPSILON = 0.999, 1e-8  # Adam's usual ones


def measure(digits_seeds: int, mnist_seeds: int) -> dict[str, Any]:
    """Learn with both; print a row per preset and rule."""
    rows = []
    for name, seeds in (("digits", digits_seeds), ("permuted-mnist-quick", mnist_seeds)):
        learned: dict[str, list[dict[str, float]]] = {rule: [] for rule in RULES}
        for seed in range(seeds):
            for rule in RULES:
                learned[rule].append(learn(preset(name, {"seed": seed}), rule))
        rows += [
            {"preset": name, "seeds": seeds, "L1": rule}
            | {key: statistics.mean(each[key] for each in learned[rule]) for key in learned[rule][0]}
            for rule in RULES
        ]
    report.table(rows)
    return {"rows": rows}


def learn(spec: RunSpec, rule: str) -> dict[str, float]:
    """Learn the first task: what the margin rule leaves, and the median epoch's seconds."""
    settings, task = settings_of(spec), stream_of(spec).task(1)
    network = trainable(reinitialise_free(initial(spec.architecture, spec.head), spec.seed))
    with computing(spec.architecture.threads):
        reached, seconds = train(network, task, settings, rule, spec.seed)
        measured = sparsify.activities(network, task.train)
        curve = Curve(reached, sparsify.scan(network, measured, task.validation))
        point = choose([curve], margin_floor([curve], spec.margin), spec.architecture.widths).point
        pruned = network.keep(sparsify.above(measured.free, point.theta))
        return {
            "test": accuracy(pruned, task.test),
            "alive 1": float(curve.points[0].claimed[0]),
            "alive 2": float(curve.points[0].claimed[1]),
            "claimed 1": float(point.claimed[0]),
            "claimed 2": float(point.claimed[1]),
            "epoch s": seconds,
        }


def train(network: Trainable, task: Task, settings: Hyperparameters, rule: str, seed: int) -> tuple[float, float]:
    """Train in place and leave the best epoch's weights: their validation accuracy, the median epoch's seconds."""
    tensors = [tensor.requires_grad_() for tensor in network.parameters()]
    optimiser = torch.optim.Adam(tensors, fused=True)
    penalised = list(zip(tensors, settings.l1, strict=False))
    scratch = {tensor: (torch.empty_like(tensor), torch.empty_like(tensor)) for tensor, _ in penalised}
    generator = torch.Generator().manual_seed(seed)
    best, kept, seconds, steps = -1.0, tensors, [], 0
    for epoch in range(1, settings.epochs + 1):
        start = time.perf_counter()
        rate = optimiser.param_groups[0]["lr"] = settings.learning_rate_in(epoch)
        for rows in torch.randperm(len(task.train), generator=generator).split(settings.batch_size):
            loss = F.cross_entropy(network(task.train.x[rows]), task.train.y[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            steps += 1
            with torch.no_grad():
                if rule == "sub-gradient":
                    for tensor, l1 in penalised:
                        tensor.grad.add_(torch.sign(tensor, out=scratch[tensor][0]), alpha=l1)
                optimiser.step()
                if rule == "proximal":
                    for tensor, l1 in penalised:
                        square = optimiser.state[tensor]["exp_avg_sq"]
                        _soft_threshold(tensor, square, rate * l1, 1 - _BETA2**steps, *scratch[tensor])
        seconds.append(time.perf_counter() - start)
        reached = accuracy(network, task.validation)
        if reached >= best:
            best, kept = reached, [tensor.detach().clone() for tensor in tensors]
    for tensor, weights in zip(tensors, kept, strict=True):
        tensor.requires_grad_(False).copy_(weights)
    return best, statistics.median(seconds)


def _soft_threshold(weights: Tensor, square: Tensor, by: float, correction: float, high: Tensor, low: Tensor) -> None:
    """w less what of it lies within ±by / (√(v / correction) + ε)."""
    torch.sqrt(square, out=high)
    high.div_(correction**0.5).add_(_EPSILON).reciprocal_().mul_(by)
    torch.neg(high, out=low)
    weights.sub_(torch.clamp(weights, min=low, max=high, out=low))


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        digits_seeds={"type": int, "default": 5},
        mnist_seeds={"type": int, "default": 3},
    )
