"""Finished runs of the paper's experiments as small files, so that RESULTS.md can be written without their stores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clnp_core.errors import SpecError
from clnp_core.files import write_whole
from clnp_core.runs.fold.results import Data, Summary
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Store


class Kept(Data):
    """What the report needs of a finished run.

    Attributes
    ----------
    id : str
    spec : RunSpec
    data : str or None
        SHA-256 of the data that it learned.
    finished : float
        Seconds since 1970.
    training : float
        Seconds of its epochs.
    summary : Summary
    """

    id: str
    spec: RunSpec
    data: str | None
    finished: float
    training: float
    summary: Summary

    def to_json(self) -> dict[str, Any]:
        """As `Data.to_json`, the specification whole."""
        return super().to_json() | {"spec": self.spec.to_json()}


def finished_in(store: Store) -> list[Kept]:
    """The finished runs of a store."""
    return [
        Kept(
            id=run.id,
            spec=run.spec,
            data=run.data,
            finished=run.finished,
            training=sum(epoch["seconds"] for epoch in store.epochs(run.id)),
            summary=run.summary,
        )
        for run in store.runs()
        if run.state == "finished" and run.finished is not None and run.summary is not None
    ]


def read(folder: Path) -> list[Kept]:
    """The runs that `write` kept in a folder.

    Raises
    ------
    SpecError
        If a file is not what `write` writes.
    """
    kept = []
    for file in sorted(folder.glob("*.json")):
        try:
            kept.append(Kept.model_validate_json(file.read_bytes()))
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False, include_context=False, include_input=False)
            place = ".".join(map(str, first["loc"])) or "all of it"
            raise SpecError(
                f"{file} is not a run as `make results` keeps it: {place} is wrong ({first['msg']}); remove the "
                "file, or take it back from the repository."
            ) from error
    return kept


def write(runs: Iterable[Kept], folder: Path) -> None:
    """Keep runs in a folder, a file each. The same run gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for run in runs:
        content = json.dumps(run.to_json(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        write_whole(folder / f"{run.id}.json", f"{content}\n".encode())
