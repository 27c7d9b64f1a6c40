"""The file of an archive: a zip that is written in order, and read as what it may be: somebody else's trap."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from clnp_core.bounds import Digest, Natural
from clnp_core.errors import ArchiveError, StoreError
from clnp_core.files import writing_whole
from clnp_core.runs.fold import stages
from clnp_core.runs.spec.stream import Strict

MANIFEST, SPEC, RUN, ENVIRONMENT = "manifest.json", "spec.json", "run.json", "environment.json"
LOGITS = "logits.safetensors"
_NAME = re.compile(
    r"(manifest|spec|run|environment)\.json|logits\.safetensors"
    r"|stages/(0|[1-9][0-9]{0,4})\.safetensors|networks/[0-9a-f]{64}\.safetensors"
)
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same run gives the same bytes

_MOST_MEMBERS = 10_000
_MOST_BYTES = 4 * 2**30 - 2**26  # unpacked; so that no archive needs the format's extension for larger ones
_MOST_JSON_BYTES = 4 * 2**20
_MOST_DIRECTORY_BYTES = 200 * _MOST_MEMBERS
_END, _END_BYTES = b"PK\x05\x06", 22
_EXTENDED, _EXTENDED_BYTES = b"PK\x06\x07", 20


_Model = TypeVar("_Model", bound=BaseModel)


class _Member(Strict):
    size: Annotated[int, Field(ge=0, le=_MOST_BYTES)]
    sha256: Digest


class _Manifest(Strict):
    format: Literal[1]
    version: Natural
    members: Annotated[dict[str, _Member], Field(max_length=_MOST_MEMBERS)]


def pack(path: Path, members: Mapping[str, bytes | Path]) -> None:
    """Write an archive, its members in the order of their names; those that are paths are read from there.

    Raises
    ------
    StoreError
        If there are too many, they are too large, or the file cannot be written.
    """
    size = sum(each.stat().st_size if isinstance(each, Path) else len(each) for each in members.values())
    if size > _MOST_BYTES or len(members) >= _MOST_MEMBERS:
        raise StoreError(
            f"It is too much for an archive: {len(members):,} members of {size:,} bytes, where {_MOST_MEMBERS:,} of "
            f"{_MOST_BYTES:,} are the most."
        )
    told: dict[str, dict[str, Any]] = {}
    with writing_whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, member in sorted(members.items()):
            content = member.read_bytes() if isinstance(member, Path) else member
            told[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            _add(archive, name, content)
        _add(archive, MANIFEST, as_json({"format": 1, "version": stages.VERSION, "members": told}))


def as_json(data: Any) -> bytes:
    """Plain data as a member."""
    return json.dumps(data, indent=1, sort_keys=True).encode()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _NO_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(info, content, compresslevel=1)  # weights hardly get smaller; zeros do, however little is tried


class Wrong(Exception):
    """What an archive holds is not as it should be; the text goes on the sentence about it."""


def require(holds: bool, otherwise: str) -> None:
    """Raise `Wrong` with that text if something does not hold."""
    if not holds:
        raise Wrong(otherwise)


@contextmanager
def opened(path: Path) -> Iterator[Members]:
    """The members of an archive. Whatever is wrong with them, here or inside, is told in a sentence.

    Raises
    ------
    ArchiveError
        Naming the file, and what is wrong.
    """
    try:
        # Of a pipe the end is never seen, and a device may have none.
        require(stat.S_ISREG(path.stat().st_mode), "it is no regular file")
        with open(path, "rb") as file:
            _check_end(file)
            with _listed(file) as archive:
                yield Members(archive)
    except Wrong as wrong:
        raise ArchiveError(f"{path} is not imported: {wrong}.") from None
    except OSError as error:
        raise ArchiveError(f"{path} cannot be imported: {error.strerror or error}.") from error


def _listed(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise Wrong(f"it is damaged, or no zip file ({error})") from None


def _check_end(file: BinaryIO) -> None:
    """Look at the end of a zip, which says how much there is to list, before it is listed."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_BYTES - _EXTENDED_BYTES))
    tail = file.read()
    end = tail[-_END_BYTES:]
    if len(end) < _END_BYTES or end[:4] != _END or end[-2:] != b"\0\0":
        raise Wrong("it is damaged, or no zip file")
    members, listed = struct.unpack_from("<HI", end, 10)
    if tail.startswith(_EXTENDED) or members > _MOST_MEMBERS or listed > _MOST_DIRECTORY_BYTES:
        raise Wrong(f"it has more than {_MOST_MEMBERS:,} members")
    file.seek(0)


class Members:
    """The members of an archive, each of which is read once, to be what the manifest says.

    Attributes
    ----------
    digest : str
        SHA-256 of the manifest, and so of all the archive holds.
    networks, network_bytes : int
        How many networks it says it has, and the bytes of the largest.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            name = info.filename
            if not _NAME.fullmatch(name):
                raise Wrong(f"it has a member called {name[:80]!r}, which is none of a run")
            if name in self._infos:
                raise Wrong(f"it has two members called {name}")
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or info.is_dir():
                raise Wrong(f"{name} is no regular file")
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Wrong(f"{name} is encrypted, or packed in a way that is not known here")
            if name.endswith(".json") and info.file_size > _MOST_JSON_BYTES:
                raise Wrong(f"{name} has {info.file_size:,} bytes, where {_MOST_JSON_BYTES:,} are the most")
            self._infos[name] = info
        if len(self._infos) > _MOST_MEMBERS:
            raise Wrong(f"it has more than {_MOST_MEMBERS:,} members")
        total = sum(info.file_size for info in self._infos.values())
        if total > _MOST_BYTES:
            raise Wrong(f"it unpacks to {total:,} bytes, where {_MOST_BYTES:,} are the most")
        content = self._content(MANIFEST)
        self.digest = hashlib.sha256(content).hexdigest()
        manifest = _validated(_Manifest, content, MANIFEST)
        if manifest.version != stages.VERSION:
            raise Wrong(
                f"its results are those of version {manifest.version} of the stages, this is {stages.VERSION}; "
                f"use the same version of clnp on both machines"
            )
        self._told = manifest.members
        if differing := self._told.keys() ^ (self._infos.keys() - {MANIFEST}):
            raise Wrong(f"manifest and members differ in {min(differing)[:80]!r}")
        for name, member in self._told.items():
            if self._infos[name].file_size != member.size:
                raise Wrong(f"{name} has not the size that the manifest says")
        self.bytes = total
        networks = [member.size for name, member in self._told.items() if name.startswith("networks/")]
        self.networks, self.network_bytes = len(networks), max(networks, default=0)

    def read(self, name: str) -> bytes:
        """The content of a member, once."""
        told = self._taken(name)
        content = self._content(name)
        if len(content) != told.size or hashlib.sha256(content).hexdigest() != told.sha256:
            raise differs(name)
        return content

    def stream(self, name: str) -> tuple[zipfile.ZipExtFile, _Member]:
        """Open a member to be unpacked part by part, once, and what the manifest says of it."""
        told = self._taken(name)
        with reading(name):
            file = self._archive.open(self._infos[name])
        assert isinstance(file, zipfile.ZipExtFile)  # it is open for reading
        return file, told

    def json(self, name: str, model: type[_Model]) -> _Model:
        """A member as data of that form."""
        return _validated(model, self.read(name), name)

    @property
    def left(self) -> list[str]:
        """What has not been read."""
        return sorted(self._told)

    def _taken(self, name: str) -> _Member:
        told = self._told.pop(name, None)
        if told is None:
            raise Wrong(f"it has no {name}, or needs it twice")
        return told

    def _content(self, name: str) -> bytes:
        if name not in self._infos:
            raise Wrong(f"it has no {name}")
        with reading(name), self._archive.open(self._infos[name]) as file:
            return file.read(self._infos[name].file_size)


def differs(name: str) -> Wrong:
    """A member is not what the manifest says."""
    return Wrong(f"{name} is not what the manifest says: its SHA-256 differs")


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Tell in a sentence where a member cannot be unpacked."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error, NotImplementedError) as error:
        raise Wrong(f"{name} is damaged ({error})") from None


def _validated(model: type[_Model], content: bytes, name: str) -> _Model:
    # Python's reader and not pydantic's: a loss that left the numbers stands there as NaN.
    return checked(model, loaded(content, name), name)


def loaded(content: bytes, name: str) -> Any:
    """JSON as plain data."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Wrong(f"{name} is no JSON") from None


def checked(model: type[_Model], data: Any, name: str) -> _Model:
    """Plain data as data of that form."""
    try:
        return model.model_validate(data, extra="forbid")
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise Wrong(f"{name}: {place[:80] or 'it'}: {problem['msg']}") from None
    except RecursionError:
        raise Wrong(f"{name} is nested too deeply") from None
