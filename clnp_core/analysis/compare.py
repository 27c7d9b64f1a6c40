"""Compares runs: their results, mean and spread over seeds, and the settings in which they differ.

Runs on the same data that differ only in their seeds are one group. The first group is the baseline, to which the
others are compared. What varies in a group is said by `Group.over`: where runs have a `stream.seed` of their own, the
spread is either over trainings on one stream, or over streams with one seed of training, and never over both. Every
table is tidy: a row for each group, or for each of its tasks. Imports no torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any, Literal

import pandas as pd

from clnp_core.analysis.setting_words import (
    FIRST,
    flattened,
    has_effect,
    in_words,
    own_settings,
    setting_name,
    setting_value,
    stretches,
)

MEASURES = (
    "mean_accuracy",
    "forgetting",
    "backward_transfer",
    "forward_transfer",
    "untold_accuracy",
    "capacity_used",
    "memory",
    "tasks",
    "seconds_per_task",
    "seconds",
)
"""Measures by which groups are compared: fractions, but memory is in bytes, and the last three are what they say."""


@dataclass(frozen=True)
class Compared:
    """A run to compare.

    Attributes
    ----------
    run : str
        Id of the run.
    spec : mapping
        Specification as plain data, as `RunSpec.to_json` returns it.
    summary : mapping
        Results as plain data, as `RunHandle.summary` returns them; for an unfinished run those so far.
    data : str, optional
        Digest of the data it learned. Runs on different data are never one group.
    name : str, optional
        What its user calls it.
    """

    run: str
    spec: Mapping[str, Any]
    summary: Mapping[str, Any]
    data: str | None = None
    name: str = ""

    @property
    def seed(self) -> int:
        """Seed of the run."""
        seed: int = self.spec["seed"]
        return seed

    @property
    def stream_seed(self) -> int | None:
        """Seed of its stream, where that has one of its own."""
        seed: int | None = self.spec["stream"].get("seed")
        return seed

    def measure(self, name: str) -> float | None:
        """Return one of `MEASURES`, or None if it is not known."""
        if name == "memory":
            kept: Sequence[int] = self.summary.get(name) or ()
            return kept[-1] if kept else None
        if name != "capacity_used":
            return self.summary.get(name)
        used = [1 - layer["free"] / layer["width"] for layer in self.summary["layers"]]
        return fmean(used) if used else None


@dataclass(frozen=True)
class Group:
    """Runs on the same data that differ only in their seeds.

    Attributes
    ----------
    name : str
        What all of its runs are called, or else the settings that tell the group apart from the others, in words.
    settings : dict
        Dotted path → value, without the seed and settings that have no effect on the method.
    runs : tuple of Compared
        One for each seed, in ascending order.
    over : {"seeds", "trainings", "streams"}
        What varies: streams and trainings together, with the one seed of a run; trainings on one stream; or streams
        with one seed of training.
    """

    name: str
    settings: dict[str, Any]
    runs: tuple[Compared, ...]
    over: Literal["seeds", "trainings", "streams"] = "seeds"

    def has(self, path: str) -> bool:
        """Tell whether a setting has an effect on the group's method."""
        return has_effect(path, self.settings[FIRST])

    def measured(self, name: str) -> tuple[float, float]:
        """Compute the mean and standard deviation of one of `MEASURES` over the runs; see `spread`."""
        return spread([value for run in self.runs if (value := run.measure(name)) is not None])


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Compute the mean and the sample standard deviation (over n - 1).

    The deviation of one value is nan; without values the mean is nan too. The result does not depend on the order of
    the values, to the bit.
    """
    if not values:
        return math.nan, math.nan
    return fmean(values), stdev(values) if len(values) > 1 else math.nan


def grouped(runs: Sequence[Compared]) -> list[Group]:
    """Group runs that differ only in their seeds, and name each group by the settings that tell it from the others.

    Of runs with a `stream.seed`, those on a stream that was trained with several seeds are a group, and of the others
    those with the same seed of training. Groups are in the order of their first runs. If several runs have the same
    seeds, only the one with the most tasks learned counts: they can differ in nothing else.
    """
    keys = [(_key(run.spec), run.data) for run in runs]
    trainings: dict[Any, set[int]] = {}
    for key, run in zip(keys, runs, strict=True):
        trainings.setdefault((key, run.stream_seed), set()).add(run.seed)
    members: dict[Any, list[Compared]] = {}
    for key, run in zip(keys, runs, strict=True):
        if run.stream_seed is None:
            fixed = "none"
        elif len(trainings[key, run.stream_seed]) > 1:
            fixed = f"stream {run.stream_seed}"
        else:
            fixed = f"training {run.seed}"
        members.setdefault((key, fixed), []).append(run)
    replaced = _replaced(runs)
    groups = [_group(own, replaced) for own in members.values()]
    different = list(differences(groups))
    names = [_name(group, groups, different) for group in groups]
    # Groups that differ only in a digit that names do not show are told apart by a run's id.
    unique = [
        f"{name} · {own.runs[0].run}" if names.count(name) > 1 else name
        for name, own in zip(names, groups, strict=True)
    ]
    return [replace(group, name=name) for group, name in zip(groups, unique, strict=True)]


def _group(runs: Sequence[Compared], replaced: Collection[str]) -> Group:
    """Make a group of runs that differ in one seed at most. Settings say the other one, and the data in `replaced`."""
    first, streams = runs[0], {run.stream_seed for run in runs}
    settings = flattened(first.spec)
    if first.data and first.data in replaced:
        settings["stream.digest"] = first.data[:12]
    if first.stream_seed is None:
        return Group("", settings, _one_for_each_seed(runs))
    if len(streams) == 1:
        return Group("", settings | {"stream.seed": first.stream_seed}, _one_for_each_seed(runs), "trainings")
    settings |= {"stream.seed": "several", "seed": first.seed}
    return Group("", settings, _one_for_each_seed(runs), "streams")


def _replaced(runs: Iterable[Compared]) -> set[str]:
    """Find the digests of data that has, under the same names, several."""
    names: dict[str, set[str]] = {}
    for run in runs:
        stream = run.spec["stream"]
        name = json.dumps([stream.get(each) for each in ("dataset", "datasets", "name")])
        names.setdefault(name, set()).update([run.data] if run.data else ())
    return {digest for digests in names.values() if len(digests) > 1 for digest in digests}


def _key(spec: Mapping[str, Any]) -> str:
    """Make a key that is equal for specifications that differ only in their seeds and in settings without effect."""
    return json.dumps([(first, own_settings(each)) for first, each in stretches(spec)], sort_keys=True)


def _one_for_each_seed(runs: Iterable[Compared]) -> tuple[Compared, ...]:
    def seeds(run: Compared) -> tuple[int, int]:
        return run.seed, -1 if run.stream_seed is None else run.stream_seed

    nearest_first = sorted(runs, key=lambda run: (*seeds(run), run.summary["tasks"], run.run))
    return tuple({seeds(run): run for run in nearest_first}.values())


def _name(group: Group, groups: Sequence[Group], different: Sequence[str]) -> str:
    """Name a group as all of its runs are called, if they are.

    Else by its method, then by as few of the differing settings as needed, the first ones first.
    """
    called = {run.name for run in group.runs}
    if len(called) == 1 and "" not in called:
        return called.pop()
    rivals, told = list(groups), [str(group.settings[FIRST])]
    for path in (FIRST, *different):
        value = group.settings.get(path)
        alike = [rival for rival in rivals if rival.settings.get(path) == value]
        if path != FIRST and len(alike) < len(rivals):
            told.append(f"{setting_name(path)} = {setting_value(path, value)}")
        rivals = alike
    return " · ".join(told)


def differences(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """Find the settings in which groups differ: dotted path → the value of each group, None if it has no such setting.

    A setting that has an effect on only one of the groups is no difference. The method comes first, the others in the
    order of the specification.
    """
    paths = dict.fromkeys(path for group in groups for path in group.settings)
    values = {path: {repr(group.settings.get(path)) for group in groups if group.has(path)} for path in paths}
    different = sorted((path for path in paths if len(values[path]) > 1), key=lambda path: path != FIRST)
    return {path: [group.settings.get(path) for group in groups] for path in different}


def table(groups: Sequence[Group]) -> pd.DataFrame:
    """Tabulate the groups' results, a row each, the baseline first.

    Returns
    -------
    DataFrame
        group (its name), seeds (their number), the settings that differ between groups, and for each of `MEASURES` the
        mean, "… std" and "… difference" to the baseline; nan if it is not known. Last comes over: what the deviation is
        over, as `Group.over`.
    """
    columns = {"group": [group.name for group in groups], "seeds": [len(group.runs) for group in groups]}
    columns |= {path: list(map(in_words, values)) for path, values in differences(groups).items()}
    for name in MEASURES:
        means, deviations = zip(*(group.measured(name) for group in groups), strict=True)
        columns[name] = list(means)
        columns[f"{name} std"] = list(deviations)
        columns[f"{name} difference"] = [mean - means[0] for mean in means]
    columns["over"] = [group.over for group in groups]
    return pd.DataFrame(columns)


def by_task(groups: Sequence[Group]) -> pd.DataFrame:
    """Tabulate the final test accuracy on every task (Figs. 4a, 5a): group, task, seeds, accuracy (a fraction), std."""
    return _tidy(groups, "accuracy", lambda summary: enumerate(summary["accuracy"][-1], start=1))


def after_each_task(groups: Sequence[Group]) -> pd.DataFrame:
    """Tabulate the mean test accuracy over the tasks so far: group, task, seeds, mean_accuracy (a fraction), std.

    A method that learns all tasks at once has only the row of the last task.
    """
    return _tidy(
        groups,
        "mean_accuracy",
        lambda summary: ((task, fmean(row)) for task, row in enumerate(summary["accuracy"], start=1) if row),
    )


def accuracy_and_memory(groups: Sequence[Group]) -> pd.DataFrame:
    """Tabulate the groups whose memory is known, the means over the seeds.

    Returns
    -------
    DataFrame
        group, seeds, mean_accuracy (a fraction), std of it, best_accuracy, forgetting (a fraction) and memory (bytes).
        best_accuracy is the mean over the tasks of the best accuracy that each has had, where forgetting is known.
    """
    rows = []
    for group in groups:
        memory, _ = group.measured("memory")
        if not math.isnan(memory):
            mean, deviation = group.measured("mean_accuracy")
            forgotten, tasks = group.measured("forgetting")[0], group.measured("tasks")[0]
            best = mean + forgotten * (tasks - 1) / tasks  # forgetting is a mean over all tasks but the last
            rows.append((group.name, len(group.runs), mean, deviation, best, forgotten, memory))
    columns = ["group", "seeds", "mean_accuracy", "std", "best_accuracy", "forgetting", "memory"]
    return pd.DataFrame(rows, columns=columns)


def _tidy(
    groups: Sequence[Group], measured: str, values: Callable[[Mapping[str, Any]], Iterable[tuple[int, float]]]
) -> pd.DataFrame:
    """Make a row for each group and task, over the seeds that have reached the task."""
    rows = []
    for group in groups:
        found: dict[int, list[float]] = {}
        for run in group.runs:
            for task, value in values(run.summary):
                found.setdefault(task, []).append(value)
        rows += [(group.name, task, len(found[task]), *spread(found[task])) for task in sorted(found)]
    return pd.DataFrame(rows, columns=["group", "task", "seeds", measured, "std"])
