"""torch, imported at its first use.

The dashboard and most commands only read specifications, stores and the settings of methods, and never wait for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


class _Lazy:
    """A stand-in for a module that imports it when an attribute is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        module = import_module(self._name)
        self.__dict__.update(vars(module))  # so that later reads find them at once
        return getattr(module, attribute)


if TYPE_CHECKING:
    import torch
    from torch.nn import functional
else:
    torch = _Lazy("torch")
    functional = _Lazy("torch.nn.functional")

__all__ = ["functional", "torch"]
