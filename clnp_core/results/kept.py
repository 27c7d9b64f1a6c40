"""Runs of the paper's experiments as small files, so that RESULTS.md can be written without their stores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clnp_core.errors import SpecError
from clnp_core.files import write_whole
from clnp_core.runs.fold.results import Data, Summary
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store


class Kept(Data):
    """What the report needs of a run that has learned a task at least.

    Attributes
    ----------
    id : str
    spec : RunSpec
    data : str or None
        SHA-256 of the data that it learned.
    finished : float
        Seconds since 1970; of a run that has not finished, when the last thing is known of it.
    training : float
        Seconds of its epochs.
    summary : Summary
        Of a run that has not finished, of the tasks that it has learned.
    is_finished : bool
    """

    id: str
    spec: RunSpec
    data: str | None
    finished: float
    training: float
    summary: Summary
    is_finished: bool = True

    def to_json(self) -> dict[str, Any]:
        """As `Data.to_json`, the specification whole."""
        return super().to_json() | {"spec": self.spec.to_json()}


def kept_of(store: Store) -> list[Kept]:
    """The runs of a store that have learned a task at least. Those that learn all at once count once they finish."""
    learned = store.learned_tasks()
    return [_kept(store, run) for run in store.runs() if run.summary or (run.id in learned and not run.spec.at_once)]


def _kept(store: Store, run: Run) -> Kept:
    return Kept(
        id=run.id,
        spec=run.spec,
        data=run.data,
        finished=run.finished or max((time for time, _ in store.events(run.id)), default=run.created),
        training=sum(epoch["seconds"] for epoch in store.epochs(run.id)),
        summary=run.summary or summarise(run.spec, store.learned(run.id), run.seconds),
        **({} if run.summary else {"is_finished": False}),  # a file of a finished run does not say so
    )


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
