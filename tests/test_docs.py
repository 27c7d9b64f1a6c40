"""What the documentation names is there: files, headings, `make` targets, commands, presets, settings, imports.

The examples in docstrings run, too.
"""

import ast
import doctest
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from clnp_core import __version__
from clnp_core.cli import main
from clnp_core.runs.spec import parse_assignment, preset, preset_names
from clnp_core.runs.sweep import parse_axes, sequences

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = {"--seed": "seed", "--tasks": "stream.tasks", "--epochs": "epochs", "--device": "device"}

_LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

EXAMPLES = [path for path in sorted((ROOT / "clnp_core").rglob("*.py")) if ">>> " in path.read_text("utf-8")]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as both GitHub and the site write them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def code(page: Path) -> Iterator[str]:
    """What a page shows as code, line by line, without comments."""
    text = page.read_text("utf-8")
    lines = [line for _, block in _BLOCK.findall(text) for line in block.splitlines()]
    text = _BLOCK.sub("", text)
    lines += [line for line in text.splitlines() if line.startswith("    ")]
    lines += [" ".join(inline.split()) for inline in re.findall(r"`([^`]+)`", text)]
    yield from (re.split(r"\s+#", line.strip())[0] for line in lines)


def commands(page: Path) -> Iterator[list[str]]:
    """The commands of `clnp` in a page, as a shell would pass them."""
    for line in code(page):
        _, found, arguments = line.partition("clnp ")
        if found and line.split("clnp ")[0] in ("", ".venv/bin/") and arguments[:1].islower():
            yield shlex.split(arguments)


def is_there(module: str, name: str) -> bool:
    """Whether a module has something of that name, or a package a module."""
    return hasattr(import_module(module), name) or find_spec(f"{module}.{name}") is not None


@every_page
def test_every_link_and_picture_leads_somewhere(page):
    for link in (there or picture for there, picture in _LINK.findall(page.read_text("utf-8"))):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_page
def test_every_target_of_make_is_there(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {line.split()[1] for line in code(page) if line.startswith("make ")} <= targets


@every_page
def test_every_command_is_one(page, capsys):
    for command, *arguments in commands(page):
        subcommand = arguments[:1] if command in ("data", "store") else []
        with pytest.raises(SystemExit) as ended:
            main([command, *subcommand, "--help"])
        assert ended.value.code == 0, command
        about = capsys.readouterr().out
        assert [option for option in arguments if option.startswith("--") and option not in about] == [], command


@every_page
def test_every_run_named_is_possible(page):
    for command, *arguments in commands(page):
        if command not in ("run", "sweep") or not arguments or arguments[0].endswith(("PRESET", ".json")):
            continue
        name, *options = arguments
        changes, axes = {}, []
        for option, value in zip(options[::2], options[1::2], strict=True):
            if option == "--set":
                changes |= [parse_assignment(value)]
            elif option in NAMED:
                changes |= [parse_assignment(f"{NAMED[option]}={value}")]
            elif option == "--over":
                axes.append(value)
        assert sequences(name, changes, parse_axes(axes)) if axes else preset(name, changes)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_example_runs(path, tmp_path, monkeypatch):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(import_module(module)).failed == 0


def test_every_preset_is_in_the_guide():
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    assert [name for name in preset_names() if f"`{name}`" not in guide] == []


@every_page
def test_what_python_imports_is_there(page):
    for language, block in _BLOCK.findall(page.read_text("utf-8")):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("clnp_core"):
                assert [each.name for each in node.names if not is_there(node.module, each.name)] == []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "preset":
                assert ast.literal_eval(node.args[0]) in preset_names()


def test_what_the_reference_is_made_of_is_there():
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE):
            module, _, inside = name.rpartition(".")
            assert is_there(module, inside), name


def test_no_docstring_has_what_the_site_takes_for_a_link():
    """`x[i] [..., n]` would be one: the site would not be built."""
    for path in sorted((ROOT / "clnp_core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                told = re.sub(r"`[^`]*`", "", ast.get_docstring(node) or "")
                assert not re.search(r"\] ?\[", told), f"{path}: {told}"


def test_every_page_is_in_the_site():
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.parent != ROOT]
    assert [page for page in pages if f": {page}\n" not in site] == []


def test_one_version_is_told_everywhere():
    told = [r'^version = "(.+)"$', r"^version: (.+)$"]
    files = [ROOT / "pyproject.toml", ROOT / "CITATION.cff"]
    found = [re.findall(line, file.read_text("utf-8"), re.MULTILINE) for line, file in zip(told, files, strict=True)]
    assert found == [[__version__]] * 2
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
