"""Writes arrays as one `.npz` file, all or nothing, and reads files that may be damaged or of another kind."""

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from clnp_core.errors import DataError, StoreError
from clnp_core.files import writing_whole


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as `write_whole` writes a file: a crash or a full disk leaves no partial one.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    try:
        with writing_whole(path) as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # a flag of numpy's among their names
    except StoreError as error:
        raise DataError(str(error)) from error


DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    lzma.LZMAError,
    tokenize.TokenError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
)
"""What zipfile and numpy raise for content they cannot make sense of."""


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn errors of reading `path` inside the block into a DataError with one readable sentence."""
    try:
        yield
    except DAMAGE as error:
        raise DataError(f"{path} is damaged or not a data set: {error}; replace or remove it.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


Header = tuple[np.dtype, tuple[int, ...]]
"""Type and shape of an array."""


def header(archive: zipfile.ZipFile, name: str) -> Header:
    """Read an array's type and shape without its content."""
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(member)
    return dtype, shape
