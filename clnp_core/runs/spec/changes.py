"""Makes specifications from others: from presets, by forks, and by changing settings by name."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from clnp_core.errors import SpecError
from clnp_core.networks.architectures import Architecture
from clnp_core.runs.spec.own_settings import MethodSettings
from clnp_core.runs.spec.parsing import nearest, parse, shown
from clnp_core.runs.spec.run import RunSpec
from clnp_core.runs.spec.stream import of_kind

_DEFAULT = "digits"
_MOST_BYTES = 2**20
_GET_ONE = "get one with: clnp show RUN --spec"


def preset_names() -> list[str]:
    """List the names of the presets that ship with the package, the default first."""
    return list(_preset_files())


@cache
def _preset_files() -> dict[str, dict[str, Any]]:
    folder = resources.files("clnp_core.runs.spec") / "presets"
    files = [json.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]

    def place(data: dict[str, Any]) -> tuple[Any, ...]:
        return data["preset"] != _DEFAULT, data["stream"]["kind"], data["network"], data["preset"]

    return {data["preset"]: data for data in sorted(files, key=place)}


def preset(name: str, changes: dict[str, Any] | None = None) -> RunSpec:
    """Load a preset and change some of its settings.

    Parameters
    ----------
    name : str
    changes : dict
        Dotted path → value: {"margin": 0.02, "lambda.1": [1e-3, 2e-3], "stream.tasks": 3}.

    Raises
    ------
    SpecError
        If there is no such preset or setting, or the value is impossible.
    """
    presets = _preset_files()
    if not isinstance(name, str) or name not in presets:
        raise SpecError(
            f"There is no preset {name!r}{nearest(str(name), list(presets))}; there are {', '.join(presets)}."
        )
    return fitted(parse(_changed(presets[name], changes or {})))


def changed(spec: RunSpec, changes: dict[str, Any]) -> RunSpec:
    """Change some settings of a specification; see `preset`."""
    return fitted(parse(_changed(spec.to_json(), changes)))


def fitted(spec: RunSpec) -> RunSpec:
    """Leave out those outputs of a network of one's own for which the stream has no class.

    Specifications that are stored or archived are left as they were learned.
    """
    if not isinstance(spec.network, Architecture):
        return spec
    network = spec.network.with_outputs(spec.stream.classes, spec.stream.class_counts)
    return spec.model_copy(update={"network": network})


def specified(name: str | os.PathLike[str], changes: dict[str, Any] | None = None) -> RunSpec:
    """Load a preset, or a specification from a file, and change some of its settings; see `preset`.

    Parameters
    ----------
    name : str or path
        Name of a preset, or path of a JSON file as `RunSpec.to_json` or `Run.to_json` gives it: it ends in .json or has
        a slash.
    changes : dict

    Raises
    ------
    SpecError
        As `preset`, or if the file cannot be read or holds no specification.
    """
    if isinstance(name, os.PathLike):
        name = str(Path(name).absolute())
    if not isinstance(name, str) or not (name.lower().endswith(".json") or "/" in name):
        return preset(name, changes)
    # What it learns is its own, even where the file tells of a run that came in an archive.
    data = _read(name)
    data = (data["spec"] if isinstance(data.get("spec"), dict) else data) | {"imported": None}
    try:
        return fitted(parse(_changed(data, changes or {})))
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from None
    except (AttributeError, TypeError, RecursionError):
        raise SpecError(f"{name} is no specification of a run; {_GET_ONE}.") from None


def _read(name: str) -> dict[str, Any]:
    try:
        with open(name, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(content) > _MOST_BYTES:
        raise SpecError(f"{name} is too large for the specification of a run: more than {_MOST_BYTES:,} bytes.")
    try:
        data = json.loads(content, object_pairs_hook=_each_once)
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{name} is not JSON ({error}); {_GET_ONE}.") from None
    if not isinstance(data, dict):
        raise SpecError(f"{name} is no specification of a run; {_GET_ONE}.")
    return data


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON file. Of a setting that is there twice it is not known which one is meant."""
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"{twice!r} is there twice; give it once.")
    return data


def fork(spec: RunSpec, at_task: int, changes: dict[str, Any]) -> RunSpec:
    """Fork a specification: share tasks 1 to `at_task` - 1 with it, then continue with some settings changed.

    Raises
    ------
    SpecError
        If a setting is impossible or cannot be changed by a fork.
    """
    # The tasks it learns itself come from no archive, even if those it shares do.
    data = spec.to_json() | {"fork_of": spec.to_json(), "at_task": at_task, "imported": None}
    if spec.grow_below is None and at_task != spec.at_task:
        data["grow"] = {}  # a layer that grew once does not grow again
    return parse(_changed(data, changes))


_GROUPS = ("stream", "lambda", "fine_tuning", "gradual", "grow", "layer_weights")


def _changed(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(data)
    if not isinstance(changes, Mapping) or not all(isinstance(path, str) for path in changes):
        raise SpecError(f"changes = {shown(changes)} is not possible: give a dict, such as {{'margin': 0.02}}.")
    # A stream's kind first: by it there are the other settings.
    for path, value in sorted(changes.items(), key=lambda change: change[0] != "stream.kind"):
        if path == "imported" and value is not None:
            raise SpecError("imported: no setting can make a run an imported one; take an archive in with clnp import.")
        group, dot, name = path.rpartition(".")
        if not dot:
            data[name] = value
            continue
        if group in MethodSettings.model_fields:
            own = data.get("settings") or {}
            data["settings"] = own | {group: (own.get(group) or {}) | {name: value}}
            continue
        if not isinstance(data.get(group) or {}, dict):
            raise SpecError(f"{group} = {shown(data[group])} has no setting {name!r}; give one or the other.")
        if group not in _GROUPS or (group == "lambda" and name not in data["lambda"]):
            known = [f"{key}.{inner}" for key in _GROUPS for inner in data.get(key) or ()]
            raise SpecError(f"There is no setting {path!r}{nearest(path, known)}; there are {', '.join(known)}.")
        before = data.get(group) or {}
        data[group] = of_kind(before, value) if path == "stream.kind" else before | {name: value}
    return data


def from_first_task(spec: RunSpec) -> dict[str, Any]:
    """Return a specification, as data, of a run that learns every task by these settings and is no fork."""
    data = spec.to_json() | {"fork_of": None, "at_task": None, "imported": None}
    # A fork grows once, between two of its tasks; a run that is no fork cannot.
    return data | {"grow": {}} if spec.fork_of and spec.grow_below is None else data


def of_archive(data: dict[str, Any], archive: str | None) -> dict[str, Any]:
    """A specification, and those it is a fork of, as those of a run that came in an archive; None: that did not.

    Without the settings of other methods, which another machine may not have.
    """
    fork_of, settings = data.get("fork_of"), data.get("settings", {})
    own = {name: value for name, value in settings.items() if name == data.get("method")}
    return data | {"imported": archive, "fork_of": fork_of and of_archive(fork_of, archive), "settings": own}


def parse_assignment(text: str) -> tuple[str, Any]:
    """Parse `key=value` from a command line: numbers, JSON, `a,b,c` for several values, else text.

    >>> parse_assignment("lambda.1=1e-3,2e-3")
    ('lambda.1', [0.001, 0.002])

    Raises
    ------
    SpecError
        If there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SpecError(f"{text!r} is not a setting; write key=value, such as margin=0.02.")
    return key.strip(), _value(value.strip())


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or numbers too long and lists too deep to be read
        return [_value(part.strip()) for part in text.split(",")] if "," in text else text
