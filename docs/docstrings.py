"""How the reference reads docstrings: examples and drawings in them are code, whatever section they stand in."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^ *>>> .*\n?(?:^ *\S.*\n?)*)+", re.MULTILINE)
_TABLE = re.compile(r"^=+(?: =+)+\n((?:.+\n)+?)=+(?: =+)+$", re.MULTILINE)


def as_markdown(text: str) -> str:
    """A docstring whose examples and tables of fixed width are blocks of code."""
    text = _EXAMPLE.sub(lambda found: _fenced(found[0], "pycon"), text)
    return _TABLE.sub(lambda found: _fenced(found[1], "text"), text)


def _fenced(block: str, language: str) -> str:
    shown = re.sub(r" *# doctest: \+SKIP", "", block.strip("\n"))
    indent = re.match(" *", shown)[0]
    return f"{indent}```{language}\n{shown}\n{indent}```\n"


class Docstrings(griffe.Extension):
    """Passes every docstring through `as_markdown`."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """As griffe calls it."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
