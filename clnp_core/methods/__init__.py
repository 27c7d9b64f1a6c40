"""Continual-learning methods: one file each, behind the interface of `clnp_core.methods.method`.

A file of this folder that defines `METHOD` is a method, under the file's name; nothing else has to know of it. Reading
them imports no torch: specifications and the app ask methods what they are, and what settings they have.
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
