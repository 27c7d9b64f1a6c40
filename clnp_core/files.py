"""Writing files so that what stands under a name is always whole. Imports no torch."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clnp_core.errors import StoreError


def write_whole(path: Path, content: bytes, secret: bool = False) -> None:
    """Write under another name and rename, so that what stands under `path` is always whole.

    A secret can be read by its owner alone; of any other file the process's umask says who can.

    Raises
    ------
    StoreError
        If the disk is full or not writable.
    """
    with writing_whole(path, secret) as file:
        file.write(content)


@contextmanager
def writing_whole(path: Path, secret: bool = False) -> Iterator[BinaryIO]:
    """As `write_whole`, a part at a time; what is raised inside leaves what stood there before.

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
