"""torch, imported when something of it is first used.

What only reads specifications, stores and the settings of methods (the app, most commands) never waits for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


class _Lazy:
    """Stands for a module until one of its attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        module = import_module(self._name)
        self.__dict__.update(vars(module))  # from now on found at once
        return getattr(module, attribute)


if TYPE_CHECKING:
    import torch
    from torch.nn import functional
else:
    torch = _Lazy("torch")
    functional = _Lazy("torch.nn.functional")

__all__ = ["functional", "torch"]
