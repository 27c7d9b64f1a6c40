"""The forms that the JSON of an archive must have: results, the specification, and where it was learned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from clnp_core.errors import SpecError
from clnp_core.methods import METHODS
from clnp_core.runs.archive.file import ENVIRONMENT, SPEC, Digest, Members, Wrong, loaded, require
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.spec.stream import Strict


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it has characters that cannot be shown")
    return text


def _printable_lines(text: str) -> str:
    return "\n".join(map(_printable, text.split("\n")))


_Text = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
_Natural = Annotated[int, Field(ge=0, le=2**31)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Kind(Strict):
    processor: _Text
    capability: _Text
    torch: _Text
    sample: _Text


class _Machine(_Kind):
    threads: _Natural


class Result(Strict):
    """What every stage says of itself."""

    seconds: _Positive
    machine: _Machine


class Told(Strict):
    """What an archive says of its run, beside the specification."""

    run: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,59}-[0-9a-f]{6}$")]
    data: Digest
    seconds: _Positive
    tags: Annotated[list[Annotated[_Text, Field(max_length=40)]], Field(max_length=100)]
    note: Annotated[str, Field(max_length=4000), AfterValidator(_printable_lines)]
    archived: date


class _Epoch(Strict):
    epoch: Annotated[int, Field(ge=1, le=10_000)]
    loss: float
    validation_accuracy: _Share
    seconds: _Positive


_Epochs = Annotated[list[_Epoch], Field(max_length=10_000)]


class _Point(Strict):
    theta: list[_Positive]
    accuracy: _Share
    claimed: list[_Natural]


class _Choice(Strict):
    candidate: _Natural
    point: _Point
    floor: _Number
    within_margin: bool


class _Candidate(Result):
    accuracy: _Share | None
    curve: Annotated[list[_Point], Field(max_length=10_000)]
    hyperparameters: dict[str, Any]
    pruned: _Choice | None
    epochs: _Epochs


class _Alone(Result):
    accuracy: _Share
    epochs: _Epochs


class _Fingerprint(Strict):
    layers: list[Digest]
    logits: Digest
    compact: Digest
    kind: _Kind


class _Grown(Result):
    network: Digest
    fingerprints: list[_Fingerprint]


class _Record(Strict):
    task: int
    validation_accuracy: _Share
    theta: list[_Positive]
    claimed: list[_Natural]
    reused: list[_Natural]
    notes: Annotated[list[_Text], Field(max_length=20)]
    lambda_: Annotated[list[_Positive], Field(alias="lambda")]
    learning_rate: _Positive
    accuracy: list[_Share]
    widths: list[_Natural]
    free: list[_Natural]
    fingerprint: Digest | None
    rounded: list[_Natural]


class _Settled(Result):
    network: Digest
    candidate: _Natural
    hyperparameters: dict[str, Any]
    fingerprints: list[_Fingerprint]
    record: _Record


RESULTS: dict[str, type[Result]] = {
    "stream": Result,
    "fit": _Candidate,
    "tune": _Candidate,
    "alone": _Alone,
    "grow": _Grown,
    "settle": _Settled,
}
"""The form of each kind of stage's result."""


def of_archive(data: dict[str, Any], archive: str | None) -> dict[str, Any]:
    """A specification, and those it is a fork of, as those of a run that came in an archive; None: that did not.

    Without the settings of other methods, which another machine may not have.
    """
    fork_of, settings = data.get("fork_of"), data.get("settings", {})
    own = {name: value for name, value in settings.items() if name == data.get("method")}
    return data | {"imported": archive, "fork_of": fork_of and of_archive(fork_of, archive), "settings": own}


def specification(members: Members) -> RunSpec:
    """Read the specification of the run."""
    data = loaded(members.read(SPEC), SPEC)
    require(isinstance(data, dict), f"{SPEC} is no specification")
    try:
        require(all(map(str.isprintable, _strings(data))), f"{SPEC} has characters that cannot be shown")
        if "method" in data and data["method"] not in METHODS:
            name = str(data["method"])[:80]
            raise Wrong(f"{SPEC}: the method {name} is not here; put its file into clnp_core/methods")
        spec = parse(of_archive(data, members.digest))
    except SpecError as error:
        raise Wrong(f"{SPEC}: {str(error).rstrip('.')}") from None
    except (AttributeError, TypeError, RecursionError):
        raise Wrong(f"{SPEC} is no specification") from None
    return spec


def _strings(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case dict():
            for name, value in data.items():
                yield from _strings(name)
                yield from _strings(value)
        case list():
            for value in data:
                yield from _strings(value)


def environment_there(members: Members) -> dict[str, Any]:
    """Read where the run was learned."""
    data = loaded(members.read(ENVIRONMENT), ENVIRONMENT)
    plain = isinstance(data, dict) and len(data) <= 50 and all(isinstance(each, str | int) for each in data.values())
    shown = plain and all(text.isprintable() and len(text) <= 200 for text in _strings(data))
    known = plain and all(isinstance(data.get(name), str) for name in ("processor", "system", "torch"))
    require(shown and known, f"{ENVIRONMENT} does not say where it was learned")
    environment: dict[str, Any] = data
    return environment
