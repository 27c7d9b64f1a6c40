"""Specifications of runs as validated data. Imports no torch."""

from clnp_core.runs.spec.changes import (
    changed,
    fork,
    of_archive,
    parse_assignment,
    preset,
    preset_names,
    specified,
)
from clnp_core.runs.spec.own_run import own_network, own_run
from clnp_core.runs.spec.parsing import parse, setting_names
from clnp_core.runs.spec.run import OUTPUT, FineTuning, RunSpec

__all__ = [
    "OUTPUT",
    "FineTuning",
    "RunSpec",
    "changed",
    "fork",
    "of_archive",
    "own_network",
    "own_run",
    "parse",
    "parse_assignment",
    "preset",
    "preset_names",
    "setting_names",
    "specified",
]
