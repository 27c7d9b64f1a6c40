"""A finished run that ships, so that a store without runs has something to look at and to move. Imports no torch.

Ten tasks of digits, at each of them nine candidates, kept as `clnp archive` writes a run. `python -m
clnp_core.lesson.ship_example` computes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

import safetensors.numpy

from clnp_core.runs.archive.file import LOGITS, RUN, opened
from clnp_core.runs.archive.forms import Told, environment_there, specification
from clnp_core.runs.fold.course import fold
from clnp_core.runs.fold.results import RESULTS, Candidate, Changed, Result
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.store import Run, Store
from clnp_core.runs.store.artifacts import metadata

FILE, TESTS = "example.zip", "example_tests.json"
"""The archive; and of each candidate the test accuracy at every θ of its curve, so that no worker has to be there."""

TAG = "example"
"""By this tag the run is known."""

_GIVEN = "example-given"
_NOTE = (
    "This run ships with the package: ten tasks of permuted digits, nine λ at each of them. Delete it whenever you "
    "like; it does not come back."
)


def is_all_of(runs: Sequence[Run]) -> bool:
    """Tell whether a store's runs are the example and nothing else."""
    return bool(runs) and all(TAG in run.tags for run in runs)


def give(store: Store) -> str | None:
    """Put the example into a store without runs, once: whoever deletes it does not get it again.

    What came with the package is as trusted as its code: results are not checked as those of an archive are. Otherwise
    it is a run that was imported, whose stages no run of one's own shares.

    Returns
    -------
    str or None
        Its id; None if the store has runs, or had it before.

    Raises
    ------
    ArchiveError
        If the file is not as it was.
    OSError, StoreError
        If the store cannot be written.
    """
    if store.runs():
        return None
    try:
        (store.location / _GIVEN).touch(exist_ok=False)
    except FileExistsError:
        return None
    files = resources.files("clnp_core.lesson")
    with resources.as_file(files / FILE) as path, opened(path) as members:
        spec, told, there = specification(members), members.json(RUN, Told), environment_there(members)
        parts: list[tuple[Stage, int, Result]] = []

        def taken(stage: Stage, candidate: int) -> Result:
            store.artifacts.write(stage.key, members.read(f"stages/{len(parts)}.safetensors"))
            result = store.artifacts.read(stage.key, RESULTS[stage.kind])
            if isinstance(result, Changed):
                network = members.read(f"networks/{result.network}.safetensors")
                store.artifacts.write(result.network, network)
            parts.append((stage, candidate, result))
            return result

        records = fold(spec, told.data, taken)
        for name, logits in safetensors.numpy.load(members.read(LOGITS)).items():
            store.artifacts.write(name, safetensors.numpy.save({"logits": logits}, metadata({})))
    summary = summarise(spec, records, told.seconds).model_copy(update={"environment": there})
    event = f"came with the package, learned on {there['processor']}"
    store.add_imported(told.run, spec, told.data, records, summary, parts, [TAG], _NOTE, event)
    fits = [(stage.key, result.curve) for stage, _, result in parts if isinstance(result, Candidate)]
    for (key, curve), tests in zip(fits, json.loads((files / TESTS).read_text("utf-8")), strict=True):
        store.put_pruned(key, "test", dict(zip((point.theta for point in curve), tests, strict=True)))
    return told.run
