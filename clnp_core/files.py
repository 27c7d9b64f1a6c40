"""Writes files atomically: a file is never visible half-written. Imports no torch."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clnp_core.errors import StoreError

_PROBE_BYTES = 2**16


def obstacle(folder: Path) -> OSError | None:
    """Try to write to a folder, and return what is in the way: a full disk, a read-only file system and so on."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
    except OSError as error:
        return error
    return None


def write_whole(path: Path, content: bytes, secret: bool = False) -> None:
    """Write a file under another name, then rename it, so that `path` never holds a partial file.

    Only its owner can read a secret file; for others the process's umask decides.

    Raises
    ------
    StoreError
        If the disk is full or not writable.
    """
    with writing_whole(path, secret) as file:
        file.write(content)


@contextmanager
def writing_whole(path: Path, secret: bool = False) -> Iterator[BinaryIO]:
    """Open a file to be written like `write_whole` does, part by part. An exception inside keeps the previous file.

    Raises
    ------
    StoreError
        As `write_whole`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.stem[:8]}{secrets.token_hex(8)}.part")
        mode = 0o600 if secret else 0o666
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            try:
                yield file
                file.flush()
                os.replace(part, path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.") from error
