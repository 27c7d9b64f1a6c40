"""The forms that the JSON of an archive must have, besides results: the specification, and where it was learned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from clnp_core.bounds import Digest, Positive, Text, printable
from clnp_core.errors import SpecError
from clnp_core.methods import METHODS
from clnp_core.runs.archive.file import ENVIRONMENT, SPEC, Members, Wrong, loaded, require
from clnp_core.runs.spec import RunSpec, of_archive, parse
from clnp_core.runs.spec.stream import Strict
from clnp_core.runs.store.requests import MOST_NAME_LETTERS


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


class Told(Strict):
    """What an archive says of its run, beside the specification."""

    run: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,59}-[0-9a-f]{6}$")]
    data: Digest
    seconds: Positive
    tags: Annotated[list[Annotated[Text, Field(max_length=40)]], Field(max_length=100)]
    note: Annotated[str, Field(max_length=4000), AfterValidator(_printable_lines)]
    archived: date
    name: Annotated[Text, Field(max_length=MOST_NAME_LETTERS)] = ""


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
