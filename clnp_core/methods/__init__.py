"""Continual-learning methods: one file each, behind the interface of `clnp_core.methods.method`.

A file in this folder that defines `METHOD` is a method with the file's name; it needs no other registration. Importing
methods imports no torch, because specifications and the app read their capabilities and settings.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from clnp_core.methods.method import Method


def _found() -> dict[str, Method]:
    modules = {info.name: import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)}
    methods = {name: module.METHOD for name, module in modules.items() if hasattr(module, "METHOD")}
    return dict(sorted(methods.items(), key=lambda item: (item[1].place, item[0])))


METHODS = _found()
"""By name."""

REFERENCE = "single"
"""The method that trains a task by itself, for comparison with the others."""
