"""Own tables: pandas DataFrames as tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.errors import DataError
from clnp_core.tasks.given import from_arrays
from clnp_core.tasks.held_out import for_testing
from clnp_core.tasks.labels import as_labels
from clnp_core.tasks.own import each_of, own_path

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 5


def from_frame(
    name: str, tasks: pd.DataFrame | Sequence[pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]], label: str = "label"
) -> dict[str, Any]:
    """Store own tables for runs to learn; see `from_arrays`.

    A row is a sample, and every column but `label` a feature, used unchanged as float32. To a network it is an image of
    shape (1, 1, features).

    Parameters
    ----------
    name : str
    tasks : DataFrame, or sequence of DataFrame or (train, test)
        One for each task, all with the same columns. Of a single DataFrame a fifth of each class's rows, always the
        same ones, are the test set.
    label : str
        The column with the labels, whole numbers or names.

    Returns
    -------
    dict
        The stream's specification, for a run's `stream`.

    Raises
    ------
    DataError
        If there is no such column, or a column is not numbers or has missing values (the message names it and its
        task), or the file cannot be written.

    Examples
    --------
    >>> stream = from_frame("wine", frame, label="kind")  # doctest: +SKIP
    >>> network = from_sequential(module, stream["image_shape"])  # doctest: +SKIP
    """
    import pandas as pd

    own_path(name)  # refuses a wrong name before anything is read
    given = [tasks] if isinstance(tasks, pd.DataFrame) else tasks
    if not isinstance(given, list | tuple):
        raise DataError(f"tasks is of type {type(given).__name__}; give a DataFrame, or a list of one for each task.")
    pairs = each_of(
        [
            _halves(task, label, f"The table of task {number}") if isinstance(task, pd.DataFrame) else task
            for number, task in enumerate(given, 1)
        ],
        ("train", "test"),
    )
    arrays, columns = [], None
    for number, pair in enumerate(pairs, 1):
        read: list[np.ndarray] = []
        for part, frame in zip(("train", "test"), pair, strict=True):
            what = f"The {part} table of task {number}"
            labels = _labels(frame, label, what)
            features = frame.drop(columns=label)
            columns = list(features) if columns is None else columns
            if set(features) != set(columns):
                name_of_other = min(map(str, set(features) ^ set(columns)))
                raise DataError(f"{what} and the first differ in the column {name_of_other!r}; all must have the same.")
            read += as_numbers(features[columns], what), labels
        arrays.append(read)
    return from_arrays(name, arrays)


def _halves(frame: pd.DataFrame, label: str, what: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide a table into one to train and one to test with, class by class."""
    values, places, counts = np.unique(_labels(frame, label, what), return_inverse=True, return_counts=True)
    if len(single := values[counts < 2]):
        raise DataError(
            f"{what} has one row of the label {single[0].item()!r}, and one to train and one to test with are "
            f"needed; give (train, test), or leave it out."
        )
    is_test = for_testing(places)
    return frame[~is_test], frame[is_test]


def _labels(frame: Any, label: str, what: str) -> np.ndarray:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{what} is of type {type(frame).__name__}; give a DataFrame.")
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"{what} has two columns {twice!r}; give each a name of its own.")
    if label not in list(frame.columns):
        some = ", ".join(map(str, frame.columns[:_SHOWN])) + (", ..." if len(frame.columns) > _SHOWN else "")
        raise DataError(f"{what} has no column {label!r} of labels; give label=..., one of {some}.")
    check_complete(frame[[label]], what)
    return as_labels(frame[label], f"{what}: the column {label!r}")


def as_numbers(features: pd.DataFrame, what: str) -> np.ndarray:
    """Turn columns of numbers into float64 [N, features]. `what` names the table in errors.

    Raises
    ------
    DataError
        If there is none, one is not numbers or has missing values.
    """
    if features.shape[1] == 0:
        raise DataError(f"{what} has no column but its labels; give features.")
    for name, dtype in features.dtypes.items():
        if not is_number(dtype):
            raise DataError(
                f"{what}: the column {name!r} is {dtype}, not numbers; leave it out, or give "
                f"pandas.get_dummies(frame, columns=[{name!r}])."
            )
    check_complete(features, what)
    return np.asarray(features, np.float64)


def is_number(dtype: Any) -> bool:
    """Tell whether a column of that type has numbers or booleans."""
    from pandas.api import types

    return any(is_type(dtype) for is_type in (types.is_bool_dtype, types.is_integer_dtype, types.is_float_dtype))


def check_complete(columns: pd.DataFrame, what: str) -> None:
    """Refuse missing values. `what` names the table in errors.

    Raises
    ------
    DataError
        Naming the first column with one, and its row.
    """
    missing = columns.isna()
    if not missing.any(axis=None):
        return
    name = missing.any().idxmax()
    raise DataError(
        f"{what}: the column {name!r} has no value in row {missing[name].idxmax()}; leave such rows out, "
        f"frame.dropna(), or fill them, frame.fillna(...)."
    )
