"""The pages of the app: each folder with a `page.py`, found where it lies."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Page(NamedTuple):
    """A page in the navigation; pages compare by their places, then by their titles."""

    place: int
    title: str
    file: Path

    @property
    def address(self) -> str:
        """What stands for it in the app's address: its title in small letters, with hyphens."""
        return self.title.lower().replace(" ", "-")


@cache
def pages(folder: Path) -> list[Page]:
    """The pages of the app in that folder, in their order."""
    return sorted(_page(file) for file in folder.glob("*/page.py"))


def _page(file: Path) -> Page:
    """Read the constants TITLE and PLACE of a page's file, without running it: run, it imports much and draws."""
    said = {
        ast.unparse(target): node.value.value
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
    }
    return Page(said["PLACE"], said["TITLE"], file)
