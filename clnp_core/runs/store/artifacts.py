"""Artifacts: the immutable results of stages, stored by key, and read only if they are whole. Imports no torch."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open

from clnp_core.errors import DamagedError
from clnp_core.files import writing_whole
from clnp_core.runs.store import seal

_KEY = re.compile(r"[0-9a-f]{64}")
_SUFFIX, _UNFINISHED = ".safetensors", ".checkpoint"
_MOST_CHECKED = 2**16
_YOUNG_NS = 50_000_000
_Model = TypeVar("_Model", bound=BaseModel)


class Artifacts:
    """A folder of safetensors files, one per key, each with JSON and a seal in its header.

    A file is written under another name and renamed when it is complete. If a process dies while it writes, the
    partial file keeps the other name, and `sweep` deletes it.

    Every read checks the seal of the file first, once for as long as the file is not replaced or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """Return the path of a key's artifact, whether it exists or not."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not the key of an artifact")
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def checkpoint(self, key: str) -> Path:
        """Return the path of an unfinished stage's checkpoint."""
        return self.path(key).with_suffix(_UNFINISHED)

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def keys(self) -> list[str]:
        """List the keys of all artifacts and checkpoints."""
        return sorted(
            {
                path.stem
                for path in self.folder.glob("??/*")
                if path.suffix in (_SUFFIX, _UNFINISHED) and _KEY.fullmatch(path.stem)
            }
        )

    def write(self, key: str, content: bytes) -> None:
        """Write an artifact; `content` is a safetensors file with `metadata` in its header."""
        _write(self.path(key), key, content)

    def write_checkpoint(self, key: str, content: bytes) -> None:
        """Write an unfinished stage's checkpoint; `content` is a safetensors file."""
        _write(self.checkpoint(key), key, content)

    def read_checkpoint(self, key: str) -> bytes | None:
        """Read an unfinished stage's checkpoint; None if there is none that is whole."""
        path = self.checkpoint(key)
        with suppress(OSError, seal.Broken):
            seal.check(path, key)
            return path.read_bytes()
        return None

    def check(self, key: str) -> bool:
        """Check that an artifact is there and is what was written.

        Returns
        -------
        False if it is of an earlier version, and all that can be said is that it has the right form.

        Raises
        ------
        DamagedError
            If it is damaged or missing.
        """
        path = self.path(key)
        try:
            found = path.stat()
            state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            # A file so young could be written to again without a change of its times.
            checked = _checked.__wrapped__ if time.time_ns() - max(state[2:]) < _YOUNG_NS else _checked
            return checked(path, key, state)
        except FileNotFoundError:
            raise DamagedError(f"The artifact {path} is missing") from None
        except (OSError, seal.Broken) as error:
            raise _damaged(path, error) from error

    @staticmethod
    def forget() -> None:
        """Have every file checked again when it is next read, even if it was neither replaced nor written to."""
        _checked.cache_clear()

    def content(self, key: str) -> bytes:
        """Read the whole file of an artifact.

        Raises
        ------
        DamagedError
            As `check`.
        """
        with self._checked(key) as path:
            return path.read_bytes()

    def data(self, key: str) -> dict[str, Any]:
        """Read the JSON of an artifact without its tensors.

        Raises
        ------
        DamagedError
            As `check`.
        """
        with self._checked(key) as path, open(path, "rb") as file:
            return seal.data_of(seal.header_of(file))

    def read(self, key: str, model: type[_Model]) -> _Model:
        """The result of a stage, one of `clnp_core.runs.fold.results.RESULTS`.

        Raises
        ------
        DamagedError
            As `check`, or if it is of another form.
        """
        try:
            return model.model_validate(self.data(key))
        except ValidationError as error:
            raise _damaged(self.path(key), error) from error

    def arrays(self, key: str, name: str) -> list[np.ndarray]:
        """Read only the tensors `name.0`, `name.1`, ... of an artifact.

        Raises
        ------
        DamagedError
            As `check`.
        """
        with self._checked(key) as path, safe_open(path, framework="numpy") as file:
            count = sum(each.startswith(f"{name}.") for each in file.keys())  # noqa: SIM118 - no dictionary
            return [file.get_tensor(f"{name}.{place}") for place in range(count)]

    def array(self, key: str, name: str) -> np.ndarray:
        """Read only one tensor of an artifact.

        Raises
        ------
        DamagedError
            As `check`, or if there is no such tensor.
        """
        with self._checked(key) as path, safe_open(path, framework="numpy") as file:
            array: np.ndarray = file.get_tensor(name)
            return array

    @contextmanager
    def _checked(self, key: str) -> Iterator[Path]:
        """Check an artifact and give its path. What fails while it is read there is damage, too."""
        self.check(key)
        path = self.path(key)
        try:
            yield path
        except (SafetensorError, OSError, seal.Broken) as error:
            raise _damaged(path, error) from error

    def files(self, key: str) -> list[Path]:
        """List the files that there are of a key: its artifact and its checkpoint."""
        return [path for path in (self.path(key), self.checkpoint(key)) if path.is_file()]

    def remove(self, key: str) -> int:
        """Delete an artifact and its checkpoint, and return the bytes freed."""
        freed = 0
        for path in self.files(key):
            freed += path.stat().st_size
            path.unlink()
        return freed

    def partial(self) -> list[Path]:
        """List the files that are not complete, and, unless a process is writing them, never will be."""
        return list(self.folder.glob("**/*.part"))

    def sweep(self) -> None:
        """Delete partial files and unneeded checkpoints of dead processes. No other process may be writing."""
        for part in self.partial():
            part.unlink(missing_ok=True)
        for key in self.keys():
            if key in self:
                self.checkpoint(key).unlink(missing_ok=True)


@lru_cache(_MOST_CHECKED)
def _checked(path: Path, key: str, state: tuple[int, ...]) -> bool:
    """Check a file; `state` changes when it is replaced or written to."""
    return seal.check(path, key)


def _write(path: Path, key: str, content: bytes) -> None:
    with writing_whole(path) as file:
        for part in seal.sealed(key, content):
            file.write(part)


def _damaged(path: Path, error: Exception) -> DamagedError:
    return DamagedError(f"The artifact {path} is damaged ({error})")


def metadata(data: Mapping[str, Any]) -> dict[str, str]:
    """Encode the JSON of an artifact as the header of a safetensors file."""
    return {"json": json.dumps(data)}
