"""The members of a zip that may be anybody's trap: what it says of itself is checked before it is listed and read."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from clnp_core.errors import DataError
from clnp_core.tasks.files.samples import MOST_BYTES
from clnp_core.tasks.npz import DAMAGE

MOST_FILES = 1_000_000
_MOST_DIRECTORY_BYTES = 300 * MOST_FILES
_END, _END_BYTES = b"PK\x05\x06", 22
_LOCATOR_BYTES, _LARGE_END, _LARGE_END_BYTES = 20, b"PK\x06\x06", 56
_MOST_COMMENT = 2**16


@contextmanager
def refusing_damage(name: str) -> Iterator[None]:
    """Turn errors of reading a zip inside the block into a DataError with one readable sentence."""
    try:
        yield
    except DAMAGE as error:
        raise DataError(f"{name} is damaged, or no zip file ({error}); give it anew.") from None


def listed(file: BinaryIO, name: str) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """List the files in a zip. `name` names it in errors.

    Raises
    ------
    DataError
        If it is damaged, has too many members, would unpack to too much, or has a member that is encrypted, no regular
        file, there twice, or called as no file inside a folder can be.
    """
    with refusing_damage(name):
        _check_directory(file, name)
        archive = zipfile.ZipFile(file)
    members = [member for member in archive.infolist() if not member.is_dir()]
    seen = set()
    for member in members:
        called = repr(member.filename[:80])
        if not _is_inside(member.filename):
            raise DataError(f"{name} has a file called {called}, which leads out of it; give names of files inside it.")
        if member.filename in seen:
            raise DataError(f"{name} has two files called {called}; give each a name of its own.")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise DataError(f"{name}: {called} is no regular file but a link or a device; give the file itself.")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{name}: {called} is encrypted, or packed in an unusual way; pack it as a plain zip.")
        seen.add(member.filename)
    if (unpacked := sum(member.file_size for member in members)) > MOST_BYTES:
        raise DataError(
            f"{name} would unpack to {unpacked / 2**30:.1f} GiB; give a file of at most {MOST_BYTES // 2**30} GiB."
        )
    return archive, members


def _is_inside(name: str) -> bool:
    """Tell whether a member's name is that of a file inside the folder that a zip is unpacked to."""
    parts = name.split("/")
    return not (".." in parts or "" in parts or "\\" in name or ":" in parts[0]) and name.isprintable()


def _check_directory(file: BinaryIO, name: str) -> None:
    """Look at the end of a zip, which says how much there is to list, where `zipfile` looks, before it lists it."""
    end = file.seek(0, os.SEEK_END)
    tail_bytes = min(end, _MOST_COMMENT + _END_BYTES + _LOCATOR_BYTES + _LARGE_END_BYTES)
    file.seek(end - tail_bytes)
    tail = file.read(tail_bytes)
    place = tail.rfind(_END)
    if place < 0 or len(tail) < place + _END_BYTES:
        raise zipfile.BadZipFile("it has no end")
    members, directory = struct.unpack_from("<HI", tail, place + 10)
    large = place - _LOCATOR_BYTES - _LARGE_END_BYTES
    if large >= 0 and tail.startswith(_LARGE_END, large):
        members, directory = struct.unpack_from("<QQ", tail, large + 32)
    if members > MOST_FILES or directory > _MOST_DIRECTORY_BYTES:
        raise DataError(f"{name} has {members:,} files; give at most {MOST_FILES:,}.")
    file.seek(0)
