"""The paper's experiments, and which runs reproduce each. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clnp_core.results import published
from clnp_core.results.kept import Kept
from clnp_core.runs.spec import RunSpec, preset

PAPER_SEEDS = 5


@dataclass(frozen=True)
class Experiment:
    """An experiment of the paper: one row of a table or one set of bars of a figure.

    Attributes
    ----------
    name : str
        Name to show.
    place : str
        The table, figure or section in the paper; for a run that only resembles it, also the difference.
    base : str
        Name of a preset.
    changes : mapping
        Settings that differ from the preset, as `preset` takes them.
    is_full : bool
        Whether these are the paper's settings; otherwise they are reduced to take less time.
    """

    name: str
    place: str
    base: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    is_full: bool = True

    def among(self, runs: Iterable[Kept]) -> list[Kept]:
        """Select the experiment's finished runs: the newest of each seed, in the order of the seeds.

        All have learned the same data: that of the newest.
        """
        own = sorted((run for run in runs if run.is_finished and self._is(run.spec)), key=_newest_last)
        by_seed = {run.spec.seed: run for run in own if run.data == own[-1].data}
        return [by_seed[seed] for seed in sorted(by_seed)]

    def unfinished_among(self, runs: Collection[Kept]) -> list[Kept]:
        """Select the run that came furthest of each seed that none has finished, in the order of the seeds."""
        done = {run.spec.seed for run in self.among(runs)}
        own = (run for run in runs if not run.is_finished and run.spec.seed not in done and self._is(run.spec))
        by_seed = {run.spec.seed: run for run in sorted(own, key=lambda run: (run.summary.tasks, *_newest_last(run)))}
        return [by_seed[seed] for seed in sorted(by_seed)]

    @property
    def command(self) -> str:
        """The command that runs the experiment."""
        changes = "".join(f" --set {path}={_written(value)}" for path, value in self.changes.items())
        return f"clnp run {self.base}{changes}"

    def _is(self, spec: RunSpec) -> bool:
        # Neither what is measured beside it, nor a name, nor where it is computed makes another experiment.
        free = ("seed", "single_task", "for_comparison", "preset", "about", "device")
        own = {name: getattr(spec, name) for name in free}
        return spec.fork_of is None and spec == preset(self.base, {**self.changes, **own})


def _newest_last(run: Kept) -> tuple[float, str]:
    return run.finished, run.id


Found = Mapping[str, Sequence[Kept]]
"""The runs of each experiment, by its name."""

PERMUTED_MNIST = Experiment("CLNP, pruned after training", "Table 1, Figure 3", "permuted-mnist-paper")
ALONE = Experiment("each task alone, in as many epochs", "Table 1", "permuted-mnist", {"method": "single"})
"""As many as CLNP gets that is pruned while it trains."""
JOINT = Experiment(
    "all tasks at once, in 10 epochs",
    "like Table 1",
    "permuted-mnist",
    {"method": "joint", "epochs": 10},
    is_full=False,
)
UNTIL_FULL = Experiment("CLNP until the network is full", "section 3.1", "permuted-mnist-paper", {"stream.tasks": 40})
STOPPED_EARLY = Experiment(
    "CLNP, stopped early",
    "like Table 1",
    "permuted-mnist-paper",
    {"epochs": 20, "patience": 5, "cooldown": 0},
    is_full=False,
)
GRADUAL = Experiment("CLNP, pruned while it trains", "like Table 1", "permuted-mnist", is_full=False)
GRADUAL_NARROW = Experiment(
    "CLNP, pruned while it trains, from 500 neurons a layer on",
    "like Table 1",
    "permuted-mnist",
    {"gradual.start_width": 500},
    is_full=False,
)
GRADUAL_UNTIL_FULL = Experiment(
    "CLNP, pruned while it trains, until the network is full",
    "like section 3.1",
    "permuted-mnist",
    {"stream.tasks": 24},
    is_full=False,
)
ALIKE = Experiment(
    "CLNP, pruned while it trains, a tenth of the pixels permuted",
    "like Figure 3",
    "permuted-mnist",
    {"stream.share": 0.1},
    is_full=False,
)
"""Tasks that are nearly the same: layer use then looks as in the paper."""
# The settings of Zenke et al. 2017. Of their 60,000 training images 100 are held out here, as a run holds out some.
_RIVALS = {"cooldown": 0, "learning_rate": 0.001, "stream.validation": 100}


def _rival(
    name: str, method: str, network: Mapping[str, Any] | None = None, epochs: int = 20, **own: float
) -> Experiment:
    settings = {f"{method}.{setting}": value for setting, value in own.items()}
    changes = {
        **({"network": network} if network else {}),
        "method": method,
        **settings,
        "epochs": epochs,
        **_RIVALS,
    }
    return Experiment(name, "Table 1", "permuted-mnist-paper", changes, is_full=False)


SI = {c: _rival(f"SI, c = {c:g}", "si", c=c) for c in published.SI_CURVES}
"""By c."""
EWC = {
    strength: _rival(f"EWC, λ = {strength:g}", "ewc", strength=strength) for strength in (1.0, 10.0, 100.0, 1e3, 1e4)
}
"""By λ."""
# Its authors train about two epochs a task.
SUPERPOSITION = (
    _rival("superposition, 2 epochs a task", "superposition", epochs=2),
    _rival("superposition", "superposition"),
)
ANPYC = tuple(_rival(f"ANPyC, λ = {value:g}", "anpyc", strength=value) for value in (3.0, 300.0))
# The network of the authors' own experiment.
_SMALL = {
    "name": "anpyc-mlp",
    "input_shape": [1, 28, 28],
    "hidden": [{"kind": "dense", "name": f"layer {n}", "width": width} for n, width in enumerate((64, 32), start=1)],
    "outputs": 10,
}
SMALL = (
    _rival("ANPyC, λ = 3, on 64 and 32 units", "anpyc", _SMALL, strength=3.0),
    _rival("EWC, λ = 100, on 64 and 32 units", "ewc", _SMALL, strength=100.0),
    _rival("SI, c = 0.1, on 64 and 32 units", "si", _SMALL, c=0.1),
    _rival("fine-tuning, on 64 and 32 units", "finetune", _SMALL),
)
FINE_TUNING = _rival("fine-tuning, Adam afresh with each task", "finetune")
RIVALS = (*EWC.values(), *SI.values(), *SUPERPOSITION, *ANPYC, FINE_TUNING, *SMALL)

_WHILE_TRAINING = {"pruning": "gradual", "gradual.largest_share": 0.15}
NARROW = (
    Experiment("CLNP, m = 1 point", "Figure 4a, 4b", "split-cifar-narrow", {"margin": 0.01}),
    Experiment("CLNP, m = 2 points", "Figure 4a", "split-cifar-narrow"),
    Experiment("CLNP, m = 4 points + fine-tuning", "Figure 4a", "split-cifar-narrow-ft"),
    Experiment(
        "CLNP, m = 2 points, pruned while it trains",
        "like Figure 4a",
        "split-cifar-narrow",
        _WHILE_TRAINING,
        is_full=False,
    ),
    Experiment("each from scratch", "Figure 4a", "split-cifar-narrow", {"method": "single"}),
    *(
        # Zenke et al. 2017 start Adam afresh with each task of split CIFAR.
        Experiment(
            f"SI, c = {c:g}, Adam afresh with each task",
            "Figure 4a",
            "split-cifar-narrow",
            {"method": "si", "si.c": c, "si.reset_optimiser": True},
            is_full=False,
        )
        for c in (0.01, 0.1)
    ),
    Experiment("fine-tuning", "Figure 4a", "split-cifar-narrow", {"method": "finetune"}, is_full=False),
    Experiment("all tasks at once", "like Figure 4a", "split-cifar-narrow", {"method": "joint"}, is_full=False),
)
_FEW_EPOCHS = "like Figure 4a, in 6 and 24 epochs"
QUICK = (
    Experiment("CLNP, m = 2 points, few epochs", _FEW_EPOCHS, "split-cifar-quick", is_full=False),
    Experiment(
        "CLNP, m = 2 points, pruned while it trains, few epochs",
        _FEW_EPOCHS,
        "split-cifar-quick",
        _WHILE_TRAINING,
        is_full=False,
    ),
    Experiment(
        "each from scratch, few epochs",
        _FEW_EPOCHS,
        "split-cifar-quick",
        {"method": "single"},
        is_full=False,
    ),
)
# Table 3 with half as many channels, for a computer without a GPU.
_HALF = {
    "name": "table3-cnn-half",
    "input_shape": [3, 32, 32],
    "hidden": [
        {"kind": "conv", "name": "conv 1", "width": 64, "kernel": 3, "stride": 1, "padding": 1, "batch_norm": True},
        {"kind": "conv", "name": "conv 2", "width": 128, "kernel": 3, "stride": 2, "batch_norm": True},
        {"kind": "conv", "name": "conv 3", "width": 256, "kernel": 3, "batch_norm": True},
        {"kind": "conv", "name": "conv 4", "width": 512, "kernel": 3, "stride": 2, "padding": 1, "batch_norm": True},
        {
            "kind": "conv",
            "name": "conv 5",
            "width": 1024,
            "kernel": 3,
            "batch_norm": True,
            "pool": {"kind": "average", "kernel": 3, "stride": 1},
        },
    ],
    "outputs": 10,
}
_SHORT = {"stream.datasets": ["cifar100"], "stream.tasks": 10, "epochs": 12, **_WHILE_TRAINING}
WIDE_SHORT = Experiment(
    "CLNP, m = 2 points, wide, pruned while it trains, CIFAR-100 alone in 12 epochs a task",
    "like Figure 5",
    "split-cifar-wide",
    _SHORT,
    is_full=False,
)
WIDE_HALF = Experiment(
    "CLNP, m = 2 points, half as wide, pruned while it trains, CIFAR-100 alone in 12 epochs a task",
    "like Figure 5",
    "split-cifar-wide",
    {"network": _HALF, **_SHORT},
    is_full=False,
)
WIDE = (
    Experiment("CLNP, m = 2 points, wide", "Table 3, Figure 5", "split-cifar-wide"),
    Experiment("all tasks at once, wide", "Figure 5a, supplement A", "split-cifar-wide", {"method": "joint"}),
    Experiment("each from scratch, wide", "Figure 5a", "split-cifar-wide", {"method": "single"}),
    WIDE_SHORT,
    WIDE_HALF,
)
ALL: Sequence[Experiment] = (
    PERMUTED_MNIST,
    ALONE,
    JOINT,
    UNTIL_FULL,
    STOPPED_EARLY,
    GRADUAL,
    GRADUAL_NARROW,
    GRADUAL_UNTIL_FULL,
    ALIKE,
    *RIVALS,
    *NARROW,
    *QUICK,
    *WIDE,
)


def _written(value: Any) -> str:
    return (
        f"'{json.dumps(value, separators=(',', ':'))}'"
        if isinstance(value, dict | list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
