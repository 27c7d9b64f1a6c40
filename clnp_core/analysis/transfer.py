"""How much later tasks use again, and how much they claim, by how alike the tasks are. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import fmean
from typing import Any

import pandas as pd

AXES = {"share": "Pixels permuted (%)", "degrees": "Degrees a task"}
"""What tells how alike tasks are, and its name for people."""
COLUMNS = ("run", "layer", "first", "new", "reused")


def by_similarity(
    runs: Iterable[tuple[float, str, Mapping[str, Any]]], setting: str, *, is_masked: bool = False
) -> pd.DataFrame:
    """Tabulate what later tasks use again and claim, of runs that differ in how alike their tasks are.

    What transfers from one task to the next is used again, and need not be claimed anew.

    Parameters
    ----------
    runs : iterable of (float, str, mapping)
        Of each run the value of the setting, its id, and its summary: of `layers` the name, claimed and reused.
    setting : {"share", "degrees"}
        What tells how alike tasks are: the share of the pixels that each permutes, or the degrees by which each turns
        the images further.
    is_masked : bool
        Whether the last hidden layer has nothing that could be used again: with a single head.

    Returns
    -------
    DataFrame
        A row for each run of several tasks and each layer, by the setting: its value, run, layer (its name), first
        (neurons that task 1 claims), new (those that a later task claims, on average) and reused (the share of the
        earlier tasks' neurons that a later task uses again, a fraction, on average; nan where there are none).
    """
    rows = [
        {setting: value, "run": run, **row}
        for value, run, summary in runs
        for row in _by_layer(summary["layers"], is_masked)
    ]
    return pd.DataFrame(rows, columns=[setting, *COLUMNS]).sort_values(setting, kind="stable", ignore_index=True)


def _by_layer(layers: Sequence[Mapping[str, Any]], is_masked: bool) -> Iterator[dict[str, Any]]:
    for layer in layers:
        first, *later = layer["claimed"]
        if not later:
            return
        before = accumulate(layer["claimed"])
        shares = [used / claimed for used, claimed in zip(layer["reused"][1:], before, strict=False) if claimed]
        masked = not shares or (is_masked and layer is layers[-1])
        reused = math.nan if masked else fmean(shares)
        yield {"layer": layer["name"], "first": first, "new": fmean(later), "reused": reused}


def over_runs(table: pd.DataFrame) -> pd.DataFrame:
    """Average what `by_similarity` returns over runs with the same value of the setting.

    Returns
    -------
    DataFrame
        A row for each value and layer: its columns but for run; runs (how many); and as "new std" and "reused std" the
        sample standard deviations over runs, nan of a single one.
    """
    numbers = table.groupby([table.columns[0], "layer"], sort=False)
    means = numbers[["first", "new", "reused"]].mean()
    spread = numbers[["new", "reused"]].std().add_suffix(" std")
    return means.join(spread).assign(runs=numbers.size()).reset_index()
