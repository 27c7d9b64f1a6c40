"""A run as one file, that another machine takes in and checks. Imports torch only for that."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clnp_core.runs.archive.run import Imported, check_name, read, write

__all__ = ["Imported", "check_name", "read", "write"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("clnp_core.runs.archive.run"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
