"""A run as one file, that another machine takes in and checks.

An archive is a zip of JSON and safetensors: what was asked for, and the result of each stage in the order of the fold.
It says nothing of what a stage is or by which key it is found. Whoever reads it derives that from the specification and
the results before, as the engine does.

Whoever wrote it may lie. Names, numbers and sizes of its members are checked before they are read, results before they
are kept; nothing is unpickled, and what is kept is written anew from what was checked. With the data at hand all but
the trainings is computed again: choosing, pruning, committing, fingerprints where the method promises that nothing is
forgotten, and accuracies. A training cannot be checked in less than its own time. Therefore no run of one's own ever
finds what came in an archive: its stages have the archive's SHA-256 among their inputs, and with it keys that no stage
of one's own can have. Only a fork of the imported run shares them, and what it learns anew is its own. A network has
the hash of its content for a key, which is computed again.
"""

from __future__ import annotations

import itertools
import os
import secrets
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from clnp_core.errors import SpecError, StoreError
from clnp_core.files import ending
from clnp_core.machine import environment
from clnp_core.runs.archive.file import ENVIRONMENT, LOGITS, RUN, SPEC, as_json, opened, pack
from clnp_core.runs.archive.incoming import Incoming
from clnp_core.runs.fold.course import fold
from clnp_core.runs.fold.results import RESULTS, Changed, Result
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import of_archive
from clnp_core.runs.store import Store
from clnp_core.runs.store.artifacts import Artifacts

_IMPORTED_TAG = "imported"


@dataclass(frozen=True)
class Imported:
    """A run that was taken in.

    Attributes
    ----------
    run : str
        Its id here.
    verdict : str
        What was verified, and how.
    """

    run: str
    verdict: str


def check_name(path: Path) -> None:
    """See that an archive can be written under that name.

    Raises
    ------
    SpecError
        If it does not end in .zip.
    """
    if ending(path, ".zip") != ".zip":
        raise SpecError(f"{path} is no name for an archive; give one that ends in .zip.")


def write(store: Store, run: str, path: Path) -> None:
    """Write a finished run as one file.

    The logits behind each fingerprint are part of it, so that a machine that rounds in another way can compare them.

    Raises
    ------
    SpecError
        If the name does not end in .zip.
    StoreError
        If there is no such run, it is not finished, a result is missing or damaged, it is too large, or the file cannot
        be written.
    """
    check_name(path)
    asked = store.run(run)
    spec = asked.spec
    if asked.state != "finished" or asked.summary is None:
        raise StoreError(f"The run {run} is {asked.state}; only one that is finished can be archived.")
    members: dict[str, bytes | Path] = {}
    logits: dict[str, Tensor] = {}
    places = itertools.count()

    def found(stage: Stage, candidate: int) -> Result:
        def there(key: str) -> Path:
            store.artifacts.check(key)
            return store.artifacts.path(key)

        members[f"stages/{next(places)}.safetensors"] = there(stage.key)
        result = store.artifacts.read(stage.key, RESULTS[stage.kind])
        if isinstance(result, Changed):
            members[f"networks/{result.network}.safetensors"] = there(result.network)
            for taken in result.fingerprints:
                logits[taken.logits] = torch.from_numpy(store.artifacts.array(taken.logits, "logits"))
        return result

    data_digest = store.stage(store.drawn(run)).inputs["stream"]["digest"]
    fold(spec, data_digest, found)
    written = {
        SPEC: as_json(of_archive(spec.to_json(), None)),
        RUN: as_json(
            {
                "run": run,
                "data": data_digest,
                "seconds": asked.summary.seconds,
                "tags": list(asked.tags),
                "note": asked.note,
                "archived": date.today().isoformat(),
                **({"name": asked.name} if asked.name else {}),  # which an earlier version does not know
            }
        ),
        ENVIRONMENT: as_json(asked.summary.environment or environment()),
        LOGITS: safetensors.torch.save(logits),
    }
    pack(path, {**members, **written})


def read(store: Store, path: Path) -> Imported:
    """Take in a run that `write` wrote, perhaps elsewhere, perhaps by somebody else. All of it is checked before.

    Its id is the one it had, unless a run here has that. A tag and an event say that it was imported.

    Raises
    ------
    ArchiveError
        If the file is not there, is damaged, is no archive, or does not hold what it says; the store is as it was.
    StoreError
        If it was imported before, or the store cannot be written.
    """
    with opened(path) as members:
        known = next((run.id for run in store.runs() if run.spec.imported == members.digest), None)
        if known:
            raise StoreError(f"{path} has been imported already: it is the run {known}.")
        with tempfile.TemporaryDirectory(dir=store.location, prefix="import-") as scratch:
            incoming = Incoming(members, Artifacts(Path(scratch)))
            verdict = incoming.check()
            return _keep(store, incoming, verdict)


def _keep(store: Store, incoming: Incoming, verdict: str) -> Imported:
    """Move what was checked into the store: artifacts first, then what leads to them, at once."""
    spec, told = incoming.spec, incoming.told
    run = told.run
    here = [other.id for other in store.runs()]
    name = "" if told.name in here else told.name
    if run in here:
        run = f"{spec.preset}-{secrets.token_hex(3)}"
    where = incoming.here if incoming.elsewhere else incoming.there
    summary = summarise(spec, incoming.records, told.seconds).model_copy(update={"environment": where})
    event = f"imported, archived on {told.archived} as {told.run}, learned on {incoming.there['processor']}; {verdict}"
    new = []
    try:
        for key in incoming.artifacts.keys():  # noqa: SIM118 - no dictionary
            target = store.artifacts.path(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                new.append(target)
            os.replace(incoming.artifacts.path(key), target)
        tags = dict.fromkeys([_IMPORTED_TAG, *told.tags])
        store.add_imported(
            run, spec, told.data, incoming.records, summary, incoming.parts, list(tags), told.note, event, name
        )
    except BaseException as error:
        for target in new:
            target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreError(f"The store {store.location} cannot be written: {error.strerror or error}.") from error
        raise
    return Imported(run, verdict)
