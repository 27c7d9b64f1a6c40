"""Writes the LaTeX in a figure's texts as plain text, because nothing that draws figures here knows LaTeX."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import plotly.graph_objects as go

from clnp_core.errors import ExportError

# As Pandoc reads dollars, so that "$5 and $6" stays.
_FORMULA = re.compile(r"(?<!\\)\$(?!\s)([^$]*[^$\s\\])\$(?!\d)")
_SIGNS = {
    **{"times": "×", "cdot": "·", "pm": "±", "to": "→", "rightarrow": "→", "infty": "∞", "sum": "∑", "prod": "∏"},
    **{"leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "ell": "l", "partial": "∂"},
    **{"varepsilon": "ε", "vartheta": "θ", "varphi": "φ", "%": "%", "&": "&amp;", ",": " ", " ": " "},
}
_TEXTS = {"text", "name", "ticktext", "x", "y"}


def without_latex(figure: go.Figure) -> go.Figure:
    r"""Write formulas such as $\lambda_1$ in a figure's texts with Greek letters, signs, sub- and superscripts.

    Raises
    ------
    ExportError
        If a formula has anything else.
    """
    if "$" not in figure.to_json():
        return figure
    return go.Figure(_plain(figure.to_plotly_json(), ""))


def _plain(part: Any, name: str) -> Any:
    if isinstance(part, dict):
        return {inner: _plain(each, inner) for inner, each in part.items()}
    if isinstance(part, list | tuple):
        return [_plain(each, name) for each in part]
    return _FORMULA.sub(_written, part) if isinstance(part, str) and name in _TEXTS else part


def _written(formula: re.Match[str]) -> str:
    text = re.sub(r"\\(?:mathrm|mathit|mathbf|text)\{([^{}]*)\}", r"\1", formula[1])
    text = re.sub(r"\\([A-Za-z]+|.)", _sign, text)
    text = re.sub(r"_(?:\{([^{}]*)\}|(\w))", lambda found: f"<sub>{found[1] or found[2]}</sub>", text)
    text = re.sub(r"\^(?:\{([^{}]*)\}|([\w*]))", lambda found: f"<sup>{found[1] or found[2]}</sup>", text)
    if re.search(r"[\\{}_^]", text):
        raise ExportError(
            f"{formula[0]} cannot be drawn; of LaTeX a figure takes Greek letters, signs, sub- and superscripts."
        )
    return text


def _sign(found: re.Match[str]) -> str:
    name = found[1]
    size = "SMALL" if name[0].islower() else "CAPITAL"
    letter = name.upper().replace("LAMBDA", "LAMDA")  # as Unicode spells it
    try:
        return _SIGNS.get(name) or unicodedata.lookup(f"GREEK {size} LETTER {letter}")
    except KeyError:
        return found[0]
