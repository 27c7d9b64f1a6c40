"""A member of an archive that holds tensors: what its header says is checked before any tensor is unpacked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from clnp_core.runs.archive.file import Members, Wrong, differs, loaded, reading, require
from clnp_core.runs.spec.stream import Strict

_MOST_HEADER_BYTES = 8 * 2**20
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

Forms = dict[str, tuple[tuple[int, ...], torch.dtype]]
"""Names of tensors → shape and type."""


class _Entry(Strict):
    dtype: Literal["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"]
    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=2**32)], ...], Field(max_length=8)]
    data_offsets: tuple[int, int]


class _Header(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Entry]

    told: dict[str, str] = Field(default_factory=dict, alias="__metadata__")


class Packed:
    """A safetensors file in an archive, of which only the header is read so far.

    Parameters
    ----------
    members : Members
    name : str

    Attributes
    ----------
    forms : dict
        What the header says of its tensors.
    data : plain data
        JSON that stands beside them.
    """

    def __init__(self, members: Members, name: str) -> None:
        self._name, (self._file, self._told) = name, members.stream(name)
        self._hash = hashlib.sha256()
        length = int.from_bytes(self._next(8), "little")
        if length > _MOST_HEADER_BYTES:
            raise Wrong(f"{name} is no safetensors file: its header has more than {_MOST_HEADER_BYTES:,} bytes")
        try:
            header = _Header.model_validate(loaded(self._next(length), name))
        except ValidationError:
            raise Wrong(f"{name} is no safetensors file: its header is another") from None
        entries = sorted((header.__pydantic_extra__ or {}).items(), key=lambda entry: entry[1].data_offsets)
        self.forms: Forms = {tensor: (entry.shape, _TYPES[entry.dtype]) for tensor, entry in entries}
        end = 0
        for (_, entry), form in zip(entries, self.forms.values(), strict=True):
            begin, end = end, end + bytes_of(form)
            if entry.data_offsets != (begin, end):
                raise Wrong(f"{name} is no safetensors file: its tensors do not lie one after another")
        if 8 + length + end != self._told.size:
            raise Wrong(f"{name} is no safetensors file: its size is not that of its tensors")
        self.data: Any = loaded(header.told.get("json", "{}").encode(errors="replace"), name)

    def read(self) -> dict[str, Tensor]:
        """Unpack its tensors, each into memory of its own; once, when it is seen that they are what they should be."""
        tensors = {}
        for tensor, (shape, dtype) in self.forms.items():
            tensors[tensor] = torch.empty(shape, dtype=dtype)
            self._fill(tensors[tensor].flatten().view(torch.uint8).numpy().data)
        if self._hash.hexdigest() != self._told.sha256:
            raise differs(self._name)
        return tensors

    def read_none(self) -> dict[str, Tensor]:
        """As `read`, of what is to have no tensors."""
        require(not self.forms, "there are tensors where there should be none")
        return self.read()

    def _next(self, size: int) -> bytes:
        content = bytearray(size)
        self._fill(memoryview(content))
        return bytes(content)

    def _fill(self, room: memoryview) -> None:
        with reading(self._name):
            while room:
                if not (read := self._file.readinto(room)):
                    raise EOFError("it is too short")
                self._hash.update(room[:read])
                room = room[read:]


def bytes_of(form: tuple[tuple[int, ...], torch.dtype]) -> int:
    """How many bytes a tensor has."""
    shape, dtype = form
    return math.prod(shape) * dtype.itemsize


def within(forms: Forms, largest: Forms) -> bool:
    """Whether tensors have the same names and types as others, and are nowhere larger."""
    return forms.keys() == largest.keys() and all(
        dtype == largest[name][1]
        and len(shape) == len(largest[name][0])
        and all(size <= most for size, most in zip(shape, largest[name][0], strict=True))
        for name, (shape, dtype) in forms.items()
    )


def forms_of(tensors: Mapping[str, Tensor]) -> Forms:
    """Shapes and types of tensors."""
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}


def equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether tensors have the same names and values."""
    return forms_of(one) == forms_of(other) and all(torch.equal(one[name], other[name]) for name in one)
