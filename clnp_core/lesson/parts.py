"""The results that the lesson shows, part by part, as plain data: as shipped, or measured on runs of a store.

The same functions produced the shipped results and measure recomputed runs, so that the two can be compared number by
number. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from clnp_core.analysis.candidates import Before, Split, Theta, Trained
from clnp_core.analysis.tradeoff import TradeOff
from clnp_core.errors import StoreError
from clnp_core.lesson.runs import ALIKE, MARGINS, RUNS, SHARES_PERMUTED, TASKS
from clnp_core.lesson.stored import accuracy, digits, permutations, plain_network, tasks_of, test_images, uncut
from clnp_core.methods.graceful import Curve, ScanPoint, highest_within
from clnp_core.runs.fold.summary import accuracy_matrix, layers
from clnp_core.runs.store import Store
from clnp_core.runs.views.explore import trade_off
from clnp_core.runs.views.reuse import reuse

FILE = "lesson.json"
ENOUGH = 0.9
"""Lowest accuracy at which a task counts as learned, in the part "full"."""

_SHARES = 20

Data = dict[str, Any]
Found = Mapping[str, str]
"""Ids of runs by the name of their specification."""


@cache
def shipped(part: str) -> Data:
    """Return a part's shipped results. Accuracies are fractions.

    Raises
    ------
    KeyError
        If there is no such part.
    """
    data: Data = _file()["parts"][part]
    return data


@cache
def about() -> Data:
    """Return when, on what machine and with which versions the shipped results were made, and the seconds per part."""
    data: Data = _file()["about"]
    return data


@cache
def _file() -> Data:
    data: Data = json.loads((resources.files("clnp_core.lesson") / FILE).read_text("utf-8"))
    return data


HELD = {"ewc": "EWC", "si": "SI"}
"""Runs of methods that hold weights back, and what those are called."""


def _tasks(store: Store, runs: Found) -> Data:
    """Collect the first test image of each digit, the tasks' permutations, and the accuracy of each task alone."""
    first = [int(np.flatnonzero(digits().y_test == label)[0]) for label in range(digits().classes)]
    return {
        "images": digits().x_test[first].reshape(len(first), -1).tolist(),
        "permutations": permutations(store, runs["clnp"], TASKS).tolist(),
        "alone": [record.single_task_accuracy for record in store.learned(runs["clnp"])],
    }


def _forgetting(store: Store, runs: Found) -> Data:
    """Collect the accuracies after each task when one is learned after the other: plainly, and with weights held."""
    reached = {name: accuracy_matrix(store.learned(runs[name])) for name in ("finetune", *HELD)}
    return {"accuracy": reached["finetune"], "held": {name: reached[name] for name in HELD}}


def _between(store: Store, runs: Found) -> Data:
    """Measure networks on the straight line from the weights after task 1 to those after task 2.

    "moved" is the share of the weights that changed by more than half their magnitude.
    """
    ends = [plain_network(store, runs["finetune"], task) for task in (1, 2)]
    images = test_images(store, runs["clnp"], 2)
    shares = [place / _SHARES for place in range(_SHARES + 1)]
    middle = [ends[0].towards(ends[1], share) for share in shares]
    before, after = (np.concatenate([each.ravel() for each in (*end.weights, end.head)]) for end in ends)
    return {
        "share": shares,
        "task_1": [accuracy(network.logits(images[0])) for network in middle],
        "task_2": [accuracy(network.logits(images[1])) for network in middle],
        "moved": float(np.mean(np.abs(after - before) > np.abs(before) / 2)),
    }


def _sparsity(store: Store, runs: Found) -> Data:
    """Collect task 1's candidates for each λ, before pruning, with everything needed to prune them at any θ."""
    run = runs["sparsity"]
    tradeoff, grid = trade_off(store, run, 1), store.run(run).spec.grid
    before = asdict(tradeoff.before)
    trained = {(each.l1, each.learning_rate): each for each in tradeoff.trained}  # other runs may have trained more
    candidates = [trained[point.l1, point.learning_rate] for point in grid]
    return {
        "before": before,
        "candidates": [
            {
                "lambda": list(candidate.l1),
                "learning_rate": candidate.learning_rate,
                "accuracy": candidate.curve.accuracy,
                "curve": [asdict(point) | {"theta": point.theta[0]} for point in candidate.curve.points],
                "activity": [layer.tolist() for layer in candidate.free],
            }
            for candidate in candidates
        ],
    }


def _interference(store: Store, runs: Found) -> Data:
    """Measure the accuracy on task 1 after each task, with the interference cut and left in, also with L1 on."""
    run = runs["interference"]
    return {
        "margin": store.run(run).spec.margin,
        "cut": [row[0] for row in accuracy_matrix(store.learned(run))],
        **_left_in(store, run),
        "with_l1": {"margin": store.run(runs["clnp"]).spec.margin, **_left_in(store, runs["clnp"])},
    }


def _left_in(store: Store, run: str) -> Data:
    """Measure the accuracy on task 1 after each task with its interference left in, and how large those weights are."""
    (images,) = test_images(store, run, 1)
    networks, weights = zip(*(uncut(store, run, task) for task in tasks_of(store, run)), strict=True)
    return {
        "left": [accuracy(network.logits(images, task=1)) for network in networks],
        "weights": weights[0].size,
        "median": float(np.median(np.abs(weights[0]))),
    }


def _identity(store: Store, runs: Found) -> Data:
    """Collect two methods' outputs for one image of task 1 after each task, and the hash of those for all images."""
    (images, *_) = test_images(store, runs["clnp"], 1)
    data: Data = {"label": int(digits().y_test[0])}
    for name, task in (("clnp", 1), ("finetune", None)):
        run = runs[name]
        answers = [plain_network(store, run, after).logits(images, task) for after in tasks_of(store, run)]
        hashes = [hashlib.sha256(np.ascontiguousarray(each).tobytes()).hexdigest() for each in answers]
        data[name] = {"logits": [each[0].tolist() for each in answers], "sha256": hashes}
    return data


def _gradual(store: Store, runs: Found) -> Data:
    """Collect how task 1's network shrinks when it is pruned while it trains, and when only after that."""
    return {
        "layers": [layer.name for layer in store.run(runs["gradual"]).spec.architecture.hidden],
        "while": _shrinking(store, runs["gradual"]),
        "after": _shrinking(store, runs["clnp"]),
    }


def _shrinking(store: Store, run: str) -> Data:
    """Collect task 1's accuracy and neurons after each epoch and, last, pruned; and what is free after each task."""
    first, *_ = records = store.learned(run)
    epochs = [each for each in store.epochs(run) if (each["task"], each["candidate"]) == (1, 0)]
    return {
        "accuracy": [*(each["validation_accuracy"] for each in epochs), first.validation_accuracy],
        "neurons": [*(each["neurons"] for each in epochs), first.claimed],
        "test": first.accuracy[0],
        "free": [record.free for record in records],
    }


def _reuse(store: Store, runs: Found) -> Data:
    """Tabulate whose neurons each task uses, with one output layer for all tasks and with one for each."""
    return {name: reuse(store, runs[run]).to_dict("list") for name, run in (("shared", "clnp"), ("own", "multihead"))}


def _alike(store: Store, runs: Found) -> Data:
    """Tabulate whose neurons each task uses, for each share of the pixels that tasks permute."""
    return {
        "share": list(SHARES_PERMUTED),
        "tables": [reuse(store, runs[run]).to_dict("list") for run in ALIKE],
    }


def _full(store: Store, runs: Found) -> Data:
    """Collect the results of networks filled with task after task, one for each margin."""
    sequences = []
    for margin in MARGINS:
        run = runs[f"full-{100 * margin:g}"]
        records = store.learned(run)
        hidden = [layer.to_json() for layer in layers(store.run(run).spec, records)]
        sequences.append({"margin": margin, "accuracy": list(records[-1].accuracy), "layers": hidden})
    return {"sequences": sequences}


@dataclass(frozen=True)
class Part:
    """One part of the lesson.

    Attributes
    ----------
    runs : tuple of str
        Names of the runs it is measured on.
    measure : callable
        Measures the part: takes a store and the ids of those runs, all finished, and returns plain data.
    headlines : callable
        Takes that data and returns the part's main numbers by a description of each.
    """

    runs: tuple[str, ...]
    measure: Callable[[Store, Found], Data]
    headlines: Callable[[Data], dict[str, str]]


def _percents(accuracies: list[float]) -> str:
    return ", ".join(f"{100 * each:.1f}" for each in accuracies) + " %"


_CLNP_LAST = f"after task {TASKS}"

PARTS = {
    "tasks": Part(("clnp",), _tasks, lambda data: {"Each task alone": _percents(data["alone"])}),
    "forgetting": Part(
        ("finetune", *HELD),
        _forgetting,
        lambda data: {
            "Task 1, after each task": _percents([row[0] for row in data["accuracy"]]),
            **{f"The same, {HELD[name]}": _percents([row[0] for row in each]) for name, each in data["held"].items()},
        },
    ),
    "between": Part(
        ("finetune", "clnp"),
        _between,
        lambda data: {
            "Task 1, from its own weights to task 2's": _percents(data["task_1"][:: _SHARES // 4]),
            "Task 2": _percents(data["task_2"][:: _SHARES // 4]),
        },
    ),
    "sparsity": Part(
        ("sparsity",),
        _sparsity,
        lambda data: {
            f"λ = {each['lambda'][1]:g}": f"{100 * each['accuracy']:.1f} %, "
            f"{' / '.join(map(str, each['curve'][0]['claimed']))} neurons not dead"
            for each in data["candidates"]
        },
    ),
    "interference": Part(
        ("interference", "clnp"),
        _interference,
        lambda data: {"Cut": _percents(data["cut"]), "Left in": _percents(data["left"])},
    ),
    "identity": Part(
        ("clnp", "finetune"),
        _identity,
        lambda data: {
            f"{name}, SHA-256 after task 1 and {_CLNP_LAST}": f"{data[key]['sha256'][0][:12]}…, "
            f"{data[key]['sha256'][-1][:12]}…"
            for name, key in (("CLNP", "clnp"), ("Fine-tuning", "finetune"))
        },
    ),
    "gradual": Part(
        ("gradual", "clnp"),
        _gradual,
        lambda data: {
            f"Pruned {when} it trains": f"{' / '.join(map(str, data[when]['neurons'][-1]))} neurons for task 1, "
            f"{100 * data[when]['test']:.1f} % of its test images right, "
            f"{' / '.join(map(str, data[when]['free'][-1]))} free {_CLNP_LAST}"
            for when in ("while", "after")
        },
    ),
    "reuse": Part(
        ("clnp", "multihead"),
        _reuse,
        lambda data: {
            f"Neurons used again, {name}": ", ".join(
                f"{each} {count}" for each, count in used_again(data[key]).groupby("layer")["used"].sum().items()
            )
            for name, key in (("one output", "shared"), ("an output per task", "own"))
        },
    ),
    "alike": Part(
        ALIKE,
        _alike,
        lambda data: {
            f"{100 * share:g} % of the pixels permuted": f"{claimed_later(table)} neurons claimed by later tasks, "
            f"{used_again(table)['used'].sum()} used again"
            for share, table in zip(data["share"], data["tables"], strict=True)
        },
    ),
    "full": Part(
        tuple(name for name in RUNS if name.startswith("full-")),
        _full,
        lambda data: {
            f"m = {100 * each['margin']:g} points": f"{learned_well(each)} tasks learned" for each in data["sequences"]
        },
    ),
}
"""The parts by name."""


def measure(store: Store, part: str, runs: Found) -> Data:
    """Measure a part on runs of a store.

    Raises
    ------
    StoreError
        If an artifact is damaged.
    """
    # Through JSON, so that equal numbers compare equal to the shipped ones.
    data: Data = json.loads(json.dumps(PARTS[part].measure(store, runs)))
    return data


def used_again(reused: Mapping[str, list[Any]]) -> pd.DataFrame:
    """Select the rows of earlier tasks' neurons from a run's table in the part "reuse"."""
    table = pd.DataFrame(reused)
    return table[table["owner"] < table["task"]]


def claimed_later(reused: Mapping[str, list[Any]]) -> int:
    """Count the neurons that tasks after the first claim, in such a table."""
    table = pd.DataFrame(reused)
    return int(table[(table["owner"] == table["task"]) & (table["task"] > 1)]["used"].sum())


def learned_well(sequence: Data) -> int:
    """Count the tasks of a sequence in the part "full" whose accuracy is at least `ENOUGH`."""
    return sum(accuracy >= ENOUGH for accuracy in sequence["accuracy"])


def as_trade_off(data: Data) -> TradeOff:
    """Turn the part "sparsity" into a `TradeOff` with the candidates in the order of λ."""
    before: Data = {name: tuple(value) if isinstance(value, list) else value for name, value in data["before"].items()}
    candidates = [_trained(each, before["widths"]) for each in data["candidates"]]
    return TradeOff(Before(**before), candidates, _NoAnswers())


def _trained(data: Data, widths: Sequence[int]) -> Trained:
    points = [
        ScanPoint((each["theta"],) * len(widths), each["accuracy"], tuple(each["claimed"])) for each in data["curve"]
    ]
    layers = zip(data["activity"], widths, strict=True)
    return Trained(
        key=f"λ = {data['lambda']}",
        l1=tuple(data["lambda"]),
        learning_rate=data["learning_rate"],
        curve=Curve(data["accuracy"], points),
        # The activities do not include neurons that died and left the training.
        free=tuple(np.pad(layer, (0, width - len(layer))) for layer, width in layers),
        reused=(np.zeros(0),) * len(widths),
        seconds=0.0,
    )


class _NoAnswers:
    """Answers nothing: the shipped results have no weights to compute accuracies from."""

    def known(self, candidate: Trained, split: Split) -> Mapping[Theta, float]:
        return {}

    def ask(self, candidate: Trained, thetas: Any, split: Split) -> list[float]:
        raise StoreError(f"The lesson does not know the {split} accuracy at θ = {thetas}.")


def neurons_needed(tradeoff: TradeOff, points: float = 0.01) -> pd.DataFrame:
    """Find the fewest neurons with which each candidate stays within `points` of its own validation accuracy.

    Parameters
    ----------
    tradeoff : TradeOff
        Its candidates differ in λ of the second layer.
    points : float
        Accuracy that may be lost, a fraction.

    Returns
    -------
    DataFrame
        lambda (of the second layer), accuracy (validation, pruned, a fraction), and the neurons of each hidden layer in
        a column with the layer's name.
    """
    rows = []
    for candidate in tradeoff.trained:
        point = highest_within(candidate.curve.points, candidate.curve.accuracy - points)
        neurons = zip(tradeoff.before.names, point.claimed, strict=True)
        rows.append({"lambda": candidate.l1[1], "accuracy": point.accuracy, **dict(neurons)})
    return pd.DataFrame(rows)
