"""The worked example of the documentation: a method is one file, and nothing else has to know of it."""

import json
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.project import EXAMPLES, Python, python_in_copy

EXAMPLE = "towards_last.py"
RUN = ["digits", "--tasks", "2", "--set", "method=towards_last", "--set", "single_task=false"]
LONG = ["--epochs", "60", "--set", "patience=null", "--set", "towards_last.strength=0.01"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Python:
    """Starts Python in a copy of the project to which the one file was added."""
    return python_in_copy(tmp_path_factory.mktemp("project"), EXAMPLE, "clnp_core/methods")


def clnp(python: Python, *arguments: object) -> tuple[int, str]:
    process = python("-m", "clnp_core.cli", *arguments)
    _, complained = process.communicate()
    return process.returncode, complained


def learned(python: Python, store: Path, *arguments: object) -> dict[str, Any]:
    """The summary of a run of the method."""
    file = store / "summary.json"
    assert clnp(python, "run", *RUN, *arguments, "--store", store, "--json", file) == (0, "")
    summary = json.loads(file.read_text("utf-8"))
    return {name: value for name, value in summary.items() if name not in ("seconds", "environment")}


@pytest.fixture(scope="module")
def calm(python: Python, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A store with an undisturbed run, and its summary."""
    store = tmp_path_factory.mktemp("calm")
    return store, learned(python, store, *LONG)


def test_it_fits_on_a_page():
    assert len((EXAMPLES / EXAMPLE).read_text("utf-8").splitlines()) < 80


def test_a_task_that_is_pulled_forgets_less(calm):
    """Plain fine-tuning keeps less than half of task 1."""
    summary = calm[1]
    assert summary["method"] == "towards_last"
    assert min(summary["accuracy"][-1]) > 0.7


@pytest.mark.parametrize(
    ("setting", "said"),
    [("strength=-1", "towards_last.strength = -1 is not possible"), ("stength=1", "there are strength")],
)
def test_a_wrong_setting_is_refused_in_a_sentence(python, tmp_path, setting, said):
    status, complained = clnp(python, "run", *RUN, "--set", f"towards_last.{setting}", "--store", tmp_path)
    assert (status, complained.count("\n")) == (2, 1)
    assert said in complained


def test_killed_with_its_memory_half_way_it_comes_to_the_same(python, calm, tmp_path):
    process = python("-m", "clnp_core.cli", "run", *RUN, *LONG, "--store", tmp_path)
    # The second task's: the first is pulled nowhere, and has no memory.
    while not (any(tmp_path.rglob("*.checkpoint")) and any(tmp_path.rglob("*.safetensors"))):
        assert process.poll() is None
        time.sleep(0.1)
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in reversed(family):
        each.kill()
    process.communicate()
    assert learned(python, tmp_path, *LONG) == calm[1]


def test_the_pages_compare_and_lab_know_it(python, calm):
    code = """
        from streamlit.testing.v1 import AppTest
        from clnp_core.runs import background
        from clnp_core.runs.store import Store

        background.ensure_engine = lambda store: None
        compare = AppTest.from_file("dashboard/compare/page.py", default_timeout=100).run()
        assert not compare.exception, compare.exception
        assert any("towards_last" in table.value.to_string() for table in compare.table)
        lab = AppTest.from_file("dashboard/app.py", default_timeout=100).run()
        lab.selectbox(key="digits method").select("towards_last").run()
        lab.number_input(key="digits towards_last.strength").set_value(0.5).run()
        next(button for button in lab.button if button.label == "Start").click().run()
        assert not lab.exception, lab.exception
        assert Store().runs()[0].spec.settings.towards_last.strength == 0.5
    """
    process = python("-c", textwrap.dedent(code), CLNP_STORE=str(calm[0]))
    _, complained = process.communicate()
    assert process.returncode == 0, complained
