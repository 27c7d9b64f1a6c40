"""The notebooks run from top to bottom, and what is stored of their outputs is free of noise."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import partial
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from notebooks.build import METADATA, NOTEBOOKS, cleaned, executed, workplace

MOST_BYTES = 600_000
REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
OUR_OWN = {"clnp_core"}

SHORTER = {"epochs": 2, "patience": 2, "stream.tasks": 2}
"""Settings of the short path at which the notebooks run here; what is stored of them comes from the path as it is."""

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


@pytest.fixture(scope="module")
def folder(scheduler: str) -> Iterator[Path]:
    """One store and one engine for all notebooks, which computes on workers that are there already."""
    with pytest.MonkeyPatch.context() as patch, workplace() as folder:
        patch.setenv("CLNP_SCHEDULER", scheduler)
        patch.delenv("RUN_FULL", raising=False)
        yield folder


@pytest.fixture
def shortened(notebook: Path, tmp_path: Path) -> Path:
    """The notebook with the settings of its runs at most as large as those of `SHORTER`."""
    read = nbformat.read(notebook, as_version=4)
    changed = 0
    for cell in _code(read):
        for name, most in SHORTER.items():
            smaller = partial(_smaller, most=most)
            cell.source, count = re.subn(rf'("{re.escape(name)}": )(\d+)\b', smaller, cell.source)
            changed += count
    assert changed, "none of the settings is in it"
    nbformat.write(read, tmp_path / notebook.name)
    return tmp_path / notebook.name


def _smaller(setting: re.Match[str], most: int) -> str:
    return f"{setting[1]}{min(int(setting[2]), most)}"


@each_notebook
def test_a_notebook_runs_from_top_to_bottom(shortened: Path, folder: Path) -> None:
    shown = [output for cell in _code(executed(shortened, folder)) for output in cell.outputs]
    assert any(output.output_type != "stream" for output in shown)


def test_there_are_six() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@each_notebook
def test_a_notebook_is_stored_without_noise(notebook: Path) -> None:
    stored = nbformat.read(notebook, as_version=4)
    nbformat.validate(stored)
    assert stored.metadata == METADATA
    for cell in stored.cells:
        assert cell.metadata == {}
    outputs = []
    for cell in _code(stored):
        assert cell.execution_count is None
        outputs += cell.outputs
    assert {output.output_type for output in outputs} <= {"stream", "display_data"}
    assert all(output.name == "stdout" for output in outputs if output.output_type == "stream")
    kinds = [kind for output in outputs if output.output_type == "display_data" for kind in output.data]
    assert "image/png" in kinds, "its key figures are stored; `make notebooks` does that"
    assert set(kinds) <= {"image/png", "text/html", "text/plain"}
    assert notebook.stat().st_size < MOST_BYTES


@each_notebook
def test_a_notebook_imports_nothing_beyond_the_requirements(notebook: Path) -> None:
    names = [line.partition("==")[0].lower() for line in REQUIREMENTS.read_text("utf-8").splitlines() if "==" in line]
    distributions = packages_distributions()
    for module in _imported(nbformat.read(notebook, as_version=4)):
        is_there = module in sys.stdlib_module_names or module in OUR_OWN
        assert is_there or {name.lower() for name in distributions[module]} & set(names), module


def test_what_is_stored_is_cleaned() -> None:
    noisy = nbformat.v4.new_notebook(metadata={"widgets": {"some": "state"}})
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "a bar"}
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=7, metadata={"execution": {"shell.execute_reply": "now"}})
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="57%"),
        nbformat.v4.new_output("stream", name="stdout", text="done\n"),
        nbformat.v4.new_output("display_data", data=widget),
        nbformat.v4.new_output("execute_result", data={"text/plain": "2"}, execution_count=7),
    ]
    noisy.cells = [nbformat.v4.new_markdown_cell("# Sums"), cell]
    stored = cleaned(noisy)
    nbformat.validate(stored)
    assert stored.metadata == METADATA
    assert (stored.cells[1].execution_count, stored.cells[1].metadata) == (None, {})
    assert [output.get("text") or output.data for output in stored.cells[1].outputs] == ["done\n", {"text/plain": "2"}]


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _imported(notebook: NotebookNode) -> set[str]:
    """The packages at the top that its cells import from."""
    found = [node for cell in _code(notebook) for node in ast.walk(ast.parse(cell.source))]
    plain = {name.name for node in found if isinstance(node, ast.Import) for name in node.names}
    of = {node.module for node in found if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | of}
