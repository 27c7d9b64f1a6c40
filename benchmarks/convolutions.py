"""Convolutional networks: `python -m benchmarks.convolutions [--json FILE]`.

- Training: tasks of ten classes of CIFAR-100 on the network of Table 2, by turns with epochs of a plain PyTorch loop on
  the same network, once as torch lays it out by itself and once with channels last.
- Answering: a task's own narrow network against the full-width one, by turns, and how far their logits are apart.
- The wide network of Table 3: the time of a training step.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks import report
from benchmarks.plain import Plain
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import Epoch, Hooks, train
from clnp_core.networks.architectures import ARCHITECTURES
from clnp_core.networks.network import Network, initial
from clnp_core.networks.subnetwork import task_network
from clnp_core.runs.spec import preset
from clnp_core.tasks.streams import Split, Task

STREAM = {"kind": "split", "datasets": ["cifar100"], "classes_per_task": 10, "validation": 0.1}


def measure(tasks: int, epochs: int, rounds: int) -> dict[str, Any]:
    """Measure all three; print their tables."""
    network, training = _training(tasks, epochs)
    report.table(training)
    answering = _answering(network, rounds)
    report.table(answering)
    wide = _wide_step(rounds)
    print(f"table3-cnn: {wide:.2f} s for a training step of 64 images")
    return {"training": training, "answering": answering, "table3 step s": wide}


def _training(tasks: int, epochs: int) -> tuple[Network, list[dict[str, Any]]]:
    length = {"stream": STREAM | {"tasks": tasks}, "epochs": epochs, "patience": epochs}
    spec = preset("split-cifar-quick", length)
    settings, stream = settings_of(spec), stream_of(spec)
    network, rows = initial(spec.architecture, spec.head), []
    with computing(spec.architecture.threads):
        for number in range(1, tasks + 1):
            task = stream.task(number)
            peers = [Plain(spec.architecture, settings, 0, channels_last) for channels_last in (False, True)]
            times: list[tuple[float, ...]] = []

            def on_epoch(epoch: Epoch, peers=peers, times=times, task=task) -> None:
                times.append((epoch.seconds, *(peer.epoch(task) for peer in peers)))

            candidates = clnp.fit_candidates(
                clnp.candidate_jobs(network, task, [settings], spec.seed, [Hooks(on_epoch)])
            )
            choice = clnp.choose_candidate(candidates, network, task.validation, Pruning(spec.margin))
            network, learned = clnp.prune_and_commit(network, candidates[0], choice)
            ours, plain, last = (statistics.median(column) for column in zip(*times, strict=True))
            rows.append(
                {
                    "task": number,
                    "CLNP epoch s": ours,
                    "/ plain": ours / plain,
                    "/ channels last": ours / last,
                    "claimed": "/".join(map(str, learned.claimed)),
                }
            )
    return network, rows


def _answering(network: Network, rounds: int) -> list[dict[str, Any]]:
    x = torch.rand(1024, network.architecture.inputs, generator=torch.Generator().manual_seed(0))
    rows = []
    with computing(network.architecture.threads), torch.no_grad():
        for task in range(1, network.tasks + 1):
            narrow, times = task_network(network, task), []
            for _ in range(rounds):
                start = time.perf_counter()
                one = torch.cat([narrow(batch) for batch in x.split(256)])
                middle = time.perf_counter()
                other = torch.cat([network.logits(task, batch) for batch in x.split(256)])
                times.append((middle - start, time.perf_counter() - middle))
            ours, full = (statistics.median(column) for column in zip(*times, strict=True))
            apart = float((one - other).abs().max() / other.abs().max())
            neurons = sum(layer.width for layer in narrow.layers) / sum(network.architecture.widths)
            rows.append({"task": task, "neurons": neurons, "narrow / full": ours / full, "apart": f"{apart:.1e}"})
    return rows


def _wide_step(rounds: int) -> float:
    """Seconds of a step of the network of Table 3, batches of 64 images of noise."""
    architecture = ARCHITECTURES["table3-cnn"]
    spec = preset("split-cifar-wide", {"batch_size": 64, "epochs": rounds, "patience": rounds})
    generator = torch.Generator().manual_seed(0)
    x: Tensor = torch.rand(64, architecture.inputs, generator=generator)
    split = Split(x, torch.randint(10, (64,), generator=generator))
    task = Task(1, split, replace(split, x=x[:8], y=split.y[:8]), split)
    seconds: list[float] = []
    hooks = Hooks(lambda epoch: seconds.append(epoch.seconds))
    with computing(architecture.threads):
        train(clnp.candidate_jobs(initial(architecture, "single"), task, [settings_of(spec)], 0, [hooks]))
    return statistics.median(seconds)


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        tasks={"type": int, "default": 3},
        epochs={"type": int, "default": 4},
        rounds={"type": int, "default": 5},
    )
