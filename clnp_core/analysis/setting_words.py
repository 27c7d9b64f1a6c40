"""Settings of specifications in words, and what two of them set otherwise. Imports no torch.

A specification is plain data here, as `RunSpec.to_json` returns it, and a setting is named by its dotted path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from clnp_core.methods import METHODS
from clnp_core.printing import brief

# The source of a specification, and what tells a group's runs apart.
_NO_SETTINGS = ("preset", "about", "seed", "stream.seed", "for_comparison")
FIRST = "method"
"""The setting that is told first."""
# Without effect on a method that does not prune, and on one that claims no neurons.
_OF_PRUNING = ("lambda", "pruning", "gradual", "theta_mode", "layer_weights", "theta", "margin", "fine_tuning")
_OF_PARTITIONS = ("grow", "grow_below")
_NAMES = {
    "lambda": "λ",
    "margin": "m (points)",
    "theta": "θ",
    "single_task": "each task alone",
    "fork_of": "earlier tasks",
    "at_task": "from task",
    "stream.seed": "stream seed",
    "stream.digest": "data",
    "stream.share": "share permuted",
    "stream.degrees": "degrees a task",
}
_UNSET = {
    "seed": "any",  # of groups of which no seed is fixed
    "stream.seed": "as seed",
    "stream.class_order": "as numbered",
    "stream.share": "1",
    "gradual.start_width": "all",
    "layer_weights": "none",
    "theta": "the highest within m",
    "patience": "none",
    "fine_tuning": "none",
    "grow": "none",
    "grow_below": "never",
    "imported": "no",
}
"""What holds where a setting is None."""


def setting_name(path: str) -> str:
    """Name a setting in words: "λ 2" for "lambda.2"."""
    group, _, inner = path.partition(".")
    if group == "stream":
        return _NAMES.get(path) or inner.replace("_", " ")
    return f"{_NAMES.get(group, group.replace('_', ' '))} {inner.replace('_', ' ')}".strip()


def setting_value(path: str, value: Any) -> str:
    """Write a setting's value in words: a margin in percentage points, what holds where it is None, or else a dash."""
    if value is None and path in _UNSET:
        return _UNSET[path]
    return in_words(round(100 * value, 6) if path == "margin" and value is not None else value)


def in_words(value: Any) -> str:
    """Write a value of any setting in words: a dash for None."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return str(value.get("name", value))
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    return brief(value) if isinstance(value, float) else str(value)


def flattened(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a specification to dotted paths, without the seed. For a fork, say in words what differed before it."""
    own = own_settings(spec)
    *earlier, (last, _) = stretches(spec)
    if earlier:
        ends = [first - 1 for first, _ in earlier[1:]] + [last - 1]
        told = [different(each, spec, ("at_task", "stream.tasks")) or "as later ones" for _, each in earlier]
        tasks = [_tasks(first, end) for (first, _), end in zip(earlier, ends, strict=True)]
        own["fork_of"] = told[0] if len(told) == 1 else "; ".join(map(": ".join, zip(tasks, told, strict=True)))
    return own


def different(spec: Mapping[str, Any], other: Mapping[str, Any], but: Collection[str] = ()) -> str:
    """Say in words what a specification sets otherwise than another, each as plain data; nothing where they agree.

    Seeds, and the dotted paths in `but`, are left out.
    """
    own, others = own_settings(spec), own_settings(other)
    paths = [path for path in own | others if own.get(path) != others.get(path)]
    # A group of settings that one has and the other has not is told as one.
    told = dict.fromkeys(path if path in own else path.partition(".")[0] for path in paths if path not in but)
    return ", ".join(f"{setting_name(path)} = {setting_value(path, own.get(path))}" for path in told)


def stretches(spec: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """The first task of each stretch of tasks for which a specification holds, and that, in the order of the tasks."""
    if not spec.get("fork_of"):
        return [(1, spec)]
    earlier = [(first, each) for first, each in stretches(spec["fork_of"]) if first < spec["at_task"]]
    return [*earlier, (spec["at_task"], spec)]


def _tasks(first: int, last: int) -> str:
    return f"task {first}" if first == last else f"tasks {first} to {last}"


def own_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a specification without what it is a fork of, its seeds, and settings without effect on its method."""
    told = (name for name in spec if name not in (*_NO_SETTINGS, "fork_of", "settings"))
    names = [name for name in told if has_effect(name, spec[FIRST])]
    own = _flat(spec[FIRST], spec.get("settings", {}).get(spec[FIRST], {}))
    flat = (*(each for name in names for each in _flat(name, spec[name])), *own)
    return {path: value for path, value in flat if path not in _NO_SETTINGS}


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict) and name != "network":
        return [(f"{name}.{inner}", each) for inner, each in value.items()]
    return [(name, value)]


def has_effect(path: str, method: str) -> bool:
    """Tell whether a setting has an effect on a method."""
    name, about = path.partition(".")[0], METHODS.get(method)
    if about is None or name in METHODS:  # from elsewhere, of which only the name is known; or of a single method
        return path == FIRST or name == method
    return (about.prunes or name not in _OF_PRUNING) and (about.partitions or name not in _OF_PARTITIONS)
