"""Writes files: regular ones are never visible half-written, others are written into. Imports no torch."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from clnp_core.errors import StoreError

_MOST_LINKS = 40  # as Linux has it
_NO_PLACE_FOR_ANOTHER = (errno.EACCES, errno.EPERM, errno.EROFS)
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

    A link stays, and the file that it leads to is written. What is no regular file, such as a device or a pipe, is
    written into.

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
        target = Path(os.path.realpath(path))
        with _part(path, target, 0o600 if secret else 0o666) as file:
            yield file
            file.flush()
            if not _replaced(file, target):
                file.seek(0)
                with _opened(path) as into:
                    shutil.copyfileobj(file, into)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _part(path: Path, target: Path, mode: int) -> Iterator[BinaryIO]:
    """Open a file beside the target, to become it; if it cannot, one without a name."""
    part = target.with_name(f"{target.stem[:8]}{secrets.token_hex(8)}.part")
    if is_regular(path):
        try:
            file = open(part, "x+b", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
        except OSError as error:
            if error.errno not in _NO_PLACE_FOR_ANOTHER or not target.exists():
                raise
        else:
            try:
                with file:
                    yield file
            finally:
                part.unlink(missing_ok=True)
            return
    with tempfile.TemporaryFile() as unnamed:
        yield cast(BinaryIO, unnamed)


def _replaced(part: BinaryIO, target: Path) -> bool:
    """Let the part become the target, and tell whether it did: it has no name, or the target is a mount of its own."""
    if isinstance(part.name, int):
        return False
    try:
        os.replace(part.name, target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _opened(path: Path) -> BinaryIO:
    """Open what is written into. An open file of this process goes on where it is."""
    number = descriptor(path)
    return open(path, "wb") if number is None else open(os.dup(number), "wb")


def is_regular(path: Path) -> bool:
    """Tell whether a regular file is under a path, or is yet to be: no device, pipe or open file of this process."""
    if descriptor(path) is not None:
        return False
    with suppress(OSError):
        return stat.S_ISREG(path.stat().st_mode)
    return True


def ending(path: Path, otherwise: str) -> str:
    """Return the ending of a file's name, which tells its format. What is no regular file may have none."""
    return path.suffix if path.suffix or is_regular(path) else otherwise


def descriptor(path: Path) -> int | None:
    """Return the number of the open file of this process that a path leads to, such as 1 of /dev/stdout, if any.

    A shell names them in commands too: /dev/fd/63 is what `>(gzip > x.gz)` becomes.
    """
    own = {os.path.realpath(folder) for folder in ("/proc/self/fd", "/dev/fd")}
    with suppress(OSError, ValueError):  # no file can have that name
        for _ in range(_MOST_LINKS):
            folder = os.path.realpath(path.parent)
            if folder in own and path.name.isdecimal():
                return int(path.name)
            if not path.is_symlink():
                return None
            path = Path(folder) / os.readlink(path)
    return None


def can_be_written(path: Path) -> bool:
    """Tell whether `write_whole` can write there, as far as that shows without writing."""
    number = descriptor(path)
    try:
        if number is not None:
            return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        target = Path(os.path.realpath(path))
        if target.exists():
            kind = target.stat().st_mode
            return not (stat.S_ISDIR(kind) or stat.S_ISSOCK(kind)) and os.access(target, os.W_OK)
        return target.parent.is_dir() and os.access(target.parent, os.W_OK) and not target.is_symlink()
    except (OSError, ValueError):
        return False
