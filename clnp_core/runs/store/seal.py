"""Seals, by which a file of the store shows that it is what was written. Imports no torch.

A seal is the SHA-256 of a file's name, its header and its tensors, and stands in the header (`safetensors`). Earlier
versions wrote none. There networks and logits are known by their name, which is the SHA-256 of their content; of the
result of a stage only the form can be checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from clnp_core.networks.network import content_digest

_TOLD = "__metadata__"
_SEAL = "sha256"
_MAX_HEADER_BYTES = 64 * 2**20
_CHUNK = 2**20
_UNFIT = (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error)


class Broken(Exception):
    """A file is not what was written; the text says why, in a few words."""


def sealed(name: str, content: bytes) -> list[bytes | memoryview]:
    """Seal a safetensors file that is to go by that name, and return it in parts."""
    (length,) = struct.unpack_from("<Q", content)
    header, body = json.loads(content[8 : 8 + length]), memoryview(content)[8 + length :]
    header.setdefault(_TOLD, {}).pop(_SEAL, None)
    header[_TOLD][_SEAL] = _seal(name, header, iter([body]))
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)  # so that tensors go on beginning where their type wants it
    return [struct.pack("<Q", len(written)), written, body]


def header_of(file: BinaryIO) -> dict[str, Any]:
    """Read the header of a safetensors file, and go to where its tensors begin.

    Raises
    ------
    Broken
        If it has none.
    """
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER_BYTES:
            raise ValueError("its header is too long")
        header: dict[str, Any] = json.loads(file.read(length))
        header.setdefault(_TOLD, {})
        return header
    except _UNFIT as error:
        raise Broken(f"its header cannot be read: {error}") from error


def data_of(header: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON in a header.

    Raises
    ------
    Broken
        If there is none.
    """
    try:
        data: dict[str, Any] = json.loads(header[_TOLD]["json"])
        return data
    except _UNFIT as error:
        raise Broken(f"its header cannot be read: {error}") from error


def check(path: Path, name: str) -> bool:
    """Check that a file is what was written under that name.

    Returns
    -------
    False if an earlier version wrote it, and all that can be said is that it has the right form.

    Raises
    ------
    Broken
        If it is not.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        header = header_of(file)
        told = header[_TOLD]
        if not isinstance(told, dict) or told.keys() - {_SEAL, "json"}:
            raise Broken("its header is not what was written")
        seal = told.pop(_SEAL, None)
        if seal is None:
            return _check_unsealed(file, header, name)
        if seal != _seal(name, header, iter(lambda: file.read(_CHUNK), b"")):
            raise Broken("its content is not what was written")
        return True


def _seal(name: str, header: dict[str, Any], body: Iterator[bytes | memoryview]) -> str:
    hashed = hashlib.sha256(f"{name} {json.dumps(header, sort_keys=True)}".encode())
    for part in body:
        hashed.update(part)
    return hashed.hexdigest()


def _check_unsealed(file: BinaryIO, header: dict[str, Any], name: str) -> bool:
    told, start = header.pop(_TOLD), file.tell()
    try:
        spans = {tensor: header[tensor]["data_offsets"] for tensor in header}
        if start + max((end for _, end in spans.values()), default=0) != os.fstat(file.fileno()).st_size:
            raise Broken("it has been cut short")

        def content(tensor: str) -> bytes:
            first, end = spans[tensor]
            file.seek(start + first)
            return file.read(end - first)

        if not told:  # a checkpoint
            return False
        data = json.loads(told["json"])
        if "seconds" in data:  # as in every result of a stage, but in no network
            return False
        if spans.keys() == {"logits"}:
            digest = hashlib.sha256(content("logits")).hexdigest()
        else:
            digest = content_digest(
                data, ((tensor, header[tensor]["shape"], content(tensor)) for tensor in sorted(spans))
            )
    except _UNFIT as error:
        raise Broken(f"its header cannot be read: {error}") from error
    if digest != name:
        raise Broken("its content is not what its name says")
    return True
