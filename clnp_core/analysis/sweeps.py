"""What the sequences of a sweep come to: over seeds, and by which of its settings. Imports no torch.

Tables are as `clnp_core.runs.sweep.table` returns them. A setting without effect on a sequence's method is nan or None
there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

SEEDS = ("seed", "stream.seed")
"""Settings that are chance."""
MEASURES = ("mean_accuracy", "capacity_used")
_ALIKE = 1e-7  # of a fraction: bounds that were told in per cent are no other numbers
TOGETHER, BY_SEED = "together", "seeds"
"""What `importance` calls the settings' combinations, and chance."""

Brushes = Mapping[str, Sequence[Any]]
"""What is chosen of axes: of a setting its values; of a measure the least and the greatest, or None for the unknown."""


def value_of(cell: Any) -> Any:
    """Give a setting's value as a table has it; None where it has no effect."""
    return None if pd.isna(cell) else cell


def values_of(column: Iterable[Any]) -> list[Any]:
    """Give a setting's values as a column has them, None where it has no effect."""
    return [value_of(cell) for cell in column]


def levels(column: Iterable[Any]) -> list[Any]:
    """List a setting's values, each once, the least first; None, where it has no effect, before them."""
    return sorted({*values_of(column)}, key=lambda value: (value is not None, isinstance(value, str), value))


def chosen_rows(frame: pd.DataFrame, chosen: Brushes | None) -> pd.Series:
    """Tell which sequences are chosen on every axis that anything is chosen of; all of them without any.

    >>> chosen_rows(frame, {"method": ["clnp"], "mean_accuracy": [0.9, 0.95]})  # doctest: +SKIP
    """
    keeps = pd.Series(True, frame.index)
    for axis, values in (chosen or {}).items():
        if axis in MEASURES and values[0] is not None:
            low, high = values
            keeps &= frame[axis].astype(float).between(low - _ALIKE, high + _ALIKE)
        else:
            keeps &= pd.Series([value in values for value in values_of(frame[axis])], frame.index, dtype=bool)
    return keeps


def varied(frame: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """List the axes, apart from seeds, in which sequences differ."""
    return [axis for axis in axes if axis not in SEEDS and frame[axis].nunique(dropna=False) > 1]


def over_seeds(frame: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Average the finished sequences that differ in their seeds alone.

    Returns
    -------
    DataFrame
        A row for each combination of the other axes: these, runs (ids, with commas between), seeds (how many),
        mean_accuracy, capacity_used, and the sample standard deviation of each as "… std"; nan of a single one.
    """
    settings = [axis for axis in axes if axis not in SEEDS]
    finished = frame[frame["state"] == "finished"].dropna(subset=["mean_accuracy"])
    rows = [
        {axis: place[axis].iloc[0] for axis in settings}
        | {"runs": ",".join(place["run"]), "seeds": len(place)}
        | {name: place[name].mean() for name in MEASURES}
        | {f"{name} std": place[name].std() for name in MEASURES}
        for place in _cells(finished, settings)
    ]
    measured = [each for name in MEASURES for each in (name, f"{name} std")]
    return pd.DataFrame(rows, columns=[*settings, "runs", "seeds", *measured])


def importance(frame: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Tell how much of the variance of a result each setting accounts for by itself.

    This is the analysis of variance of the finished sequences. Where all combinations of values have finished, a
    setting's share is what Optuna's importance (Hutter et al. 2014, functional ANOVA) estimates with a random forest;
    here nothing has to be estimated. A setting that has no effect on some methods is judged by the sequences of the
    others.

    Returns
    -------
    DataFrame
        measure (one of `MEASURES`), setting, share (0 to 1), and chance: the share that a setting without any effect
        would have on average, because its values have other sequences. After the settings, by falling share, follow
        "together", what they account for only in combination, where as many sequences of each combination have
        finished; and "seeds", what is left between sequences that differ in nothing else. Without seeds chance is part
        of "together". A measure that is the same everywhere, or known of fewer than three sequences, has no rows.
    """
    finished, rows = frame[frame["state"] == "finished"], []
    for measure in MEASURES:
        known = finished.dropna(subset=[measure])
        settings = varied(known, axes)
        if len(known) < 3 or known[measure].nunique() < 2 or not settings:
            continue
        own = [row for axis in settings if (row := _alone(known.dropna(subset=[axis]), axis, measure))]
        rows += [{"measure": measure, **row} for row in sorted(own, key=lambda row: -row["share"])]
        cells = _cells(known, settings)
        left = sum(_squares(cell[measure]) for cell in cells) / _squares(known[measure])
        if _is_whole(known, settings, cells):
            together = max(0.0, 1 - left - sum(row["share"] for row in own))
            if len(settings) > 1:
                rows.append({"measure": measure, "setting": TOGETHER, "share": together, "chance": math.nan})
        if any(len(cell) > 1 for cell in cells):
            rows.append({"measure": measure, "setting": BY_SEED, "share": left, "chance": math.nan})
    return pd.DataFrame(rows, columns=["measure", "setting", "share", "chance"])


def _alone(rows: pd.DataFrame, axis: str, measure: str) -> dict[str, Any] | None:
    """A setting's share of the variance, between the means of its values; None where there is nothing to share."""
    levels, all_squares = _cells(rows, [axis]), _squares(rows[measure])
    if len(levels) < 2 or all_squares == 0 or len(rows) == len(levels):
        return None
    within = sum(_squares(level[measure]) for level in levels)
    return {"setting": axis, "share": 1 - within / all_squares, "chance": (len(levels) - 1) / (len(rows) - 1)}


def _cells(rows: pd.DataFrame, settings: Sequence[str]) -> list[pd.DataFrame]:
    """Split a table by the values of some settings; all of it is one part without any."""
    if not settings:
        return [rows] if len(rows) else []
    return [part for _, part in rows.groupby(list(settings), sort=False, dropna=False)]


def _squares(values: pd.Series) -> float:
    """Add up the squared differences to the mean."""
    return float(((values - values.mean()) ** 2).sum())


def _is_whole(rows: pd.DataFrame, settings: Sequence[str], cells: Sequence[pd.DataFrame]) -> bool:
    """Tell whether every combination of values is there, equally often."""
    combinations = math.prod(rows[axis].nunique(dropna=False) for axis in settings)
    is_full = len(cells) == combinations and len({len(cell) for cell in cells}) == 1
    return is_full and not rows[list(settings)].isna().to_numpy().any()
