"""Artifacts: the immutable results of stages, found again by key. Imports no torch."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open

from clnp_core.errors import StoreError
from clnp_core.files import write_whole

_KEY = re.compile(r"[0-9a-f]{64}")
_MAX_HEADER_BYTES = 64 * 2**20
_Model = TypeVar("_Model", bound=BaseModel)


class Artifacts:
    """A folder of safetensors files, one per key; the JSON that goes with the tensors is in each file's header.

    A file stands under its name only when it is whole: it is written under another one and renamed. What was being
    written when a process died is left under that other name and swept away by `sweep`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """Where the artifact of that key is, or would be."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not the key of an artifact")
        return self.folder / key[:2] / f"{key}.safetensors"

    def checkpoint(self, key: str) -> Path:
        """Where a stage that is not finished keeps its checkpoint."""
        return self.path(key).with_suffix(".checkpoint")

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def keys(self) -> list[str]:
        """Keys of all artifacts there are."""
        return [path.stem for path in self.folder.glob("??/*.safetensors")]

    def write(self, key: str, content: bytes) -> None:
        """Keep an artifact, as `clnp_core.runs.store.artifacts.pack` made it."""
        write_whole(self.path(key), content)

    def data(self, key: str) -> dict[str, Any]:
        """The JSON of an artifact; its tensors are not read.

        Raises
        ------
        StoreError
            If the file is damaged.
        """
        path = self.path(key)
        try:
            with open(path, "rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                if length > _MAX_HEADER_BYTES:
                    raise ValueError("its header is too long")
                return json.loads(json.loads(file.read(length))["__metadata__"]["json"])
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise _damaged(path, error) from error

    def read(self, key: str, model: type[_Model]) -> _Model:
        """The result of a stage, one of `clnp_core.runs.fold.results.RESULTS`.

        Raises
        ------
        StoreError
            As `data`, or if it is of another form.
        """
        try:
            return model.model_validate(self.data(key))
        except ValidationError as error:
            raise _damaged(self.path(key), error) from error

    def arrays(self, key: str, name: str) -> list[np.ndarray]:
        """The tensors `name.0`, `name.1`, ... of an artifact; no others are read.

        Raises
        ------
        StoreError
            If the file is damaged, or not there.
        """
        path = self.path(key)
        try:
            with safe_open(path, framework="numpy") as file:
                count = sum(each.startswith(f"{name}.") for each in file.keys())  # noqa: SIM118 - no dictionary
                return [file.get_tensor(f"{name}.{place}") for place in range(count)]
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error

    def array(self, key: str, name: str) -> np.ndarray:
        """One tensor of an artifact; no others are read.

        Raises
        ------
        StoreError
            As `arrays`.
        """
        path = self.path(key)
        try:
            with safe_open(path, framework="numpy") as file:
                return file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error

    def remove(self, key: str) -> int:
        """Delete an artifact and its checkpoint. Returns the bytes freed."""
        freed = 0
        for path in (self.path(key), self.checkpoint(key)):
            if path.is_file():
                freed += path.stat().st_size
                path.unlink()
        return freed

    def sweep(self) -> None:
        """Delete what dead processes left half-written or no longer need. Only for when nobody else writes."""
        for part in self.folder.glob("**/*.part"):
            part.unlink(missing_ok=True)
        for checkpoint in self.folder.glob("??/*.checkpoint"):
            if checkpoint.stem in self:
                checkpoint.unlink(missing_ok=True)


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(f"The artifact {path} is damaged ({error}); remove it and run again.")


def metadata(data: Mapping[str, Any]) -> dict[str, str]:
    """The JSON of an artifact as the header of a safetensors file."""
    return {"json": json.dumps(data)}
