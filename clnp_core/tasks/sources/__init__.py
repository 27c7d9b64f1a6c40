"""Where image data sets come from: one file each, a `Source` of `clnp_core.tasks.sources.source`.

A file of this folder that defines `SOURCE` is a data set, under the file's name with hyphens; nothing else has to know
of it. Reading them imports no torch and fetches nothing.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from clnp_core.tasks.sources.source import Source


def _found() -> dict[str, Source]:
    modules = {info.name: import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)}
    return {name.replace("_", "-"): module.SOURCE for name, module in modules.items() if hasattr(module, "SOURCE")}


SOURCES = _found()
"""By the name of the data set, in alphabetical order."""
