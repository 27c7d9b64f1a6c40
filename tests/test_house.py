"""The layout of the project: imports go down, never up, and the app never imports torch."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the roof to the ground; what stands in a row imports nothing of the rows above it.
ROWS = [
    ["clnp_core.cli"],
    ["dashboard"],
    ["clnp_core.results", "clnp_core.lesson"],
    ["clnp_core.terminal"],
    [
        "clnp_core.runs.handle",
        "clnp_core.runs.jupyter",
        "clnp_core.runs.progress",
        "clnp_core.runs.sweep",
        "clnp_core.runs.comparison",
        "clnp_core.runs.benchmark",
    ],
    ["clnp_core.runs.archive"],
    ["clnp_core.runs.background", "clnp_core.runs.views"],
    ["clnp_core.runs.engine"],
    ["clnp_core.runs.estimate", "clnp_core.runs.classroom"],
    ["clnp_core.runs.store"],
    ["clnp_core.runs.fold"],
    ["clnp_core.runs.spec"],
    ["clnp_core.analysis"],
    ["clnp_core.methods"],
    ["clnp_core.networks", "clnp_core.tasks"],
    [
        "clnp_core.seeds",
        "clnp_core.errors",
        "clnp_core.machine",
        "clnp_core.arithmetic",
        "clnp_core.bounds",
        "clnp_core.files",
        "clnp_core.lazy",
        "clnp_core.printing",
    ],
]


def row(module: str) -> int | None:
    """The row of a module, 0 for the roof; None for what is no part of the project, or only leads into it."""
    for number, names in enumerate(ROWS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return number
    return None


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("clnp_core", "dashboard"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    """What a file imports, its functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("module", "path"), [pytest.param(*each, id=each[0]) for each in modules()])
def test_no_import_runs_up(module, path):
    own = row(module)
    if own is not None:
        assert [name for name in imports(path) if (there := row(name)) is not None and there < own] == []


def test_every_module_has_a_row():
    assert [module for module, _ in modules() if row(module) is None] == ["clnp_core", "clnp_core.runs"]


def test_no_page_imports_another_page():
    """Pages stand on components, and these on what all share."""
    for module, path in modules():
        own = module.split(".")[1:2]
        if module.startswith("dashboard"):
            below = {"components": ["shared"], "shared": []}.get(*own or [""], ["components", "shared"])
            there = {name.split(".")[1] for name in imports(path) if name.startswith("dashboard.")}
            assert there <= {*own, *below}, module


def test_no_page_imports_torch():
    for module, path in modules():
        if module.startswith("dashboard"):
            assert not [name for name in imports(path) if name.split(".")[0] == "torch"], module
