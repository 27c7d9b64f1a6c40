"""Whether the widgets of Jupyter are there."""

from __future__ import annotations

import importlib

_PACKAGES = ("ipywidgets", "anywidget")


def missing() -> str | None:
    """Tell in a sentence what widgets lack here; None if nothing."""
    lacking = [name for name in _PACKAGES if not _is_there(name)]
    if not lacking:
        return None
    return f"Sliders need {' and '.join(lacking)}: pip install {' '.join(lacking)}, then restart the kernel."


def _is_there(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True
