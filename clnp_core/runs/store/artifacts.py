"""Artifacts: the immutable results of stages, stored by key. Imports no torch."""

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
    """A folder of safetensors files, one per key, each with JSON in its header.

    A file is written under another name and renamed when it is complete. If a process dies while it writes, the
    partial file keeps the other name, and `sweep` deletes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """Return the path of a key's artifact, whether it exists or not."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not the key of an artifact")
        return self.folder / key[:2] / f"{key}.safetensors"

    def checkpoint(self, key: str) -> Path:
        """Return the path of an unfinished stage's checkpoint."""
        return self.path(key).with_suffix(".checkpoint")

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def keys(self) -> list[str]:
        """List the keys of all artifacts."""
        return [path.stem for path in self.folder.glob("??/*.safetensors")]

    def write(self, key: str, content: bytes) -> None:
        """Write an artifact; `content` is a safetensors file with `metadata` in its header."""
        write_whole(self.path(key), content)

    def data(self, key: str) -> dict[str, Any]:
        """Read the JSON of an artifact without its tensors.

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
                data: dict[str, Any] = json.loads(json.loads(file.read(length))["__metadata__"]["json"])
                return data
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
        """Read only the tensors `name.0`, `name.1`, ... of an artifact.

        Raises
        ------
        StoreError
            If the file is damaged or missing.
        """
        path = self.path(key)
        try:
            with safe_open(path, framework="numpy") as file:
                count = sum(each.startswith(f"{name}.") for each in file.keys())  # noqa: SIM118 - no dictionary
                return [file.get_tensor(f"{name}.{place}") for place in range(count)]
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error

    def array(self, key: str, name: str) -> np.ndarray:
        """Read only one tensor of an artifact.

        Raises
        ------
        StoreError
            If the file is damaged or missing.
        """
        path = self.path(key)
        try:
            with safe_open(path, framework="numpy") as file:
                array: np.ndarray = file.get_tensor(name)
                return array
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error

    def remove(self, key: str) -> int:
        """Delete an artifact and its checkpoint, and return the bytes freed."""
        freed = 0
        for path in (self.path(key), self.checkpoint(key)):
            if path.is_file():
                freed += path.stat().st_size
                path.unlink()
        return freed

    def sweep(self) -> None:
        """Delete partial files and unneeded checkpoints of dead processes. No other process may be writing."""
        for part in self.folder.glob("**/*.part"):
            part.unlink(missing_ok=True)
        for checkpoint in self.folder.glob("??/*.checkpoint"):
            if checkpoint.stem in self:
                checkpoint.unlink(missing_ok=True)


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(f"The artifact {path} is damaged ({error}); remove it and run again.")


def metadata(data: Mapping[str, Any]) -> dict[str, str]:
    """Encode the JSON of an artifact as the header of a safetensors file."""
    return {"json": json.dumps(data)}
