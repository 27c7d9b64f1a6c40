"""Reads own data from whatever file or folder it is in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clnp_core.errors import DataError
from clnp_core.tasks.files.arrays import names_of_columns, read_arrays
from clnp_core.tasks.files.pictures import files_of_folder, files_of_uploads, files_of_zip, read_pictures
from clnp_core.tasks.files.samples import MOST_BYTES, Samples
from clnp_core.tasks.files.table import csv_columns, parquet_file, read_csv, read_parquet

Source = str | os.PathLike[str] | BinaryIO | Sequence[BinaryIO]
"""A file's or a folder's path, an open file, or the open files of a folder; each open file has its name."""

ENDINGS = (".npz", ".csv", ".parquet", ".zip")
"""How the names of files end that can be read."""


def read(
    source: Source,
    label: str = "label",
    by: str | None = None,
    size: tuple[int, int] | None = None,
    scale: bool = False,
) -> Samples:
    """Read labelled samples from a file or a folder.

    Parameters
    ----------
    source : path, open file, or sequence of open files
        - `.npz`: arrays x and y, or x_train, y_train, x_test and y_test, as `from_arrays` takes those of a task.
        - `.csv` (commas, semicolons or tabs; decimal points; the first line names the columns) or `.parquet`: a row is
          a sample, and every column but `label` and `by` a feature, which is a number.
        - `.zip`, a folder, or several open files: images in a folder for each class, or in folders train and test with
          these in them. They are grey if all are, else in three colours.
    label : str
        The column of a table that has the labels.
    by : str, optional
        A further column of a table, or array [N] of an `.npz`, by which samples are to be divided into tasks. It is no
        feature. Beside x_train and x_test it is two arrays, `by`_train and `by`_test.
    size : (int, int), optional
        Height and width that images are brought to. Without it all must have the same.
    scale : bool
        Whether the columns of a table are brought to mean 0 and deviation 1, by the samples to train on.

    Returns
    -------
    Samples
        Where the file does not say which samples are to test with, a fifth of each class is, always the same ones.

    Raises
    ------
    DataError
        If the file cannot be read, is too large, or its content is wrong; it says which value, and what would be right.
    """
    if isinstance(source, Sequence) and not isinstance(source, str):
        _check_pictures(by, scale)
        return read_pictures(files_of_uploads(source), "The folder", size)
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        _check_pictures(by, scale)
        with _refusing_what_cannot_be_read(source):
            return read_pictures(files_of_folder(Path(source)), str(source), size)
    with _opened(source) as (file, name, ending):
        if size and ending != ".zip":
            raise DataError(f"{name} is no folder or zip of images; only these can be brought to a size: leave it out.")
        match ending:
            case ".npz":
                return read_arrays(file, name, by, scale)
            case ".csv":
                return read_csv(file, name, label, by, scale)
            case ".parquet":
                return read_parquet(file, name, label, by, scale)
            case _:
                _check_pictures(by, scale)
                return read_pictures(files_of_zip(file, name), name, size)


def column_names(source: Source) -> list[str]:
    """List the columns of a table, or the arrays of an `.npz` by which its samples may be divided; of images none.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if isinstance(source, Sequence) and not isinstance(source, str):
        return []
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        return []
    with _opened(source) as (file, name, ending):
        match ending:
            case ".npz":
                return names_of_columns(file, name)
            case ".csv":
                return csv_columns(file, name)[0]
            case ".parquet":
                return list(parquet_file(file, name).schema_arrow.names)
            case _:
                return []


@contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[tuple[BinaryIO, str, str]]:
    """Open a file, and give it with its name and how that ends, after checking both and its size."""
    if not isinstance(source, str | os.PathLike):
        yield source, *_checked(source, _short(getattr(source, "name", "the file")))
        return
    path = Path(source)
    with _refusing_what_cannot_be_read(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is no regular file; give a file in {_LISTED}, or a folder of images.")
        with open(path, "rb") as file:
            yield file, *_checked(file, str(path))


@contextmanager
def _refusing_what_cannot_be_read(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a name with a zero in it is a ValueError
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


_LISTED = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
_MOST_NAME = 80


def _short(name: str) -> str:
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return name if len(name) <= _MOST_NAME else f"…{name[1 - _MOST_NAME :]}"


def _checked(file: BinaryIO, name: str) -> tuple[str, str]:
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise DataError(f"{name} ends in {ending or 'nothing'}; give a file in {_LISTED}, or a folder of images.")
    if (length := file.seek(0, os.SEEK_END)) > MOST_BYTES:
        raise DataError(f"{name} has {length / 2**30:.1f} GiB; give a file of at most {MOST_BYTES // 2**30} GiB.")
    file.seek(0)
    return name, ending


def _check_pictures(by: str | None, scale: bool) -> None:
    """Refuse what images do not have."""
    if by is not None:
        raise DataError(f"Images by class have no column {by!r}; divide them by classes, or permute them.")
    if scale:
        raise DataError("Images have no columns; only those of a table can be scaled.")
