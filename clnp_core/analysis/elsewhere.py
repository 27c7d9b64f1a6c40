"""Takes an accuracy matrix that was measured elsewhere into a comparison. The file is taken as hostile.

It is a T×T matrix: row i has the accuracies after task i was learned, on task 1, 2, ...; what stands above the diagonal
is left out. As CSV it is T lines of numbers, as JSON a list of T lists, or an object that has one as "accuracy", as
the summary of a run. All are fractions or, if any is above 1, per cent. Imports no torch.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any, Literal

from clnp_core.analysis.compare import Compared, Group
from clnp_core.analysis.metrics import backward_transfer, forgetting, mean_accuracy
from clnp_core.errors import SpecError

_MOST_BYTES = 2**22
_MOST_TASKS = 1000
_MOST_NAME = 60


def read(path: Path) -> tuple[Group, str]:
    """Read a file as `parse` does.

    Raises
    ------
    SpecError
        If it cannot be read, or as `parse`.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    return parse(path.name, content)


def parse(name: str, content: bytes) -> tuple[Group, Literal["fractions", "per cent"]]:
    """Parse an accuracy matrix.

    Parameters
    ----------
    name : str
        Of the file: it ends in .csv or .json, and is what the result is called.
    content : bytes

    Returns
    -------
    Group
        Of one run, beside groups of runs of a store.
    str
        What its numbers were taken as.

    Raises
    ------
    SpecError
        In a sentence, naming the first thing that is wrong.
    """
    called = re.sub(r"[^\w.,+ -]", "_", Path(name).stem)[:_MOST_NAME].strip() or "matrix"
    if len(content) > _MOST_BYTES:
        raise SpecError(f"{called}: an accuracy matrix has at most {_MOST_BYTES:,} bytes.")
    try:
        text = content.decode("utf-8-sig")
        rows = _of_json(text) if name.lower().endswith(".json") else _of_csv(text)
        matrix, unit = _checked(rows)
    except UnicodeDecodeError:
        raise SpecError(f"{called} is no text; give an accuracy matrix as CSV or JSON.") from None
    except _Wrong as wrong:
        raise SpecError(f"{called} is no accuracy matrix: {wrong}.") from None
    measures = {"forgetting": forgetting(matrix), "backward_transfer": backward_transfer(matrix)}
    summary: dict[str, Any] = {
        "accuracy": matrix,
        "mean_accuracy": mean_accuracy(matrix),
        "tasks": len(matrix),
        "layers": [],
        **{measure: None if isnan(value) else value for measure, value in measures.items()},
    }
    title = f"{called} (elsewhere)"
    return Group(title, {"method": title}, (Compared(called, {}, summary),)), unit


class _Wrong(Exception):
    """What is wrong with a matrix; the text goes on the sentence about it."""


def _of_json(text: str) -> list[Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _Wrong("it is not JSON") from None
    rows = data.get("accuracy") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _Wrong('it should be a list of lists of numbers, or have one as "accuracy"')
    return rows


def _of_csv(text: str) -> list[list[Any]]:
    try:
        lines = [line for line in csv.reader(text.splitlines()) if line]
    except csv.Error as error:
        raise _Wrong(f"it is not CSV ({error})") from None
    return [[_cell(each.strip()) for each in line] for line in lines]


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _checked(rows: Sequence[Sequence[Any]]) -> tuple[list[list[float]], Literal["fractions", "per cent"]]:
    """The lower triangle as fractions, and what it was."""
    tasks = len(rows)
    if not 1 <= tasks <= _MOST_TASKS:
        raise _Wrong(f"it has {tasks} rows, where there is one for each of 1 to {_MOST_TASKS:,} tasks")
    for task, row in enumerate(rows, start=1):
        if not task <= len(row) <= tasks and (row or task == tasks):
            raise _Wrong(f"row {task} has {len(row)} numbers, where it should be {task} to {tasks}")
        for place, value in enumerate(row[:task], start=1):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
                told = repr(value)[:40]
                raise _Wrong(f"row {task} has {told} for task {place}, where it should be a number from 0 to 100")
    lower = [list(row[:task]) for task, row in enumerate(rows, start=1)]
    percent = any(value > 1 for row in lower for value in row)
    return [[value / (100 if percent else 1) for value in row] for row in lower], "per cent" if percent else "fractions"
