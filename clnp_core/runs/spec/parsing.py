"""Parses plain data into a specification, or says in one sentence what is wrong and what would be right."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import ValidationError

from clnp_core.errors import SpecError
from clnp_core.methods import METHODS
from clnp_core.networks.architectures import Architecture, Conv, Dense, Pool
from clnp_core.runs.spec.own_settings import MethodSettings
from clnp_core.runs.spec.run import FineTuning, GradualPruning, RunSpec
from clnp_core.runs.spec.stream import KINDS, OwnSpec


def parse(data: dict[str, Any]) -> RunSpec:
    """Parse a specification from plain data.

    Raises
    ------
    SpecError
        If a field is wrong. The message names the first one, its value and what would be right.
    """
    try:
        return RunSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    problem = error.errors()[0]
    if problem["type"] == "recursion_loop":
        return "The specification is nested too deep; it should have fewer forks of forks."
    path = ".".join(_fields(problem["loc"]))
    if problem["type"] == "value_error":
        return f"{problem['ctx']['error']}."
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        names = _settings(problem["loc"])
        *group, word = path.split(".")
        close = nearest(word, names, ".".join([*group, ""])) if group else _nearest_setting(path, names)
        return f"There is no setting {path!r}{close}; there are {', '.join(names) or 'none'}."
    if problem["type"] in ("missing", "missing_argument"):
        return f"The setting {path!r} is missing."
    if problem["type"] == "union_tag_invalid":
        context = problem["ctx"]
        return f"{path}.kind = {shown(context['tag'])} is not possible: it should be {context['expected_tags']}."
    message = problem["msg"].replace("Input should", "it should", 1)
    return f"{path} = {shown(problem['input'])} is not possible: {message}."


_LAYERS: dict[str, type[Any]] = {"conv": Conv, "dense": Dense}


def _fields(place: tuple[int | str, ...]) -> Iterator[str]:
    """Yield the location of an error as a path, without the names of types and with hidden layers numbered from 1."""
    branches = {"stream": set(KINDS), "network": {"name", "own"}, "hidden": set(_LAYERS)}
    inside = ""
    for part in place:
        if inside == "hidden" and isinstance(part, int):
            yield str(part + 1)
        elif isinstance(part, str) and part not in branches.get(inside, ()) and not _is_type(part):
            yield part
            inside = part


def _is_type(part: str) -> bool:
    return "constrained" in part or "tuple" in part or part in ("float", "int")


def _settings(place: tuple[int | str, ...]) -> list[str]:
    """List the existing settings at the place of one that does not exist."""
    *inside, _ = place
    model: type[Any]
    match inside:
        case []:
            model = RunSpec
        case ["stream", str(kind)]:
            model = KINDS[kind]
        case ["fine_tuning"]:
            model = FineTuning
        case ["gradual"]:
            model = GradualPruning
        case ["settings"]:
            model = MethodSettings
        case ["settings", str(method)]:
            model = METHODS[method].Settings
        case [*_, "pool"]:
            model = Pool
        case [*_, "conv" | "dense" as kind]:
            model = _LAYERS[kind]
        case _:
            model = Architecture
    if is_dataclass(model):
        return [field.name for field in fields(model)]
    return [field.alias or name for name, field in model.model_fields.items()]


def setting_names() -> list[str]:
    """List the settings that can be changed by name, dotted. LAYER stands for a layer's number, or "output"."""
    inner: dict[str, Collection[str]] = {
        "stream": dict.fromkeys(name for kind in KINDS.values() if kind is not OwnSpec for name in kind.model_fields),
        "lambda": ["LAYER"],
        "fine_tuning": FineTuning.model_fields,
        "gradual": GradualPruning.model_fields,
        "grow": ["LAYER"],
        "layer_weights": ["LAYER"],
        **{name: METHODS[name].Settings.model_fields for name in MethodSettings.model_fields},
    }
    plain = [field.alias or name for name, field in RunSpec.model_fields.items() if name not in _NOT_BY_NAME]
    dotted = [f"{group}.{name}" for group, names in inner.items() for name in names]
    return [*(name for name in plain if name not in inner), *dotted]


_NOT_BY_NAME = ("settings", "fork_of", "at_task", "imported")


def _nearest_setting(word: str, names: list[str]) -> str:
    """Suggest a setting: one inside a group that has exactly this name, or else the most similar of all."""
    inside = {name.rpartition(".")[2]: name for name in reversed(setting_names()) if "." in name}
    if word in inside:
        return f" (did you mean {inside[word]!r}?)"
    close = difflib.get_close_matches(word.lower(), [*names, *inside], n=1)
    return f" (did you mean {inside.get(close[0], close[0])!r}?)" if close else ""


def shown(value: Any) -> str:
    """Show a value in a sentence, shortened."""
    try:
        text = json.dumps(value, default=str)
    except (ValueError, TypeError, RecursionError):
        return f"something of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(word: str, names: list[str], before: str = "") -> str:
    """Suggest the name most similar to the word: " (did you mean ...?)", or "" if none is similar.

    `before` is what stands before the name where it is given.
    """
    close = difflib.get_close_matches(word.lower(), names, n=1)
    return f" (did you mean {before + close[0]!r}?)" if close else ""
