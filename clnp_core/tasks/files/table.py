"""Reads labelled samples from a CSV or Parquet file: a row is a sample."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from clnp_core.errors import DataError
from clnp_core.tasks.files.samples import Column, Samples, column, samples
from clnp_core.tasks.labels import shown
from clnp_core.tasks.tables import as_numbers, check_complete, is_number

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow.parquet import ParquetFile

_MOST_CSV_BYTES = 512 * 2**20
_MOST_HEADER_BYTES = 16 * 2**20
_MOST_COLUMNS = 100_000
_MOST_VALUES = 2**27
_DELIMITERS = ",;\t"
# Of features. A class may well be called None or NA.
_MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A", "<NA>"]


def read_csv(file: BinaryIO, name: str, label: str, by: str | None, scale: bool) -> Samples:
    """Read samples from a CSV file; see `clnp_core.tasks.files.read`.

    Raises
    ------
    DataError
    """
    import pandas as pd

    columns, delimiter = csv_columns(file, name)
    labels = _checked(columns, name, label, by)
    try:
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row has too many values
            frame = pd.read_csv(
                file,
                sep=delimiter,
                header=0,
                names=columns,
                index_col=False,
                keep_default_na=False,
                na_values={each: [""] if each in labels else _MISSING for each in columns},
                encoding="utf-8-sig",
                low_memory=False,
            )
    except UnicodeDecodeError as error:
        raise _no_text(error, name) from None
    except (ValueError, pd.errors.ParserWarning) as error:
        why = str(error).strip().rstrip(".")
        raise DataError(f"{name} is no CSV file whose rows have a value for each column ({why}); mend it.") from None
    return _taken(frame, name, label, by, scale)


def csv_columns(file: BinaryIO, name: str) -> tuple[list[str], str]:
    """Read the names of a CSV file's columns, and find what is between them.

    Raises
    ------
    DataError
        If it is too large, or no text.
    """
    if (length := file.seek(0, 2)) > _MOST_CSV_BYTES:
        raise DataError(
            f"{name} has {length / 2**20:.0f} MiB; give a CSV file of at most {_MOST_CSV_BYTES // 2**20} MiB, or "
            f"Parquet."
        )
    file.seek(0)
    try:
        first = file.readline(_MOST_HEADER_BYTES).decode("utf-8-sig").rstrip("\r\n")
        delimiter = max(_DELIMITERS, key=first.count)
        return next(csv.reader([first], delimiter=delimiter), []), delimiter
    except UnicodeDecodeError as error:
        raise _no_text(error, name) from None
    except csv.Error as error:
        raise DataError(f"{name} does not begin with the names of columns ({error}); give them.") from None


def _no_text(error: UnicodeDecodeError, name: str) -> DataError:
    return DataError(f"{name} is no UTF-8 text ({error.reason}); save it as CSV in UTF-8.")


def read_parquet(file: BinaryIO, name: str, label: str, by: str | None, scale: bool) -> Samples:
    """Read samples from a Parquet file; see `clnp_core.tasks.files.read`.

    Raises
    ------
    DataError
    """
    import pyarrow as pa

    stored = parquet_file(file, name)
    told, schema = stored.metadata, stored.schema_arrow
    groups = [told.row_group(number).num_rows for number in range(told.num_row_groups)]
    labels = _checked(schema.names, name, label, by)
    if index := [each for each in schema.names if each.startswith("__index_level_")]:
        raise DataError(
            f"{name} has the column {index[0]!r}, an index of pandas; leave it out, to_parquet(..., index=False)."
        )
    for field in schema:
        is_number = (
            pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type)
        )
        is_name = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        if not is_number and not (field.name in labels and (is_name or pa.types.is_dictionary(field.type))):
            raise _no_numbers(field.name, field.type, name)
    if sum(groups) != told.num_rows or min(groups, default=0) < 0:
        why = f"it says that it has {told.num_rows:,} rows, its parts {sum(groups):,}"
        raise DataError(f"{name} is damaged, or no Parquet file ({why}); save it anew.")
    _check_values(told.num_rows, len(schema), name)
    with _refusing_damage(name):
        # Names stay as they are stored, once each, however many rows have them.
        frame = parquet_file(file, name, labels).read(use_threads=False).to_pandas(ignore_metadata=True)
    return _taken(frame, name, label, by, scale)


def parquet_file(file: BinaryIO, name: str, labels: Sequence[str] = ()) -> ParquetFile:
    """Open a Parquet file, of which only what it says of itself is read so far.

    Raises
    ------
    DataError
        If it is damaged.
    """
    from pyarrow import parquet

    with _refusing_damage(name):
        file.seek(0)
        return parquet.ParquetFile(file, read_dictionary=labels)


@contextmanager
def _refusing_damage(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        why = (str(error).splitlines() or [""])[0][:200]
        raise DataError(f"{name} is damaged, or no Parquet file ({why}); save it anew.") from None


def _checked(columns: Sequence[str], name: str, label: str, by: str | None) -> list[str]:
    """Check the names of columns, and return those that are no features."""
    if not columns:
        raise DataError(f"{name} is empty; give a line of names, and one for each sample.")
    if len(columns) > _MOST_COLUMNS:
        raise DataError(f"{name} has {len(columns):,} columns; give at most {_MOST_COLUMNS:,}.")
    if twice := [each for each in columns if not each.strip()]:
        raise DataError(
            f"{name}: column {columns.index(twice[0]) + 1} has no name; give it one, or leave it out, in pandas by "
            f"to_csv(..., index=False)."
        )
    if len({*columns}) < len(columns):
        seen: set[str] = set()
        again = next(each for each in columns if each in seen or seen.add(each))  # type: ignore[func-returns-value]
        raise DataError(f"{name} has two columns {again!r}; give each a name of its own.")
    for wanted, what in ((label, "labels"), (by, "tasks")):
        if wanted is not None and wanted not in columns:
            raise DataError(f"{name} has no column {wanted!r} of {what}; name one of {shown(columns, 5)}.")
    if label == by:
        raise DataError(f"{name}: the column {by!r} has the labels; divide by another one, or by classes.")
    return [label] if by is None else [label, by]


def _check_values(rows: int, columns: int, name: str) -> None:
    if rows * columns > _MOST_VALUES:
        raise DataError(
            f"{name} has {rows:,} rows of {columns:,} columns; give fewer, at most {_MOST_VALUES:,} values."
        )


def _no_numbers(column: object, kind: object, name: str) -> DataError:
    return DataError(f"{name}: the column {column!r} is {kind}, not numbers; leave it out, or divide the tasks by it.")


def _taken(frame: pd.DataFrame, name: str, label: str, by: str | None, scale: bool) -> Samples:
    import pandas as pd

    labels = [label] if by is None else [label, by]
    _check_values(len(frame), frame.shape[1], name)
    if frame.empty:
        raise DataError(f"{name} has no rows; give one for each sample.")
    frame.index = pd.RangeIndex(1, len(frame) + 1)  # as people count rows
    check_complete(frame[labels], name)
    features = frame.drop(columns=labels)
    for each, dtype in features.dtypes.items():
        if not is_number(dtype):
            raise _no_numbers(each, "text" if isinstance(features[each].iloc[0], str) else dtype, name)
    x = as_numbers(features, name)
    y, *divided_by = [_column(frame[each], f"{name}: the column {each!r}") for each in labels]
    return samples(name, x, y, divided_by[0] if divided_by else None, features=tuple(features.columns), scale=scale)


def _column(given: pd.Series, what: str) -> Column:
    import pandas as pd

    places, values = pd.factorize(given)
    return column(values, what, places)
